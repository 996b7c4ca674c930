"""What is said to be wrong is wrong: the claimed correction makes the result right everywhere.

The corrections are written here by hand; each takes a wrong result back to the right one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from compare.check.bounds import judge, widen
from compare.check.kinds import OPERATIONS, step_of
from compare.check.operations import check_operation
from compare.controls.controls import SMALL
from compare.controls.faults import FAULTS
from compare.controls.injection import Fault
from compare.sides.interface import Array, Layer, Operands
from compare.sides.numpy_side import NumpySide
from compare.sides.numpy_vae import NumpyVae

FACTS = (  # seen, and not concluded
    r"it (raised|changed its operand|returned) .*|a NaN in .*"
    r"|of .* in \w+, it is not what the definition has"
    r"|(shape|dtype) .* is needed(: (not )?summed[^:]*)?(: )?"
)
WIDTHS = replace(SMALL, hidden_dim=6, latent_dim=4, dtype="float64")
PIXELS = 7
ONCE = 1e-3  # of the error may remain, which is what the check itself asks

Correct = Callable[..., Array]


def reshaped_back(got: Array, weight: Array, **_: Array) -> Array:
    """Undo `(x.T @ dy).reshape(weight.shape)`."""
    return got.reshape(weight.T.shape).T


def without(line: int, axis: int) -> Correct:
    """Return the correction of one line alone, which nothing but the truth can tell."""

    def corrected(got: Array, true: Array, **_: Array) -> Array:
        right = got.copy()
        at = (slice(None), line) if axis else line
        right[at] = true[at]
        return right

    return corrected


# By what is said: from the numbers in it, the correction.


def like(got: Array, terms: Array) -> Array:
    """Return terms for each entry, or their sum for a number."""
    return terms.sum() if got.ndim == 0 else terms


VARIATIONAL: dict[str, Callable[..., Correct]] = {
    "it is the variance, or a log-variance is taken for a log std": lambda: (
        lambda got, **_: np.sqrt(got)
    ),
    "it is one over what it should be": lambda: lambda got, **_: 1 / got,
    "the factor y is missing": lambda: lambda got, y, **_: got * y,
    "it is dy itself": lambda: lambda got, y, **_: got * y / 2,
    "the ½ is missing, the slope of x / 2": lambda: lambda got, **_: got / 2,
    "the noise is missing": lambda: (
        lambda got, noise, std=None, **_: got * noise if std is None else got - std + std * noise
    ),
    "the deviation is missing": lambda: lambda got, std, noise, **_: got + (std - 1) * noise,
    "the noise is subtracted": lambda: lambda got, std, noise, **_: got + 2 * std * noise,
    "the deviation is squared": lambda: lambda got, std, noise, **_: got + (std - std**2) * noise,
    "all rows have the first one's noise": lambda: (
        lambda got, noise, std=None, dy=None, **_: (
            got + (dy if std is None else std) * (noise - noise[:1])
        )
    ),
    "it is multiplied by the noise": lambda: (
        lambda got, dy, noise, **_: np.where(noise == 0, dy, got / np.where(noise == 0, 1, noise))
    ),
    "it is the noise alone, without dy": lambda: lambda got, dy, **_: got * dy,
    "the mean is not squared": lambda: lambda got, mean, **_: got + (mean**2 - mean).sum() / 2,
    "the mean's part is subtracted": lambda: lambda got, mean, **_: got + (mean**2).sum(),
    "the −1 is missing": lambda: (
        lambda got, mean, **_: got - (mean.size if got.ndim == 0 else 1) / 2
    ),
    "logvar is taken for log std": lambda: (
        lambda got, logvar, **_: (
            got - ((np.expm1(2 * logvar) - np.expm1(logvar)).sum() - logvar.sum()) / 2
        )
    ),
    "it is the gradient of the variance itself": lambda: (
        lambda got, logvar, **_: got * np.exp(logvar)
    ),
    r"it is that of N\(0, 1\) from N\(mean, e\^logvar\)": lambda: (
        lambda got, mean, logvar, **_: (
            got + (mean**2 * -np.expm1(-logvar) + 2 * np.sinh(logvar) - 2 * logvar).sum() / 2
        )
    ),
    "logvar is added, not subtracted": lambda: lambda got, logvar, **_: got - logvar.sum(),
    "−logvar is missing": lambda: lambda got, logvar, **_: got - logvar.sum() / 2,
    "the deviation stands for the variance": lambda: (
        lambda got, logvar, **_: got + like(got, np.expm1(logvar) - np.expm1(logvar / 2)) / 2
    ),
}
CORRECTIONS: dict[str, Callable[..., Correct]] = {
    **VARIATIONAL,
    "the bias is missing": lambda: lambda got, bias, **_: got + bias,
    "the bias is added twice": lambda: lambda got, bias, **_: got - bias,
    "the bias is subtracted": lambda: lambda got, bias, **_: got + 2 * bias,
    "the weight is reshaped, not transposed": lambda: (
        lambda got, x, weight, bias, **_: got - x @ weight.reshape(weight.T.shape) + x @ weight.T
    ),
    "the weight is not transposed": lambda: (
        lambda got, x, weight, **_: got - x @ weight + x @ weight.T
    ),
    "the weight is transposed": lambda: (
        lambda got, dy, weight, **_: got - dy @ weight.T + dy @ weight
    ),
    "it is the transpose of what it should be": lambda: lambda got, **_: got.T,
    "it is reshaped, not transposed": lambda: reshaped_back,
    "it is zero": lambda: lambda got, true, **_: got + true if not got.any() else got,
    r"it is (-?[\d./]+) times what it should be": lambda factor: (
        lambda got, **_: got / (float(factor.split("/")[0]) / float((*factor.split("/"), "1")[1]))
    ),
    "it is divided by the number of rows": lambda: (
        lambda got, **operands: got * len(next(iter(operands.values())))
    ),
    "it is divided by the number of entries": lambda: (
        lambda got, **operands: got * next(iter(operands.values())).size
    ),
    r"([\d.e-]+) times the weight is added, as weight decay does": lambda share: (
        lambda got, weight, **_: got - float(share) * weight
    ),
    r"([\d.]+) times x is let through where it is below zero": lambda share: (
        lambda got, x, **_: got - float(share) * np.minimum(x, 0)
    ),
    r"([\d.]+) times dy is let through where y is zero": lambda share: (
        lambda got, dy, y, **_: got - float(share) * dy * (y == 0)
    ),
    r"([\d.]+) times dy is let through where y is not above zero": lambda share: (
        lambda got, dy, y, **_: got - float(share) * dy * (y <= 0)
    ),
    "it is the sum of dweight's columns": lambda: (
        lambda got, dy, x, **_: got - (dy.T @ x).sum(axis=1) + dy.sum(axis=0)
    ),
    "every entry is the sum over everything": lambda: (
        lambda got, dy, **_: got - dy.sum() + dy.sum(axis=0)
    ),
    "the mask lets zeros through": lambda: lambda got, y, **_: np.where(y == 0, 0, got),
    "it is dy itself, without the mask": lambda: lambda got, y, **_: got * (y > 0),
    "the mask is taken of dy, not of y": lambda: (
        lambda got, dy, y, **_: got - dy * (dy > 0) + dy * (y > 0)
    ),
    "the factor 1 − y is missing": lambda: lambda got, y, **_: got * (1 - y),
    r"it is dy y \(1 \+ y\)": lambda: lambda got, dy, y, **_: got - 2 * dy * y * y,
    "the derivative is taken at y, as if y were x": lambda: (
        lambda got, y, **_: got * y * (1 - y) * (2 + np.exp(y) + np.exp(-y))
    ),
    "it is the gradient of the absolute error": lambda: (
        lambda got, y, target, **_: got * 2 * np.abs(y - target)
    ),
    r"only its column (\d+) is wrong": lambda line: without(int(line), 1),
    "only its last row is wrong": lambda: without(-1, 0),
}
ONE_ROW = ", where there is one row"


def correction(said: str) -> Correct:
    """Return what a sentence says would make a result right."""
    found = [
        make(*match.groups())
        for pattern, make in CORRECTIONS.items()
        if (match := re.fullmatch(pattern, said))
    ]
    assert len(found) == 1, f"nothing here corrects: {said}"
    return found[0]


def tried(kind: str, layer: Layer) -> Iterator[Operands]:
    """Yield operands of every number of rows, and with zeros among them."""
    rng = np.random.default_rng(1)
    operation = OPERATIONS[kind]
    for rows, spread in product((1, 2, 9), (1.0, 30.0)):
        for whole in (True, False):
            operands = {
                key: rng.standard_normal(shape) * spread
                for key, shape in operation.shapes(layer, rows).items()
            }
            if whole:
                operands = {key: np.rint(value / spread) for key, value in operands.items()}
            yield operands | {
                key: image(operands[key]) for key, image in operation.images.items() if not whole
            }


def unexplained(
    side: NumpySide, name: str, kind: str, layer: Layer, said: dict[str, str]
) -> Iterator[str]:
    """Yield the claims whose correction leaves a wrong result wrong."""
    for operands in tried(kind, layer):
        results = side.op(name, {key: value.copy() for key, value in operands.items()})
        for tensor, true in OPERATIONS[kind].define(**widen(operands, "float64")).items():
            got, claim = results[tensor], said.get(tensor, "")
            if not claim or judge(got, true, "float64").verdict.held:
                continue
            right = np.asarray(
                correction(claim.removesuffix(ONE_ROW))(got=got, **operands, true=true.value)
            )
            alike = got.shape == true.value.shape
            error = np.abs(got - true.value).max() if alike else np.abs(true.value).max()
            few = claim.endswith(ONE_ROW) and len(next(iter(operands.values()))) > 1
            if (
                few
                or right.shape != true.value.shape
                or np.abs(right - true.value).max() > ONCE * error
            ):
                yield f"{name}, {tensor}, {len(operands)}: {claim}"


OF_LAYERS = [f for f in FAULTS if f.operation in OPERATIONS]


@pytest.mark.parametrize("fault", OF_LAYERS, ids=lambda f: f"{f.operation}: {f.name}")
@pytest.mark.parametrize("square", [False, True], ids=["", "square"])
def test_what_is_said_of_a_fault_takes_it_back(fault: Fault, square: bool) -> None:
    latent = WIDTHS.hidden_dim if square else WIDTHS.latent_dim
    with fault.inject(), np.errstate(all="ignore"):
        made = NumpyVae if fault.model == "vae" else NumpySide
        side = made(replace(WIDTHS, latent_dim=latent, model=fault.model), PIXELS)
        state = side.state()
        for name, kind, layer in step_of(side.describe()):
            if kind == fault.operation:
                rng = np.random.default_rng(0)
                found = check_operation(side, name, kind, layer, state, rng, (32, 5))
                said = {one.tensor: re.sub(FACTS, "", one.detail) for one in found if one.detail}
                assert list(unexplained(side, name, kind, layer, said)) == []
