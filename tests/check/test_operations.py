"""Operations are tried on what people give them: any rows, layouts, NaN, far values."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import numpy_ae
from compare import check_layer
from compare.check.operations import check_operations
from compare.check.stages import check_subject
from compare.controls.controls import SMALL
from compare.controls.injection import rewritten
from compare.data.datasets import Dataset
from compare.sides.numpy_side import NumpySide
from compare.sides.subject import our_own
from tests.operands import Array

ROWS = (32, 5)


def failed(
    operation: str, old: str, new: str, rows: tuple[int, int] = ROWS, seed: int = 0
) -> set[tuple[str, str, str]]:
    """Return stage, tensor and what is said of the operations that fail with this in the source."""
    with rewritten(operation, [(old, new)]), np.errstate(all="ignore"):
        found = list(check_operations(NumpySide(SMALL), np.random.default_rng(seed), rows))
    return {(one.stage, one.tensor, one.detail) for one in found if not one.verdict.held}


@pytest.mark.parametrize("rows", [32, 5, 1, 129])
def test_operations_are_tried_on_the_rows_of_a_batch_the_last_one_a_single_one_and_more(
    rows: int,
) -> None:
    new = f"dy.sum(axis=0) + (len(dy) == {rows})"
    found = failed("Linear.backward", "dy.sum(axis=0)", new)
    assert ("exact", "dbias") in {(stage, tensor) for stage, tensor, _ in found}


@pytest.mark.parametrize("rows", [(128, 128), (64, 96)])
def test_rows_that_are_dropped_beyond_a_multiple_are_missed(rows: tuple[int, int]) -> None:
    new = "dy[: len(dy) // 64 * 64 or len(dy)].sum(axis=0)"
    found = failed("Linear.backward", "dy.sum(axis=0)", new, rows)
    assert ("exact", "dbias") in {(stage, tensor) for stage, tensor, _ in found}


@pytest.mark.parametrize("layout", ["dy.flags.f_contiguous", "not dy.flags.forc"])
def test_operations_are_tried_in_other_layouts(layout: str) -> None:
    new = f"dy.sum(axis=0) + (len(dy) > 1 and {layout})"
    found = failed("Linear.backward", "dy.sum(axis=0)", new)
    assert {(stage, tensor) for stage, tensor, _ in found} == {("exact", "dbias")}


@pytest.mark.parametrize(
    ("operation", "old", "new", "tensor", "operand"),
    [
        ("Linear.forward", "x @ self", "np.nan_to_num(x) @ self", "y", "x"),
        ("Linear.backward", "np.dot(dy.T, x)", "np.dot(dy.T, np.nan_to_num(x))", "dweight", "x"),
        ("Linear.backward", "dy.sum(axis=0)", "np.nansum(dy, axis=0)", "dbias", "dy"),
        ("ReLU.forward", "np.maximum(x, 0)", "np.fmax(x, 0)", "y", "x"),
        ("ReLU.backward", "dy * (y > 0)", "np.nan_to_num(dy) * (y > 0)", "dx", "dy"),
        ("SumSquaredError.forward", ".sum()", ".sum(where=target == target)", "value", "target"),
    ],
)
def test_a_nan_that_does_not_come_out_is_told(
    operation: str, old: str, new: str, tensor: str, operand: str
) -> None:
    said = f"a NaN in {operand} does not come out as one"
    assert failed(operation, old, new) == {("exact", tensor, said)}


HIDDEN = [
    ("ReLU.forward", "np.maximum(x, 0)", "np.clip(x, 0, 1e30)", "y", "in x"),
    ("Linear.forward", "x @ ", "x.clip(-1e30, 1e30) @ ", "y", "in x"),
    ("Linear.backward", "dy.sum(axis=0)", "dy.clip(-1e30, 1e30).sum(axis=0)", "dbias", "in dy"),
    ("SumSquaredError.forward", ".sum()", ".clip(0, 1e30).sum()", "value", "in target"),
    ("SumSquaredError.backward", "2 * (y", "(y - target) + (y", "dy", ""),  # as good
]


@pytest.mark.parametrize(("operation", "old", "new", "tensor", "said"), HIDDEN)
def test_an_infinity_that_does_not_come_out_is_noted_of_a_side_and_fails_in_our_own_layers(
    operation: str, old: str, new: str, tensor: str, said: str, dataset: Dataset
) -> None:
    with rewritten(operation, [(old, new)]):
        subject = our_own(dataset.train_images)
        mine, theirs = (
            check_subject(subject, SMALL, dtypes=["float32"], torch=False, own=own)
            for own in (True, False)
        )
    assert theirs.held
    assert mine.held is not bool(said)
    noted = [line for line in theirs.lines() if line.startswith("Noted: ")]
    assert bool(noted) is bool(said)
    for line in noted:
        assert re.search(rf"^Noted: {tensor} of NumPy's \w+\.\w+: of .* in \w+, it is not ", line)
    assert said in "".join(noted)
    assert ("it is not what the definition has" in mine.sentence) is bool(said)


class Naive(numpy_ae.Sigmoid):
    """The textbook's sigmoid, which overflows."""

    def forward(self, x: Array) -> Any:
        """Return 1 / (1 + e⁻ˣ)."""
        return 1 / (1 + np.exp(-x))


class Quotient(numpy_ae.Sigmoid):
    """A sigmoid whose overflow is not even seen."""

    def forward(self, x: Array) -> Any:
        """Return eˣ / (1 + eˣ)."""
        with np.errstate(all="ignore"):
            return np.exp(x) / (1 + np.exp(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sigmoid", [Naive, Quotient])
def test_an_overflowing_sigmoid_is_found_whatever_is_drawn(
    sigmoid: Callable[[], Any], dtype: str
) -> None:
    for seed in range(20):
        x = np.zeros((4, 3), dtype)
        assert not check_layer(sigmoid(), torch.nn.Sigmoid(), x, seed=seed).held
        assert check_layer(numpy_ae.Sigmoid(), torch.nn.Sigmoid(), x, seed=seed).held


@pytest.mark.parametrize("seed", range(20))
def test_a_side_whose_sigmoid_overflows_is_found_whatever_is_drawn(seed: int) -> None:
    old = "np.exp(np.minimum(x, -x))"
    new = "np.exp(x)\n    return e / (1 + e)"
    found = failed("Sigmoid.forward", old, new, seed=seed)
    assert "y" in {tensor for _, tensor, _ in found}


def test_the_sum_of_many_rows_stays_exact() -> None:
    rng = np.random.default_rng(0)
    found = check_operations(NumpySide(SMALL), rng, (5000, 5000))
    assert all(one.verdict.held for one in found)
