"""What cannot fit is refused before any work."""

import math
from pathlib import Path

import pytest

from compare.errors import UserError
from compare.experiment import memory
from compare.experiment.config import Config
from compare.parity.numpy_side import initial_state, state_shapes


def test_shapes_are_those_of_a_state(config: Config) -> None:
    assert state_shapes(config) == {name: value.shape for name, value in initial_state(config).items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_may_need_what_there_is_and_no_more(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(hidden_dim=3, latent_dim=2, dtype=dtype)
    parameters = (784 * 3 + 3) + (3 * 2 + 2) + (2 * 3 + 3) + (3 * 784 + 784)
    needed = (4 * parameters + 1) * int(dtype[-2:]) // 8  # with gradients and two moments; and Adam's step
    monkeypatch.setattr(memory, "memory", lambda: float(needed))
    memory.require_memory(config)
    monkeypatch.setattr(memory, "memory", lambda: float(needed - 1))
    with pytest.raises(UserError, match=r"^hidden-dim 3 and latent-dim 2 need 0 GiB a side, .*; choose smaller ones$"):
        memory.require_memory(config)


@pytest.mark.parametrize(("content", "limit"), [("1000000\n", 1e6), ("max\n", math.inf), (None, math.inf)])
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
