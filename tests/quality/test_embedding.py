"""The plane in which a latent is drawn."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compare.errors import UserError
from compare.quality import embedding
from compare.quality.embedding import NEIGHBOURS, embed, mixed


def clusters(n: int, d: int) -> NDArray[np.float32]:
    """Return n points in five clusters far enough apart that no neighbour graph connects them."""
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=100, size=(5, d))[np.arange(n) % 5]
    return (centres + rng.normal(size=(n, d))).astype(np.float32)


def distances(points: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))


@pytest.mark.slow  # UMAP compiles itself; every whole run of the default tests draws with it, too
def test_umap_keeps_clusters_together_warns_of_nothing_and_repeats_itself() -> None:
    before = np.random.get_state(legacy=False)  # noqa: NPY002  it is to be left alone
    points, method = embed(clusters(200, 10))
    assert method == "UMAP"
    assert points.shape == (200, 2)
    assert points.dtype == np.float32
    nearest = distances(points).argsort(axis=1)[:, 1]
    assert (nearest % 5 == np.arange(200) % 5).all()
    np.testing.assert_array_equal(embed(clusters(200, 10))[0], points)
    np.testing.assert_equal(np.random.get_state(legacy=False), before)  # noqa: NPY002  as above


def test_umap_is_given_exact_neighbours_and_a_fixed_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Umap:
        def __init__(self, **options: Any) -> None:
            asked.update(options)

        def fit_transform(self, latents: NDArray[np.float32]) -> NDArray[np.float64]:
            asked["dtype"] = latents.dtype
            return latents[:, :2].astype(np.float64)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    latents = clusters(40, 10)
    points, method = embed(latents)
    assert method == "UMAP"
    np.testing.assert_array_equal(points, latents[:, :2], strict=True)
    indices, near = asked.pop("precomputed_knn")
    exact = np.sort(distances(latents), axis=1)[:, :NEIGHBOURS]
    np.testing.assert_allclose(near, exact, atol=1e-3)
    assert indices[:, 0].tolist() == list(range(40))  # each its own nearest
    options = {"n_neighbors": NEIGHBOURS, "init": "pca", "random_state": 42, "n_jobs": 1}
    assert asked == {**options, "dtype": np.float32}


def test_where_no_cache_may_be_written_umap_gets_a_passing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "umap.py").write_text(
        "import os\nUMAP = 'umap'\n"
        "if not os.path.isdir(os.environ['NUMBA_CACHE_DIR']): raise RuntimeError('no place')"
    )
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "nowhere"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "umap", raising=False)
    reloaded: list[str] = []
    config = SimpleNamespace(reload_config=lambda: reloaded.append(os.environ["NUMBA_CACHE_DIR"]))
    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(config=config))
    assert embedding._import_umap() == "umap"
    assert Path(*reloaded).is_dir()
    monkeypatch.delitem(sys.modules, "umap")


@pytest.mark.parametrize("width", [1, 2])
def test_a_latent_that_fits_the_plane_is_drawn_as_it_is(width: int) -> None:
    latents = clusters(40, width)
    points, method = embed(latents)
    assert method == "latent"
    np.testing.assert_array_equal(points[:, :width], latents)
    assert not points[:, width:].any()


def test_pca_keeps_the_distances_of_points_that_lie_in_a_plane() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 7))
    points, method = embed(latents, method="pca")
    assert method == "PCA"
    assert points.dtype == np.float32
    # of two points with two coordinates
    rounding = 4 * float(np.finfo(np.float32).eps) * float(np.abs(points).max())
    np.testing.assert_allclose(distances(points), distances(latents), rtol=0, atol=rounding)


@pytest.mark.parametrize("n", [2, NEIGHBOURS])
def test_too_few_points_for_neighbours_fall_back_to_pca(n: int) -> None:
    points, method = embed(clusters(n, 10))
    assert (points.shape, method) == ((n, 2), "PCA")


def test_without_umap_pca_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)  # what makes an import fail
    points, method = embed(clusters(40, 10))
    assert method == "PCA"
    np.testing.assert_array_equal(points, embed(clusters(40, 10), method="pca")[0])


@pytest.mark.parametrize("n", [1, 40])
def test_a_collapsed_latent_is_one_point(n: int) -> None:
    points, _ = embed(np.full((n, 10), 3.5))
    np.testing.assert_array_equal(points, np.zeros((n, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_latents_of_a_diverged_training_are_refused(bad: float) -> None:
    latents = clusters(40, 10)
    latents[3, 4] = bad
    with pytest.raises(UserError, match="diverged"):
        embed(latents)


def test_a_class_is_mixed_where_its_points_lie_beside_those_of_another() -> None:
    line = np.arange(40, dtype=np.float32)
    points = np.stack([line, np.zeros_like(line)], axis=1)
    labels = np.where(line < 20, 0, 1 + line.astype(int) % 2)  # 0 alone, 1 and 2 by turns
    assert mixed(points, labels) == {1, 2}
    assert mixed(points[:1], labels[:1]) == set()
