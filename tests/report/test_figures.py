"""Every figure, usual and awkward: complete, legible, the same bytes from the same input."""

import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from compare.data.digits import ORIGIN
from compare.errors import UserError
from compare.report import architecture, curves, images, latent, style
from compare.report.rows import GAP, tile
from compare.report.style import INK, KNOWN
from compare.sides.interface import Layer

RNG = np.random.default_rng(7)
DIGITS = [str(i) for i in range(10)]
CLOTHES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
LABELS = np.arange(200) % 10
STEPS = np.arange(1, 101)
BOTH = ("NumPy", "PyTorch")


def some_images(k: int) -> NDArray[np.float64]:
    return RNG.random((k, 28, 28))


def by_side(make: Callable[[], Any], *labels: str) -> dict[str, Any]:
    return {label: make() for label in labels or BOTH}


def cloud() -> NDArray[np.float64]:
    return RNG.normal(size=(10, 2))[LABELS] * 5 + RNG.normal(size=(200, 2))


def line() -> NDArray[np.float64]:
    return cloud() * [1, 0]


def falling(n: int) -> list[float]:
    return list(30 / np.arange(1, n + 1) + RNG.random(n) * 1e-3)


def drift(scale: float) -> tuple[Any, Any, Any]:
    return STEPS, scale * np.sqrt(STEPS), scale * RNG.random(100) * (RNG.random(100) > 0.5)


def layers(pixels: int, hidden: int, latent: int) -> list[Layer]:
    return [
        Layer("fc1", "Linear", pixels, hidden),
        Layer("relu1", "ReLU", hidden, hidden),
        Layer("fc2", "Linear", hidden, latent),
        Layer("fc3", "Linear", latent, hidden),
        Layer("relu3", "ReLU", hidden, hidden),
        Layer("fc4", "Linear", hidden, pixels),
        Layer("sigmoid", "Sigmoid", pixels, pixels),
    ]


def settings(n: int) -> list[tuple[str, NDArray[np.float64], float]]:
    return [
        (f"latent-dim {i}, noise 0.3, epochs 15", some_images(8), 0.01 + 0.001 * i)
        for i in range(n)
    ]


NOISY = {"Noisy, 0.1": some_images(8), "Noisy, 0.3": some_images(8)}
BYTES = RNG.integers(0, 256, (200, 28, 28), dtype=np.uint8)
FLOAT32, FLOAT64 = drift(1e-7), drift(1e-16)
NOTHING = (STEPS, np.zeros(100), np.zeros(100))
EPOCHS = ([1, 2, 3], [0.1, 0.2, 0.3], [0.0, 1e-5, 1e-4])

# What is drawn, and what must be read in it.
CASES: dict[str, tuple[Callable[..., Figure], tuple[Any, ...], tuple[str, ...]]] = {
    "dataset": (images.dataset, (BYTES, LABELS, DIGITS, ORIGIN), ("0", "9", "20")),
    "dataset, long names": (
        images.dataset,
        (BYTES, LABELS, CLOTHES, ORIGIN),
        ("Ankle boot", "T-shirt/top"),
    ),
    "dataset, a class without images": (
        images.dataset,
        (BYTES, LABELS % 9, DIGITS, ORIGIN),
        ("9", "0"),
    ),
    "network": (
        architecture.network,
        (layers(784, 400, 10),),
        ("fc1", "relu3", "sigmoid", "= 314,000", "latent\n10"),
    ),
    "network, latent 1": (architecture.network, (layers(784, 2000, 1),), ("latent\n1",)),
    "network, no bottleneck": (architecture.network, (layers(64, 20, 100),), ("latent\n100",)),
    "latent": (latent.latent, (by_side(cloud), LABELS, DIGITS, "UMAP", (3, 8)), BOTH),
    "latent, long names": (
        latent.latent,
        (by_side(cloud), LABELS, CLOTHES, "UMAP", range(10)),
        (*BOTH, "Ankle boot"),
    ),
    "latent, pixels": (
        latent.latent,
        (by_side(cloud), LABELS, DIGITS, "UMAP", (), cloud()),
        (*BOTH, "the pixels, by PCA"),
    ),
    "latent, one side": (
        latent.latent,
        (by_side(cloud, "PyTorch"), LABELS, DIGITS, "UMAP"),
        ("PyTorch",),
    ),
    "latent, one dimension": (
        latent.latent,
        (by_side(line), LABELS, CLOTHES, "latent"),
        (*BOTH, "Ankle boot"),
    ),
    "latent, collapsed": (
        latent.latent,
        (by_side(lambda: 0 * cloud()), LABELS, DIGITS, "PCA"),
        BOTH,
    ),
    "reconstructions": (
        images.reconstructions,
        (some_images(8), by_side(lambda: some_images(8))),
        (*BOTH, "Original"),
    ),
    "reconstructions, one side": (
        images.reconstructions,
        (some_images(8), by_side(lambda: some_images(8), "mine")),
        ("mine",),
    ),
    "denoising": (
        images.denoising,
        (some_images(8), some_images(8), by_side(lambda: some_images(8))),
        (*BOTH, "Noisy"),
    ),
    "denoising, three images": (
        images.denoising,
        (some_images(3), some_images(3), by_side(lambda: some_images(3))),
        BOTH,
    ),
    "random_samples": (
        images.random_samples,
        (
            some_images(6),
            {
                "N(0, I)": by_side(lambda: some_images(6)),
                "fitted Gaussian": by_side(lambda: some_images(6)),
            },
            {("NumPy", "N(0, I)"): "confidence 0.5"},
        ),
        ("NumPy, N(0, I)", "PyTorch, fitted Gaussian", "confidence 0.5", "Test images"),
    ),
    "random_samples, one side": (
        images.random_samples,
        (some_images(6), {"N(0, I)": by_side(lambda: some_images(6), "NumPy")}),
        ("NumPy, N(0, I)",),
    ),
    "losses": (
        curves.losses,
        (by_side(lambda: falling(15)), by_side(lambda: falling(15))),
        (*BOTH, "Test MSE per pixel", "Relative difference to NumPy"),
    ),
    "losses, one epoch": (
        curves.losses,
        (by_side(lambda: falling(1)), by_side(lambda: falling(1))),
        BOTH,
    ),
    "losses, one side": (
        curves.losses,
        (by_side(lambda: falling(15), "PyTorch"), None),
        ("PyTorch",),
    ),
    "losses, equal": (curves.losses, (by_side(lambda: [3.0, 2.0]), None), (*BOTH, "exactly 0")),
    "losses, not finite": (
        curves.losses,
        (by_side(lambda: [3.0, np.nan]), by_side(lambda: [np.nan])),
        BOTH,
    ),
    "losses, one side trained longer": (
        curves.losses,
        ({"NumPy": falling(3), "PyTorch": falling(5)},),
        BOTH,
    ),
    "divergence": (
        curves.divergence,
        ({"float32": FLOAT32, "float64": FLOAT64}, EPOCHS),
        ("float32", "float64", "exactly 0", "step", "epoch of the whole run"),
    ),
    "divergence, one dtype": (curves.divergence, ({"float64": FLOAT64},), ("float64",)),
    "divergence, epochs alone": (curves.divergence, ({}, EPOCHS), ("epoch of the whole run",)),
    "divergence, all zero": (
        curves.divergence,
        ({"float32": NOTHING, "float64": NOTHING},),
        ("exactly 0",),
    ),
    "explore": (images.explore, (settings(2), some_images(8), NOISY), ("0.0100", "0.0110")),
    "explore, twelve rows": (
        images.explore,
        (settings(12), some_images(8), NOISY),
        ("0.0210", "Noisy, 0.1", "Noisy, 0.3"),
    ),
    "explore, one diverged": (
        images.explore,
        (
            [*settings(1), ("lr 1000.0", np.full((8, 28, 28), np.nan), np.nan)],
            some_images(8),
            NOISY,
        ),
        ("lr 1000.0", "nan"),
    ),
}
every_case = pytest.mark.parametrize("case", CASES)
usual_case = pytest.mark.parametrize("case", [case for case in CASES if "," not in case])


def draw(case: str) -> Figure:
    function, arguments, _ = CASES[case]
    return function(*arguments)


def texts(figure: Figure) -> tuple[list[Text], list[Text]]:
    """Return the figure's texts, and those at ticks, some of which matplotlib does not draw."""
    figure.draw_without_rendering()
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    at_ticks = {text for axis in axes for text in axis.findobj(Text) if text is not axis.label}
    every = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    shown = [text for text in every if text.get_visible() and text.get_text().strip()]
    return [text for text in shown if text not in at_ticks], [
        text for text in shown if text in at_ticks
    ]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts(figure)[0]]


def overlapping(labels: list[Text]) -> list[tuple[str, str]]:
    # A pixel may be shared.
    boxes = [(label.get_text(), label.get_window_extent().padded(-1)) for label in labels]
    return [(a, b) for (a, box), (b, other) in combinations(boxes, 2) if box.overlaps(other)]


@every_case
def test_the_figure_says_what_it_shows_and_every_text_has_a_place_of_its_own_on_the_page(
    case: str,
) -> None:
    figure = draw(case)
    free, at_ticks = texts(figure)
    read = [text.get_text() for text in free + at_ticks]
    for expected in CASES[case][2]:
        assert any(text == expected or text.startswith(f"{expected}  ") for text in read), expected
    page = figure.bbox
    for text in free:
        box = text.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text.get_text()
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text.get_text()
    assert overlapping(free) == []


@usual_case
def test_the_same_input_gives_the_same_bytes_whatever_the_users_settings(
    case: str, tmp_path: Path
) -> None:
    style.save(draw(case), tmp_path / "one.png")
    with matplotlib.rc_context(
        {"font.size": 20, "axes.grid": False, "savefig.dpi": 10, "image.cmap": "hot"}
    ):
        style.save(draw(case), tmp_path / "two.png")
    written = (tmp_path / "one.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    assert written == (tmp_path / "two.png").read_bytes()


def test_other_input_gives_other_bytes(tmp_path: Path) -> None:
    clean = some_images(8)
    for name, made in (("one", clean), ("two", 1 - clean)):
        style.save(images.reconstructions(clean, {"NumPy": made}), tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new folder" / "figure.png"
    style.save(draw("network"), path)
    before = path.read_bytes()

    def fail(self: Figure, file: BinaryIO, **_: object) -> None:
        file.write(b"half")
        raise MemoryError

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(MemoryError):
        style.save(draw("network"), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        style.save(draw("network"), tmp_path / "file" / "figure.png")


def test_drawing_leaves_the_settings_of_matplotlib_alone_and_needs_neither_pyplot_nor_torch() -> (
    None
):
    code = (
        "import matplotlib, sys\n"
        "def settings():\n"
        "    return {k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != 'backend'}\n"
        "before = settings()\n"
        "from compare.report import architecture, curves, images, latent, style\n"
        "from compare.sides.interface import Layer\n"
        "architecture.network([Layer('fc1', 'Linear', 4, 2), Layer('fc2', 'Linear', 2, 4)])\n"
        "assert not {'matplotlib.pyplot', 'torch'} & set(sys.modules)\n"
        "assert settings() == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("sides", [BOTH, BOTH[::-1], ("PyTorch",), ("mine", "PyTorch")])
def test_a_side_keeps_its_colour_whatever_stands_beside_it(sides: tuple[str, ...]) -> None:
    figure = images.reconstructions(some_images(8), by_side(lambda: some_images(8), *sides))
    (label,) = (text for text in texts(figure)[0] if text.get_text() == "PyTorch")
    assert to_hex(label.get_color()).upper() == KNOWN["PyTorch"]


def test_a_cloud_fills_its_frame_at_one_scale_in_both_directions() -> None:
    wide, high = cloud() * [9, 1], cloud() * [1, 9]
    figure = latent.latent({"NumPy": wide, "PyTorch": high}, LABELS, DIGITS, "PCA")
    figure.draw_without_rendering()
    # The last axes are the colour bar's.
    for axes, points in zip(figure.axes, (wide, high), strict=False):
        dots = np.ptp(axes.transData.transform(points), axis=0)
        ratios = dots / np.ptp(points, axis=0)
        # The layout may still move by a dot.
        np.testing.assert_allclose(ratios[0], ratios[1], rtol=0.01)
        assert 0.9 < max(dots / [axes.bbox.width, axes.bbox.height]) < 1


def test_names_of_classes_that_share_a_place_are_moved_apart() -> None:
    points = RNG.normal(size=(200, 2))  # every class around the origin
    figure = latent.latent({"NumPy": points}, LABELS, CLOTHES, "PCA")
    names = figure.axes[0].texts
    assert len(names) == len(CLOTHES)
    assert overlapping(list(names)) == []


def test_classes_that_overlap_are_named_in_the_caption_and_else_none_is() -> None:
    points = RNG.normal(size=(200, 2))
    told = words(latent.latent({"NumPy": points}, LABELS, DIGITS, "PCA", (3, 8)))
    assert any(text.endswith("Here these overlap with others: 3, 8.") for text in told)
    told = words(latent.latent({"NumPy": points}, LABELS, DIGITS, "PCA"))
    assert not any("overlap" in text for text in told)


def test_the_network_counts_its_parameters() -> None:
    expected = (784 * 400 + 400) + (400 * 10 + 10) + (10 * 400 + 400) + (400 * 784 + 784)
    assert any(
        text.startswith(f"{expected:,} parameters")
        for text in words(architecture.network(layers(784, 400, 10)))
    )


def test_the_mse_beside_a_row_is_the_mean_over_its_pixels() -> None:
    clean = np.zeros((2, 28, 28))
    made = clean + np.array([0.1, 0.3])[:, None, None]
    assert {"MSE 0.2500", "MSE 0.0500"} <= set(
        words(images.denoising(clean, clean + 0.5, {"NumPy": made}))
    )


def test_every_zero_distance_is_an_open_circle_and_no_other_is() -> None:
    axes = curves.divergence({"float32": FLOAT32, "float64": FLOAT64}).axes[1]
    circles = sum(
        np.size(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None"
    )
    assert circles == sum(np.count_nonzero(loss == 0) for _, _, loss in (FLOAT32, FLOAT64))
    # Their band lies below every tick.
    assert 0 < axes.get_ylim()[0] < axes.get_yticks().min() / 10


def test_the_drift_by_epoch_has_the_colour_and_the_name_of_the_runs_dtype() -> None:
    figure = curves.divergence({"float32": FLOAT32, "float64": FLOAT64}, EPOCHS, "float64")
    lower = figure.axes[2]
    assert lower.get_legend_handles_labels()[1] == ["float64"]
    assert lower.lines[0].get_color() == KNOWN["float64"]


def test_in_explore_the_least_error_alone_is_dark_and_bars_go_with_the_errors() -> None:
    figure = images.explore(
        [(f"lr {mse}", some_images(8), mse) for mse in (0.02, 0.01, 0.04)], some_images(8), NOISY
    )
    bars = [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    widths = np.array([bar.get_width() for bar in bars])
    np.testing.assert_allclose(widths / widths[0], [1, 0.5, 2])
    assert [to_hex(bar.get_facecolor()) == INK for bar in bars] == [False, True, False]


def test_in_explore_errors_that_look_equal_are_both_the_least() -> None:
    figure = images.explore(
        [(f"lr {mse}", some_images(8), mse) for mse in (0.01001, 0.01, 0.04)],
        some_images(8),
        NOISY,
    )
    bars = [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert [to_hex(bar.get_facecolor()) == INK for bar in bars] == [True, True, False]


def test_in_explore_a_line_breaks_between_settings_and_never_inside_one() -> None:
    label = "latent-dim 10, hidden-dim 400, batch-size 128, lr 0.001"
    figure = images.explore([(label, some_images(8), 0.1)], some_images(8), NOISY)
    (drawn,) = (text for text in words(figure) if text.startswith("latent-dim"))
    assert "\n" in drawn
    assert drawn.replace(",\n", ", ") == label


@given(
    k=st.integers(0, 9),
    columns=st.integers(1, 5),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
)
def test_a_tiled_sheet_holds_every_image_once_in_order(
    k: int, columns: int, height: int, width: int
) -> None:
    # No pixel is white, which is 1.
    pictures = np.arange(k * height * width).reshape(k, height, width) + 2.0
    sheet = tile(pictures, columns)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (height + GAP), i % columns * (width + GAP)
        np.testing.assert_array_equal(sheet[y : y + height, x : x + width], picture)
    assert np.count_nonzero(sheet != 1) == pictures.size
