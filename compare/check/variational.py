"""The table of kinds, of a variational autoencoder's: Deviation, Draw, GaussianKL."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from compare.check.bounds import Bounded
from compare.check.definition import Operation, Result, Results, exact
from compare.sides.interface import Array

EXP = 8  # roundings of an exponential: it is good to 4 ULP, and an ULP is up to two of them
# The largest logarithms of a variance that operands have. A deviation of e³⁰ is finite in float32.
# Of a divergence, what the rounding of e¹⁰ leaves is far below the −1 beside it.
LARGEST, LARGEST_OF_KL = 60.0, 10.0


def deviation_forward(x: Array) -> Results:
    """Compute y = e^(x/2), where halving is exact."""
    y = np.exp(x / 2)
    return {"y": Bounded(y, y, EXP, flushed=1.0)}


def deviation_backward(dy: Array, y: Array) -> Results:
    """Compute dx = dy y / 2: a product, and halving is exact."""
    dx = dy * y / 2
    return {"dx": Bounded(dx, np.abs(dx), 1)}


def draw_forward(mean: Array, std: Array, noise: Array) -> Results:
    """Compute y = mean + std ⊙ noise."""
    return {"y": Bounded(mean + std * noise, np.abs(mean) + np.abs(std * noise), 2)}


def draw_backward(dy: Array, noise: Array) -> Results:
    """Compute dmean = dy and dstd = dy ⊙ noise."""
    return {"dmean": exact(dy), "dstd": Bounded(dy * noise, np.abs(dy * noise), 1)}


def kl_forward(mean: Array, logvar: Array) -> Results:
    """Compute Σ (mean² + e^logvar − 1 − logvar) / 2: exponential, square, three sums, the sum."""
    value = (mean**2 + np.expm1(logvar) - logvar).sum() / 2
    scale = (mean**2 + np.exp(logvar) + 1 + np.abs(logvar)).sum() / 2
    return {"value": Bounded(value, scale, EXP + 4 + mean.size)}


def kl_backward(mean: Array, logvar: Array) -> Results:
    """Compute dmean = mean and dlogvar = (e^logvar − 1) / 2, a difference."""
    dlogvar = np.expm1(logvar) / 2
    return {"dmean": exact(mean), "dlogvar": Bounded(dlogvar, (np.exp(logvar) + 1) / 2, EXP + 1)}


def near(x: Array, largest: float = LARGEST) -> Array:
    """Return logarithms of a variance that are no larger."""
    clipped: Array = np.clip(x, -largest, largest)
    return clipped


def deviation(x: Array) -> Array:
    """Return standard deviations."""
    y: Array = np.exp(near(x) / 2)
    return y


VARIATIONAL: Mapping[str, Operation] = {
    "Deviation.forward": Operation(
        deviation_forward,
        {"x": "ni"},
        {
            "y": Result(
                "ni",
                "exp(x[n, i] / 2)",
                "exp(x / 2)",
                {
                    "it is the variance, or a log-variance is taken for a log std": lambda x: (
                        np.exp(x)
                    ),
                    "it is one over what it should be": lambda x: np.exp(-x / 2),
                },
            )
        },
        exact_on_integers=False,
        far_out=("x",),
        images={"x": near},
    ),
    "Deviation.backward": Operation(
        deviation_backward,
        {"dy": "ni", "y": "ni"},
        {
            "dx": Result(
                "ni",
                "dy[n, i] * y[n, i] / 2",
                "dy * y / 2",
                {
                    "the ½ is missing, the slope of x / 2": lambda dy, y: dy * y,
                    "the factor y is missing": lambda dy, y: dy / 2,
                    "it is dy itself": lambda dy, y: dy,
                },
            )
        },
        far_out=("y",),
        images={"y": deviation},
    ),
    "Draw.forward": Operation(
        draw_forward,
        {"mean": "ni", "std": "ni", "noise": "ni"},
        {
            "y": Result(
                "ni",
                "mean[n, i] + std[n, i] * noise[n, i]",
                "mean + std * noise",
                {
                    "the noise is missing": lambda mean, std, noise: mean + std,
                    "the deviation is missing": lambda mean, std, noise: mean + noise,
                    "the mean is missing": lambda mean, std, noise: std * noise,
                    "it is the mean alone": lambda mean, std, noise: mean,
                    "the noise is subtracted": lambda mean, std, noise: mean - std * noise,
                    "the deviation is squared": lambda mean, std, noise: mean + std**2 * noise,
                    "all rows have the first one's noise": lambda mean, std, noise: (
                        mean + std * noise[:1]
                    ),
                },
            )
        },
    ),
    "Draw.backward": Operation(
        draw_backward,
        {"dy": "ni", "noise": "ni"},
        {
            "dmean": Result(
                "ni",
                "dy[n, i]",
                "dy",
                {"it is multiplied by the noise": lambda dy, noise: dy * noise},
            ),
            "dstd": Result(
                "ni",
                "dy[n, i] * noise[n, i]",
                "dy * noise",
                {
                    "the noise is missing": lambda dy, noise: dy,
                    "it is the noise alone, without dy": lambda dy, noise: noise,
                    "it is the noise's square that dy is multiplied by": lambda dy, noise: (
                        dy * noise**2
                    ),
                    "all rows have the first one's noise": lambda dy, noise: dy * noise[:1],
                },
            ),
        },
    ),
    "GaussianKL.forward": Operation(
        kl_forward,
        {"mean": "ni", "logvar": "ni"},
        {
            "value": Result(
                "",
                "sum((mean[n, i] ** 2 + exp(logvar[n, i]) - 1 - logvar[n, i]) / 2"
                " for n in rows for i in inputs)",
                "sum(mean ** 2 + exp(logvar) - 1 - logvar) / 2",
                {
                    "the −1 is missing": lambda mean, logvar: (
                        (mean**2 + np.exp(logvar) - logvar).sum() / 2
                    ),
                    "the mean's part is missing": lambda mean, logvar: (
                        (np.expm1(logvar) - logvar).sum() / 2
                    ),
                    "the mean's part is subtracted": lambda mean, logvar: (
                        (np.expm1(logvar) - logvar - mean**2).sum() / 2
                    ),
                    "mean² counts twice": lambda mean, logvar: (
                        (2 * mean**2 + np.expm1(logvar) - logvar).sum() / 2
                    ),
                    "logvar is taken for log std": lambda mean, logvar: (
                        (mean**2 + np.expm1(2 * logvar) - 2 * logvar).sum() / 2
                    ),
                    "it is that of N(0, 1) from N(mean, e^logvar)": lambda mean, logvar: (
                        ((mean**2 + 1) * np.exp(-logvar) - 1 + logvar).sum() / 2
                    ),
                    "logvar is added, not subtracted": lambda mean, logvar: (
                        (mean**2 + np.expm1(logvar) + logvar).sum() / 2
                    ),
                    "−logvar is missing": lambda mean, logvar: (
                        (mean**2 + np.expm1(logvar)).sum() / 2
                    ),
                    "the deviation stands for the variance": lambda mean, logvar: (
                        (mean**2 + np.expm1(logvar / 2) - logvar).sum() / 2
                    ),
                    "the mean is not squared": lambda mean, logvar: (
                        (mean + np.expm1(logvar) - logvar).sum() / 2
                    ),
                },
            )
        },
        exact_on_integers=False,
        images={"logvar": partial(near, largest=LARGEST_OF_KL)},
    ),
    "GaussianKL.backward": Operation(
        kl_backward,
        {"mean": "ni", "logvar": "ni"},
        {
            "dmean": Result("ni", "mean[n, i]", "mean"),
            "dlogvar": Result(
                "ni",
                "(exp(logvar[n, i]) - 1) / 2",
                "(exp(logvar) - 1) / 2",
                {
                    "the −1 is missing": lambda mean, logvar: np.exp(logvar) / 2,
                    "logvar is taken for log std": lambda mean, logvar: np.expm1(2 * logvar),
                    "the deviation stands for the variance": lambda mean, logvar: (
                        np.expm1(logvar / 2) / 2
                    ),
                    "it is the gradient of the variance itself": lambda mean, logvar: (
                        (1 - np.exp(-logvar)) / 2
                    ),
                },
            ),
        },
        exact_on_integers=False,
        images={"logvar": partial(near, largest=LARGEST_OF_KL)},
    ),
}
