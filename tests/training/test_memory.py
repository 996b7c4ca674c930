"""What cannot fit is refused before any work."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides.interface import state_shapes
from compare.sides.numpy_side import initial_state, layers
from compare.training import memory
from tests.running import environ


def test_shapes_are_those_of_a_state(config: Config) -> None:
    assert state_shapes(layers(config)) == {
        name: value.shape for name, value in initial_state(config).items()
    }


PEAK = """
import re, sys
from dataclasses import replace
from pathlib import Path
from compare import machine
from compare.data import datasets
from compare.data.config import Config
from compare.training.memory import bytes_of_training
from compare.training.training import Training
from compare.sides.subject import make_side
def held(what):
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(f"{what}: *\\t *([0-9]+) kB", status)[1])
machine.set_threads(1)
whole = datasets.load("digits")
digits = replace(whole, train_images=whole.train_images[:2000], test_images=whole.test_images[:100])
hidden, batch, shards = map(int, sys.argv[1:])
config = Config(hidden_dim=hidden, batch_size=batch, epochs=1)
before = held("VmRSS")
sides = dict(numpy=make_side("numpy", config))
Training(config, digits, sides, Path("run"), shards=shards).run(lambda *_: None)
print((held("VmHWM") - before) / bytes_of_training(config, digits, shards=shards))
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not say what a process holds"
)
# mostly the state; mostly activations; mostly the rest of the batch
@pytest.mark.parametrize(
    ("hidden", "batch", "shards"), [(2_000, 100, 1), (1_000, 2_000, 1), (400, 2_000, 16)]
)
def test_what_is_counted_is_what_a_training_takes_to_a_factor_of_two(
    tmp_path: Path, hidden: int, batch: int, shards: int
) -> None:
    command = [sys.executable, "-c", PEAK, *map(str, (hidden, batch, shards))]
    ended = subprocess.run(command, cwd=tmp_path, env=environ(), capture_output=True, text=True)
    assert 0.5 < float(ended.stdout) < 2, ended.stderr


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    config = Config(hidden_dim=3, latent_dim=2)
    for known in (None, dataset):
        needed = memory.bytes_of_training(config, known)
        monkeypatch.setattr(memory, "memory", lambda needed=needed: needed)
        memory.require_memory(config, known)
        with pytest.raises(
            UserError, match=r"^hidden-dim 3, .* need 0.0 GiB, and this .*; choose smaller ones"
        ):
            memory.require_memory(config, known, sides=2)


def test_a_batch_too_large_may_be_trained_on_in_parts(
    monkeypatch: pytest.MonkeyPatch, dataset: Dataset
) -> None:
    config = Config(hidden_dim=300, latent_dim=2, batch_size=10**6)
    images = np.repeat(dataset.train_images, 50, axis=0)
    many = replace(dataset, train_images=images, test_images=images[:1])
    fits = memory.bytes_of_training(config, many, shards=8)
    monkeypatch.setattr(memory, "memory", lambda: fits)
    with pytest.raises(UserError, match=r"smaller ones, or train with --micro-batches 8$"):
        memory.require_memory(config, many)
    memory.require_memory(config, many, shards=8)
    with pytest.raises(UserError, match=r"smaller ones, or fewer --workers$"):
        memory.require_memory(config, many, shards=8, workers=2)


@pytest.mark.parametrize(
    ("content", "limit"), [("1000000\n", 1e6), ("max\n", math.inf), (None, math.inf)]
)
def test_a_containers_limit_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, limit: float
) -> None:
    unlimited = tmp_path / "none"
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", unlimited)
    physical = memory.memory()
    assert physical > 1e8
    if content:
        unlimited.write_text(content)
    assert memory.memory() == min(physical, limit)
