"""The Gaussian that has the mean and the covariance of some latents."""

import numpy as np
from numpy.typing import NDArray


def shaped_like(latents: NDArray[np.floating], normal: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give standard normal rows (m, d) the mean and the covariance of the latents (n, d).

    By the symmetric square root of the covariance: unlike Cholesky's it exists where a dead latent makes it singular,
    and unlike plain eigenvectors, of any sign and order, it takes nearly equal latents to nearly equal rows.
    """
    covariance = np.atleast_2d(np.cov(latents, rowvar=False))
    variances, directions = np.linalg.eigh(covariance)
    root = (directions * np.sqrt(np.maximum(variances, 0))) @ directions.T
    shaped: NDArray[np.floating] = latents.mean(axis=0) + normal @ root
    return shaped
