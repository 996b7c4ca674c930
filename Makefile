# Every target makes the virtual environment first when it is missing or older than pyproject.toml.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run mnist check test test-slow lint clean
.DELETE_ON_ERROR:

run: .venv/ready  ## the whole job on the bundled digits
	$(BIN)/python -m compare run

mnist: .venv/ready  ## the article's experiment; downloads MNIST unless AE_DATA_ROOT has it
	$(BIN)/python -m compare run --data mnist

check: .venv/ready  ## the parity check alone
	$(BIN)/python -m compare check

test: .venv/ready  ## every test but the slow ones
	$(BIN)/python -m pytest -m "not slow"

test-slow: .venv/ready  ## the slow ones
	$(BIN)/python -m pytest -m slow

lint: .venv/ready  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ae-mirror needs Python 3.11 or later; say: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist
