"""A latent as points in the plane: by UMAP, as in the article, or PCA where UMAP cannot run."""

import atexit
import os
import shutil
import tempfile
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.errors import UserError
from compare.quality.codecs import Array

Points = NDArray[np.float32]  # (n, 2)
NEIGHBOURS = 15  # UMAP's own default
SEED = 42  # of UMAP
MIXED = 1 / 4  # of a class's points beside one of another class: then the class is called mixed


def embed(latents: Array, *, method: str = "umap") -> tuple[Points, str]:
    """Return coordinates (n, 2) of latents (n, d), and the method that made them.

    A latent of one or two dimensions is drawn as it is ("latent"; the missing dimension is zero).
    Otherwise the method is "UMAP", or "PCA" where that was asked for, where the points are too few,
    or where UMAP does not import or fails. On the same machine, the same latents give the same
    points; on another, UMAP gives another picture. Raises `UserError` for latents that are not
    finite.
    """
    if not np.isfinite(latents).all():
        raise UserError(
            "the latents hold NaN or infinity: the training diverged; try a smaller --lr"
        )
    n, d = latents.shape
    if d <= 2:
        return np.pad(latents, ((0, 0), (0, 2 - d))).astype(np.float32), "latent"
    if not np.ptp(latents, axis=0).any():
        # Collapsed: every image is at one point, and there is no direction to find.
        return np.zeros((n, 2), np.float32), "PCA"
    if method == "umap" and n > NEIGHBOURS:
        try:
            return _umap(latents), "UMAP"
        except Exception:  # numba and its compiler fail in many ways; a picture is worth no crash
            pass
    return _pca(latents), "PCA"


def mixed(points: Points, labels: NDArray[np.integer]) -> set[int]:
    """Return the classes that lie among others in the plane.

    For so many of their points (`MIXED`), the nearest other one is of another class.
    """
    from scipy.spatial import cKDTree

    if len(points) < 2:
        return set()
    nearest = cKDTree(points).query(points, k=2)[1][:, 1]
    strange = labels[nearest] != labels
    return {int(c) for c in np.unique(labels) if strange[labels == c].mean() >= MIXED}


def _umap(latents: Array) -> Points:
    from sklearn.neighbors import NearestNeighbors

    # Exact neighbours (each point is its own first) spare UMAP the compilation of its approximate
    # search. PCA as the start does not warn where the classes lie apart, as the spectral one does,
    # and turns both sides alike.
    distances, indices = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(latents).kneighbors(latents)
    with warnings.catch_warnings():
        # Two warnings about what is not used here: UMAP's network version, and placing new points.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        warnings.filterwarnings(
            "ignore", r"precomputed_knn\[2\] \(knn_search_index\) is not", UserWarning
        )
        reducer = _import_umap()(
            n_neighbors=NEIGHBOURS,
            init="pca",
            precomputed_knn=(indices, distances.astype(np.float32)),
            random_state=SEED,
            n_jobs=1,  # what a seed implies; UMAP warns unless told
        )
        coordinates = reducer.fit_transform(latents.astype(np.float32))
    return np.asarray(coordinates, np.float32)


def _import_umap() -> Any:
    """Return UMAP's class. Where numba may write no cache, it gets a temporary folder for it."""
    try:
        from umap import UMAP
    except RuntimeError:  # it finds no place for a cache
        from numba import config

        folder = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="ae-mirror-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        config.reload_config()  # type: ignore[no-untyped-call]
        from umap import UMAP
    return UMAP


def _pca(latents: Array) -> Points:
    from sklearn.decomposition import PCA

    return np.asarray(PCA(2, svd_solver="full").fit_transform(latents), np.float32)
