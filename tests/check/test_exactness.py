"""Which side is the more exact is told from the errors alone, whichever it is."""

from dataclasses import replace

import pytest

from compare.check.bounds import Finding, Verdict
from compare.check.check_report import Exactness, exactness
from compare.check.stages import check
from compare.controls.controls import SMALL
from compare.controls.injection import rewritten
from compare.data.datasets import Dataset


def findings(side: str, *ratios: float) -> list[Finding]:
    """Return one finding of the network stage for every ratio."""
    one = Finding("network", side, "float32", "fc1.forward", "", Verdict.WITHIN)
    return [replace(one, tensor=f"act/{i}", ratio=ratio) for i, ratio in enumerate(ratios)]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (
            (0.1, 0.1, 0.0),
            (0.2, 0.2, 0.0),
            "NumPy is the more exact on 2 of 3 tensors, PyTorch on 0, neither on 1",
        ),
        (
            (0.1, 0.3, 0.5),
            (0.2, 0.2, 0.4),
            "PyTorch is the more exact on 2 of 3 tensors, NumPy on 1",
        ),
        (
            (0.1, 0.3, 0.5),
            (0.2, 0.2, 0.5),
            "NumPy and PyTorch are as exact, each the nearer on 1 of 3 tensors",
        ),
    ],
)
def test_the_side_that_is_nearer_to_the_truth_on_more_tensors_is_named_first(
    ours: tuple[float, ...], theirs: tuple[float, ...], said: str
) -> None:
    other_tier = replace(findings("NumPy", 9.0)[0], stage="rounding")
    found = exactness([*findings("NumPy", *ours), other_tier, *findings("PyTorch", *theirs)])
    assert {dtype: str(of) for dtype, of in found.items()} == {"float32": said}


def test_one_side_alone_is_compared_with_none() -> None:
    assert exactness(findings("NumPy", 0.1)) == {}


def test_a_side_that_rounds_more_coarsely_is_the_less_exact(dataset: Dataset) -> None:
    coarse = "(x.astype(np.float32) @ self.weight.T.astype(np.float32)).astype(x.dtype)"
    with rewritten("Linear.forward", [("x @ self.weight.T", coarse)]):
        report = check(SMALL, dataset.train_images, dtypes=["float64"], trajectory=False)
    nearer = report.exactness["float64"].nearer
    assert nearer["PyTorch"] > nearer["NumPy"]
    assert str(Exactness(23, nearer)) in "\n".join(report.lines())
