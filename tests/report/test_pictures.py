"""Every picture is drawn from what the commands left; one with nothing to show is left out."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.quality.samples import Samples, take_samples
from compare.report import style
from compare.report.figures import draw
from compare.sides.subject import LABELS, make_side

NAMES = [
    "dataset",
    "network",
    "latent",
    "reconstructions",
    "denoising",
    "random_samples",
    "losses",
    "divergence",
]
EPOCHS = [
    {"loss": 60.0, "test_mse": 0.05, "seconds": 1.0},
    {"loss": 50.0, "test_mse": 0.04, "seconds": 1.0},
]
DRIFT = [
    {"epoch": 1, "parameters": 1e-6, "loss": 1e-8},
    {"epoch": 2, "parameters": 2e-6, "loss": 2e-8},
]
FREE_RUN = {
    "steps": [1, 2],
    "parameters": [1e-7, 2e-7],
    "loss": [1e-8, 2e-8],
    "perturbed": [1e-7, 1e-7],
    "held": True,
}


@pytest.fixture(scope="module")
def show(config: Config, dataset: Dataset) -> Samples:
    """Return what one side shows, untrained."""
    return take_samples(
        config, dataset, {LABELS["numpy"]: make_side("numpy", config)}, method="pca"
    )


@pytest.mark.parametrize(
    ("drift", "check", "names"),
    [
        (DRIFT, {"free_runs": {"float32": FREE_RUN}}, NAMES),
        (DRIFT, None, NAMES),
        ([], {"free_runs": {"float32": FREE_RUN}}, NAMES),
        ([], None, NAMES[:-1]),
    ],
)
def test_each_picture_that_has_something_to_show_is_saved_under_its_name(
    config: Config,
    dataset: Dataset,
    show: Samples,
    monkeypatch: pytest.MonkeyPatch,
    drift: list[Any],
    check: dict[str, Any] | None,
    names: list[str],
) -> None:
    saved: list[Path] = []

    def save(figure: Figure, path: Path) -> None:
        assert figure.axes
        saved.append(path)

    monkeypatch.setattr(style, "save", save)
    layers = make_side("numpy", config).describe().layers
    history = {"numpy": EPOCHS, "drift": drift}
    assert list(draw(Path("folder"), dataset, layers, show, history, check, "float32")) == saved
    assert saved == [Path("folder") / f"{name}.png" for name in names]


OTHERS: list[dict[str, Any]] = [
    {"numpy": EPOCHS},
    {"numpy": [{}], "drift": []},
    {"numpy": EPOCHS, "drift": [{}]},
]


@pytest.mark.parametrize("history", OTHERS)
def test_a_history_of_another_make_is_told_in_one_line(
    config: Config, dataset: Dataset, show: Samples, tmp_path: Path, history: dict[str, Any]
) -> None:
    layers = make_side("numpy", config).describe().layers
    with pytest.raises(
        UserError, match=r"^history\.json or check\.json of .*: not all is as compare wrote it"
    ):
        list(draw(tmp_path / "figures", dataset, layers, show, history, None, "float32"))
