"""The exercises 14 and 15: a draw from a Gaussian, and its divergence from N(0, 1).

They are operations as those of the table of kinds are, and judged by the same rules.
"""

from collections.abc import Mapping

import numpy as np

from compare.check.bounds import Bounded
from compare.check.definition import Operation, Result
from compare.learn.layer_tasks import operation_task
from compare.learn.tasks import Mistakes, Task
from compare.sides.interface import Array

EXPONENTIAL = 4  # roundings of one: NumPy's vector kernels for float32 promise 4 ULP

Results = Mapping[str, Bounded]


def draw_tasks() -> tuple[Task, Task]:
    """Return the tasks to write forward and backward of a draw."""
    name = "reparameterise"
    return (
        operation_task(f"{name}_forward", DRAW, DRAW_MISTAKES)._replace(
            fitted={"z": {EXPONENT: _fitted_draw}}
        ),
        operation_task(f"{name}_backward", DRAW_BACKWARD, DRAW_BACKWARD_MISTAKES)._replace(
            fitted={"dlogvar": {EXPONENT: _fitted_dlogvar}}
        ),
    )


def divergence_tasks() -> tuple[Task, Task]:
    """Return the tasks to write forward and backward of the divergence."""
    return (
        operation_task("kl_forward", DIVERGENCE, DIVERGENCE_MISTAKES),
        operation_task("kl_backward", DIVERGENCE_BACKWARD, DIVERGENCE_BACKWARD_MISTAKES),
    )


def _std(logvar: Array) -> Array:
    std: Array = np.exp(logvar / 2)
    return std


def _power(std: Array, logvar: Array) -> Array:
    """Return e to the multiple of logvar that comes nearest to what stands in place of std."""
    powers = np.log(std) / logvar
    powers = powers[np.isfinite(powers)]
    nearest: Array = np.exp((np.median(powers) if powers.size else 0) * logvar)
    return nearest


def _fitted_draw(got: Array, mean: Array, logvar: Array, noise: Array) -> Array:
    z: Array = mean + _power((got - mean) / noise, logvar) * noise
    return z


def _fitted_dlogvar(got: Array, dz: Array, logvar: Array, noise: Array) -> Array:
    dlogvar: Array = dz * noise * _power(2 * got / (dz * noise), logvar) / 2
    return dlogvar


def _draw(mean: Array, logvar: Array, noise: Array) -> dict[str, Bounded]:
    """Compute z = mean + std · noise: an exponential, which may be a root of one, two more."""
    part = _std(logvar) * noise
    return {"z": Bounded(mean + part, np.abs(mean) + np.abs(part), EXPONENTIAL + 3)}


def _draw_backward(dz: Array, logvar: Array, noise: Array) -> dict[str, Bounded]:
    """Compute dmean = dz, dlogvar = dz · noise · std / 2."""
    dlogvar = dz * noise * _std(logvar) / 2
    return {
        "dmean": Bounded(dz, np.abs(dz), 1),
        "dlogvar": Bounded(dlogvar, np.abs(dlogvar), EXPONENTIAL + 3),
    }


def _terms(mean: Array, logvar: Array) -> Array:
    terms: Array = (mean**2 + np.expm1(logvar) - logvar) / 2
    return terms


def _divergence(mean: Array, logvar: Array) -> dict[str, Bounded]:
    """Compute ½ Σ (mean² + e^logvar − 1 − logvar), in which nearly equal numbers may cancel."""
    sizes = (mean**2 + np.exp(logvar) + 1 + np.abs(logvar)).sum() / 2
    value = np.asarray(_terms(mean, logvar).sum())
    return {"value": Bounded(value, sizes, EXPONENTIAL + 4 + 4 * mean.size)}


def _divergence_backward(mean: Array, logvar: Array) -> dict[str, Bounded]:
    """Compute dmean = mean, dlogvar = (e^logvar − 1) / 2."""
    return {
        "dmean": Bounded(mean, np.abs(mean), 1),
        "dlogvar": Bounded(np.expm1(logvar) / 2, (np.exp(logvar) + 1) / 2, EXPONENTIAL + 1),
    }


DRAW = Operation(
    _draw,
    {"mean": "ni", "logvar": "ni", "noise": "ni"},
    {
        "z": Result(
            "ni",
            "mean[n, i] + exp(logvar[n, i] / 2) * noise[n, i]",
            "mean + exp(logvar / 2) * noise",
        )
    },
)
DRAW_BACKWARD = Operation(
    _draw_backward,
    {"dz": "ni", "logvar": "ni", "noise": "ni"},
    {
        "dmean": Result("ni", "dz[n, i]", "dz"),
        "dlogvar": Result(
            "ni",
            "dz[n, i] * noise[n, i] * exp(logvar[n, i] / 2) / 2",
            "dz * noise * exp(logvar / 2) / 2",
        ),
    },
)
DIVERGENCE = Operation(
    _divergence,
    {"mean": "ni", "logvar": "ni"},
    {
        "value": Result(
            "",
            "sum((mean[n, i]**2 + exp(logvar[n, i]) - 1 - logvar[n, i]) / 2"
            " for n in rows for i in inputs)",
            "sum(mean**2 + exp(logvar) - 1 - logvar) / 2",
        )
    },
)
DIVERGENCE_BACKWARD = Operation(
    _divergence_backward,
    {"mean": "ni", "logvar": "ni"},
    {
        "dmean": Result("ni", "mean[n, i]", "mean"),
        "dlogvar": Result("ni", "(exp(logvar[n, i]) - 1) / 2", "(exp(logvar) - 1) / 2"),
    },
)

AS_LOG_STD = "logvar is taken as log std: e^logvar stands where e^(logvar/2) should"
SQUARED = "logvar is taken as log std: e^(2 logvar) stands where e^logvar should"
EXPONENT = "logvar has a wrong factor in the exponent of e, and all else is right"
ROWS = "it is the mean over the rows, and should be the sum"
ENTRIES = "it is the mean over all entries, and should be the sum"

DRAW_MISTAKES: Mistakes = {
    "z": {
        AS_LOG_STD: lambda mean, logvar, noise: mean + np.exp(logvar) * noise,
        "logvar is taken as std itself": lambda mean, logvar, noise: mean + logvar * noise,
        "half of logvar is taken as std": lambda mean, logvar, noise: mean + logvar / 2 * noise,
        "e^(2 logvar) stands where e^(logvar/2) should": lambda mean, logvar, noise: (
            mean + np.exp(2 * logvar) * noise
        ),
        "e^(−logvar/2) stands where e^(logvar/2) should": lambda mean, logvar, noise: (
            mean + _std(-logvar) * noise
        ),
        "the noise is missing": lambda mean, logvar, noise: mean + _std(logvar),
        "std is missing": lambda mean, logvar, noise: mean + noise,
        "the mean is missing": lambda mean, logvar, noise: _std(logvar) * noise,
        "std · noise is subtracted, not added": lambda mean, logvar, noise: (
            mean - _std(logvar) * noise
        ),
        "the mean is subtracted": lambda mean, logvar, noise: _std(logvar) * noise - mean,
        "std and noise are added, not multiplied": lambda mean, logvar, noise: (
            mean + _std(logvar) + noise
        ),
        "std is a factor of the mean, too": lambda mean, logvar, noise: (
            (mean + noise) * _std(logvar)
        ),
        "1 is subtracted from std": lambda mean, logvar, noise: mean + (_std(logvar) - 1) * noise,
        "mean and std are swapped": lambda mean, logvar, noise: mean * noise + _std(logvar),
        "mean and noise are swapped": lambda mean, logvar, noise: noise + _std(logvar) * mean,
    }
}
DRAW_BACKWARD_MISTAKES: Mistakes = {
    "dmean": {
        "the noise is a factor: that is the gradient of std": lambda dz, logvar, noise: dz * noise,
        "std is a factor": lambda dz, logvar, noise: dz * _std(logvar),
        "dz is missing": lambda dz, logvar, noise: np.ones_like(dz),
        "its sign is wrong": lambda dz, logvar, noise: -dz,
        "it is summed over the rows": lambda dz, logvar, noise: dz.sum(0),
    },
    "dlogvar": {
        "the ½ is missing: the slope of e^(logvar/2) is half of it": lambda dz, logvar, noise: (
            dz * noise * _std(logvar)
        ),
        "the noise is missing": lambda dz, logvar, noise: dz * _std(logvar) / 2,
        "the noise and the ½ are missing": lambda dz, logvar, noise: dz * _std(logvar),
        "it is dz · noise, the gradient of std": lambda dz, logvar, noise: dz * noise,
        "std is missing": lambda dz, logvar, noise: dz * noise / 2,
        "1 is subtracted from std": lambda dz, logvar, noise: dz * noise * (_std(logvar) - 1) / 2,
        "dz is missing": lambda dz, logvar, noise: noise * _std(logvar) / 2,
        AS_LOG_STD: lambda dz, logvar, noise: dz * noise * np.exp(logvar) / 2,
        "logvar is taken as log std": lambda dz, logvar, noise: dz * noise * np.exp(logvar),
        "it is divided by std, not multiplied": lambda dz, logvar, noise: (
            dz * noise * _std(-logvar) / 2
        ),
        "its sign is wrong": lambda dz, logvar, noise: -dz * noise * _std(logvar) / 2,
        "it is summed over the rows": lambda dz, logvar, noise: (dz * noise * _std(logvar) / 2).sum(
            0
        ),
    },
}
DIVERGENCE_MISTAKES: Mistakes = {
    "value": {
        ROWS: lambda mean, logvar: _terms(mean, logvar).sum() / len(mean),
        ENTRIES: lambda mean, logvar: _terms(mean, logvar).mean(),
        "each row is summed by itself": lambda mean, logvar: _terms(mean, logvar).sum(1),
        "each column is summed by itself": lambda mean, logvar: _terms(mean, logvar).sum(0),
        "the terms are not added up": lambda mean, logvar: _terms(mean, logvar),
        "the ½ is missing": lambda mean, logvar: 2 * _terms(mean, logvar).sum(),
        "its sign is wrong": lambda mean, logvar: -_terms(mean, logvar).sum(),
        "its sign is wrong, and the ½ is missing": lambda mean, logvar: (
            -2 * _terms(mean, logvar).sum()
        ),
        "logvar is taken as log std": lambda mean, logvar: _terms(mean, 2 * logvar).sum(),
        SQUARED: lambda mean, logvar: (
            _terms(mean, logvar) + (np.exp(2 * logvar) - np.exp(logvar)) / 2
        ).sum(),
        "the mean is not squared": lambda mean, logvar: (
            _terms(mean, logvar) + (mean - mean**2) / 2
        ).sum(),
        "mean² is missing": lambda mean, logvar: _terms(mean * 0, logvar).sum(),
        "mean² is subtracted, not added": lambda mean, logvar: (
            _terms(mean, logvar) - mean**2
        ).sum(),
        "e^logvar is missing": lambda mean, logvar: (
            _terms(mean, logvar) - np.exp(logvar) / 2
        ).sum(),
        "e^logvar is subtracted, not added": lambda mean, logvar: (
            _terms(mean, logvar) - np.exp(logvar)
        ).sum(),
        "logvar itself stands where e^logvar should": lambda mean, logvar: (mean**2 - 1).sum() / 2,
        "the 1 is not subtracted": lambda mean, logvar: (_terms(mean, logvar) + 0.5).sum(),
        "the 1 is added, not subtracted": lambda mean, logvar: (_terms(mean, logvar) + 1).sum(),
        "the 1 is subtracted twice": lambda mean, logvar: (_terms(mean, logvar) - 0.5).sum(),
        "the signs of all but mean² are wrong": lambda mean, logvar: (
            mean**2 - _terms(mean, logvar)
        ).sum(),
        "the signs of all but logvar are wrong": lambda mean, logvar: (
            -(_terms(mean, logvar) + logvar).sum()
        ),
        "the mean is doubled, not squared": lambda mean, logvar: (
            _terms(mean, logvar) + mean - mean**2 / 2
        ).sum(),
        "the 1 is subtracted once, and should be for each entry": lambda mean, logvar: (
            _terms(mean, logvar).sum() + (mean.size - 1) / 2
        ),
        "logvar is not subtracted": lambda mean, logvar: (_terms(mean, logvar) + logvar / 2).sum(),
        "logvar is added, not subtracted": lambda mean, logvar: (
            _terms(mean, logvar) + logvar
        ).sum(),
        "mean and logvar are swapped": lambda mean, logvar: _terms(logvar, mean).sum(),
        "the ½ is of mean² alone": lambda mean, logvar: (
            2 * _terms(mean, logvar) - mean**2 / 2
        ).sum(),
    }
}
DIVERGENCE_BACKWARD_MISTAKES: Mistakes = {
    "dmean": {
        "it is doubled: the ½ of the divergence is forgotten": lambda mean, logvar: 2 * mean,
        "it is halved: the 2 of the square is forgotten": lambda mean, logvar: mean / 2,
        ROWS: lambda mean, logvar: mean / len(mean),
        ENTRIES: lambda mean, logvar: mean / mean.size,
        "its sign is wrong": lambda mean, logvar: -mean,
        "it is mean²": lambda mean, logvar: mean**2,
    },
    "dlogvar": {
        "the ½ is missing": lambda mean, logvar: np.expm1(logvar),
        "the slope of −logvar is forgotten": lambda mean, logvar: np.exp(logvar) / 2,
        "the slope of −logvar and the ½ are forgotten": lambda mean, logvar: np.exp(logvar),
        "the slope of e^logvar is forgotten": lambda mean, logvar: np.full_like(logvar, -0.5),
        "the ½ is of e^logvar alone": lambda mean, logvar: np.exp(logvar) / 2 - 1,
        "the ½ is of the 1 alone": lambda mean, logvar: np.exp(logvar) - 0.5,
        "the 1 is added, not subtracted": lambda mean, logvar: (np.exp(logvar) + 1) / 2,
        "the slope of −logvar is −1, not −logvar": lambda mean, logvar: (
            (np.exp(logvar) - logvar) / 2
        ),
        "logvar itself stands where e^logvar should": lambda mean, logvar: (logvar - 1) / 2,
        "logvar is taken as log std": lambda mean, logvar: np.expm1(2 * logvar),
        SQUARED: lambda mean, logvar: np.expm1(2 * logvar) / 2,
        "e^(logvar/2), which is std, stands where e^logvar should": lambda mean, logvar: (
            np.expm1(logvar / 2) / 2
        ),
        ROWS: lambda mean, logvar: np.expm1(logvar) / 2 / len(mean),
        ENTRIES: lambda mean, logvar: np.expm1(logvar) / 2 / mean.size,
        "its sign is wrong": lambda mean, logvar: -np.expm1(logvar) / 2,
    },
}
