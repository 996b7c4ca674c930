"""The Gaussian with the mean and the covariance of some points: to draw from, and to compare."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]


class Gaussian(NamedTuple):
    """N(mean, covariance): (d,) and (d, d), in float64."""

    mean: Float64
    covariance: Float64

    @classmethod
    def of(cls, points: Array, around: Array | float = 0.0) -> "Gaussian":
        """Fit points (n, d), each with variances `around` it, (d,) or one for all, on average.

        Var(z) = Var(E[z|x]) + E[Var(z|x)]: how the means are spread, and how far each is blurred.
        """
        points = points.astype(np.float64)
        mean: Float64 = points.mean(axis=0)
        covariance: Float64 = np.atleast_2d(np.cov(points, rowvar=False))
        covariance += np.diag(np.broadcast_to(around, mean.shape))
        return cls(mean, covariance)

    def shape(self, normal: Array) -> Float64:
        """Give standard normal rows (m, d) this mean and this covariance."""
        return self.mean + normal @ root(self.covariance)


def frechet(a: Gaussian, b: Gaussian) -> float:
    """Return |mean − mean|² + tr(A + B − 2 √(√A B √A)), the squared Fréchet distance of two.

    Dowson, Landau: The Fréchet distance between multivariate normal distributions (1982). Heusel
    et al.: GANs trained by a two time-scale update rule (2017) compare features of images by it.
    """
    half = root(a.covariance)
    shared = np.linalg.eigvalsh(half @ b.covariance @ half)
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    between = np.square(a.mean - b.mean).sum()
    # of two equal ones rounding may leave less than nothing
    return max(0.0, float(between + traces - 2 * np.sqrt(np.maximum(shared, 0)).sum()))


def root(covariance: Float64) -> Float64:
    """Return the symmetric square root of a covariance (d, d).

    Unlike Cholesky's it exists where a dead latent makes the covariance singular, and unlike plain
    eigenvectors, of any sign and order, it takes nearly equal covariances to nearly equal roots.
    """
    variances, directions = np.linalg.eigh(covariance)
    found: Float64 = (directions * np.sqrt(np.maximum(variances, 0))) @ directions.T
    return found
