"""A latent of any width as points in the plane: UMAP, as the article draws it, or PCA where UMAP cannot run."""

import atexit
import os
import shutil
import tempfile
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.errors import UserError

NEIGHBOURS = 15  # UMAP's own default


def embed(
    latents: NDArray[np.floating], *, seed: int = 42, method: str = "umap"
) -> tuple[NDArray[np.float32], str]:
    """Return coordinates (n, 2) of latents (n, d), and the method that made them.

    A latent of one or two dimensions is drawn as it is ("latent"; the missing dimension is zero).
    Otherwise the method is "UMAP", or "PCA" where that was asked for, where the points are too few,
    or where UMAP does not import or fails. The same seed gives the same points on the same machine,
    and on another machine another picture. Raises `UserError` for latents that are not finite.
    """
    if not np.isfinite(latents).all():
        raise UserError(
            "the latents hold NaN or infinity: the training diverged; try a smaller --lr"
        )
    n, d = latents.shape
    if d <= 2:
        return np.pad(latents, ((0, 0), (0, 2 - d))).astype(np.float32), "latent"
    if not np.ptp(latents, axis=0).any():
        return np.zeros(
            (n, 2), dtype=np.float32
        ), "PCA"  # collapsed: every image at one point, no direction to find
    if method == "umap" and n > NEIGHBOURS:
        try:
            return _umap(latents, seed), "UMAP"
        except Exception:  # numba, its compiler and their versions fail in many ways, and a picture is worth no crash
            pass
    return _pca(latents), "PCA"


def _umap(latents: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    from sklearn.neighbors import NearestNeighbors

    # Exact neighbours, of which each point is its own first, spare UMAP the compilation of its
    # approximate search. PCA as the start does not warn where the classes lie apart, as the
    # spectral one does, and turns both sides alike.
    distances, indices = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(latents).kneighbors(latents)
    with warnings.catch_warnings():
        # Two warnings about what is not used here: the network version of UMAP, and placing new
        # points.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        warnings.filterwarnings(
            "ignore", r"precomputed_knn\[2\] \(knn_search_index\) is not", UserWarning
        )
        reducer = _import_umap()(
            n_neighbors=NEIGHBOURS,
            init="pca",
            precomputed_knn=(indices, distances.astype(np.float32)),
            random_state=seed,
            n_jobs=1,  # what a seed implies; UMAP warns unless told
        )
        coordinates = reducer.fit_transform(latents.astype(np.float32))
    return np.asarray(coordinates, dtype=np.float32)


def _import_umap() -> Any:
    """Return UMAP's class. numba keeps its code beside its own or in the home, and where it may not, in passing."""
    try:
        from umap import UMAP
    except RuntimeError:  # it finds no place for a cache
        from numba import config

        folder = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="ae-mirror-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        config.reload_config()  # type: ignore[no-untyped-call]
        from umap import UMAP
    return UMAP


def _pca(latents: NDArray[np.floating]) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA

    return np.asarray(
        PCA(n_components=2, svd_solver="full").fit_transform(latents), dtype=np.float32
    )
