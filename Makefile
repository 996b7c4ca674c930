# Every target makes the virtual environment first when it is missing or older than pyproject.toml.
PYTHON ?= python3
BIN := .venv/bin

MINUTES ?= 20
MACHINE ?= this-machine

.PHONY: run learn mnist check bench bench-full test test-slow soak lint clean
.DELETE_ON_ERROR:

run: .venv/ready  ## the whole job on the bundled digits
	$(BIN)/python -m compare run

learn: .venv/ready  ## the exercises: write the network yourself
	$(BIN)/python -m compare learn

mnist: .venv/ready  ## the article's experiment; downloads MNIST unless AE_DATA_ROOT has it
	$(BIN)/python -m compare run --data mnist

check: .venv/ready  ## the parity check alone
	$(BIN)/python -m compare check

bench: .venv/ready  ## NumPy against torch: the core table, in a minute
	$(BIN)/python -m compare bench --quick

bench-full: .venv/ready  ## the whole benchmark of this machine, into docs/benchmarks.md beside the others
	$(BIN)/python -m compare bench --data mnist --json docs/benchmarks/$(MACHINE).json
	$(BIN)/python -m compare bench $$(printf -- '--from %s ' docs/benchmarks/*.json) --markdown docs/benchmarks.md

test: .venv/ready  ## every test but the slow ones
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile

test-slow: .venv/ready  ## the slow ones
	$(BIN)/python -m pytest -m slow

soak: .venv/ready  ## kills, interrupts, full disks, wrong files and command lines, at random for MINUTES
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

lint: .venv/ready  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Of all that pip says, shown is what is large, as it comes; its errors are another stream. A pipe hides
# how pip ended, so the file says it.
.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ae-mirror needs Python 3.11 or later; say: make PYTHON=python3.12")'
	@echo "Installing into .venv, once; with PyPI's torch for Linux these are some 6 GB."
	@rm -f $@ && $(PYTHON) -m venv .venv
	@{ $(BIN)/python -u -m pip install --disable-pip-version-check --editable '.[dev]' && touch $@; } \
	| grep --line-buffered -oE '^ *(Downloading|Using cached) .*[MG]B\)|^Installing collected packages' ; test -e $@

clean:
	rm -rf .venv dist
