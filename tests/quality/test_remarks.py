"""A remark is made where the numbers bear it out, and only there."""

from typing import Any

import pytest

from compare.quality.remarks import remarks


@pytest.mark.parametrize(
    ("mse", "accuracy", "told"),
    [(0.03, 0.8, []), (0.01, 0.8, ["Wiener"]), (0.03, 0.9, []), (0.01, 0.95, ["Wiener", "PCA's"])],
)
def test_a_remark_is_made_where_the_simpler_method_is_better_than_both_networks(
    mse: float, accuracy: float, told: list[str]
) -> None:
    accuracies = {"NumPy": 0.85, "PyTorch": 0.9, "PCA": accuracy}
    errors = {"NumPy": 0.02, "PyTorch": 0.03, "Wiener filter": mse}
    quality: Any = {
        "pixels": {name: {"denoised": {"mse": error}} for name, error in errors.items()},
        "neighbours": {name: {"clean_accuracy": share} for name, share in accuracies.items()},
    }
    found = remarks(7, quality)
    assert [next(name for name in ("Wiener", "PCA's") if name in line) for line in found] == told
    assert all("7 numbers" in line for line in found if "Wiener" in line)
