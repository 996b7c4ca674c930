"""One operation, or the optimizer, asked of a side alone: on both sides as in a whole step."""

from dataclasses import replace

import numpy as np
import pytest

from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.subject import LABELS, make_side
from tests.networks import PARAMETERS
from tests.operands import assert_same

FEW = 20  # roundings of eps each, of sums of at most 20 terms

OPERANDS: dict[str, dict[str, tuple[int, ...]]] = {
    "fc1.forward": {"x": (5, 4), "weight": (3, 4), "bias": (3,)},
    "fc1.backward": {"dy": (5, 3), "x": (5, 4), "weight": (3, 4)},
    "relu1.forward": {"x": (5, 4)},
    "relu1.backward": {"dy": (5, 4), "y": (5, 4)},
    "sigmoid.forward": {"x": (5, 4)},
    "sigmoid.backward": {"dy": (5, 4), "y": (5, 4)},
    "loss.forward": {"y": (5, 4), "target": (5, 4)},
    "loss.backward": {"y": (5, 4), "target": (5, 4)},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", OPERANDS)
def test_one_operation_alone_gives_the_same_on_both_sides_and_touches_neither(
    config: Config, op: str, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    operands = {
        key: rng.standard_normal(shape).astype(dtype) for key, shape in OPERANDS[op].items()
    }
    copies = {key: value.copy() for key, value in operands.items()}
    results = []
    for name in LABELS:
        side = make_side(name, replace(config, dtype=dtype))
        before = side.state()
        results.append(side.op(op, operands))
        assert_same(side.state(), before)
        assert_same(operands, copies)
    ours, theirs = results
    assert list(ours) == list(theirs)
    for key, value in ours.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(
            value, theirs[key], rtol=0, atol=FEW * np.finfo(dtype).eps * scale, strict=True
        )


@pytest.mark.parametrize("name", LABELS)
def test_an_update_on_the_gradients_of_a_step_is_that_step(
    config: Config, batches: list[Batch], name: str
) -> None:
    observed, updated = (make_side(name, config) for _ in range(2))
    trace = observed.observe(batches[0])
    grads = {param: trace[f"grad/{param}"] for param in PARAMETERS}
    assert_same(updated.update(grads), observed.state())
