"""Every finding of a check has its row, and a row tells the worst of each stage."""

import pytest

from compare.check.diagnosis import WHOLE, tensor_of
from compare.check.stages import check
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.report.page.findings import by_tensor
from compare.report.page.listing import operations

SMALL = Config(latent_dim=2, hidden_dim=4, batch_size=5)


def test_every_finding_is_about_a_tensor_of_a_row_or_about_the_whole(dataset: Dataset) -> None:
    report = check(SMALL, dataset.train_images, trajectory=False)
    layers = report.description.layers
    rows = {name for of in operations(layers, SMALL.batch_size) for name in of.tensors}
    assert {tensor_of(finding, layers) for finding in report.findings} == rows | {
        WHOLE,
        "dact/input",
    }


def finding(stage: str, verdict: str, ratio: float | None) -> tuple[str, dict[str, object]]:
    """Return a finding under a name."""
    return "act/fc1", {"stage": stage, "verdict": verdict, "ratio": ratio}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([("exact", "exact", 0.0)], ["exact: no error"]),
        ([("network", "within", 0.1), ("network", "within", 0.3)], ["network: 0.3 of the bound"]),
        (
            [("network", "within", 0.3), ("network", "fail", 7.0)],
            ["network: fail, 7 times the bound"],
        ),
        ([("exact", "fail", None), ("exact", "fail", 7.0)], ["exact: fail"]),
        (
            [("network", "missing", None), ("exact", "exact", 0.0)],
            ["exact: no error", "network: missing"],
        ),
    ],
)
def test_a_mark_tells_the_worst_of_its_stage(
    found: list[tuple[str, str, float | None]], said: list[str]
) -> None:
    marks = by_tensor(finding(*each) for each in found)["act/fc1"]
    assert list(map(str, marks)) == said
    assert [mark.held for mark in marks] == [not re_off(text) for text in said]


def re_off(text: str) -> bool:
    """Whether a mark's text tells of something wrong."""
    return "fail" in text or "missing" in text
