"""The operands on which somebody's function is tried, drawn anew from an example of them.

Operands of both signs are free: they may be any number, and are drawn, scaled, rounded and set to
zero. What is of one sign or has two values, a mask, a probability, a variance, keeps the values of
its example, in another order, for another value may have no meaning; so do labels. The caller may
know better: what an optimizer trains may be any number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.check.reference import DY, Reference, Truth
from compare.errors import UserError
from compare.sides.interface import Array

Operands = dict[str, Array]
Draw = Callable[[np.random.Generator], Mapping[str, Any]]

RENEWALS = 8  # draws, each tried where rounding decides a branch of the one before
LARGE = (30.0, 1000.0)  # e³⁰ is a number in float32, and e¹⁰⁰⁰ in no dtype
AS_GIVEN = "your example"
LAYOUTS = ("Fortran-ordered operands", "operands that are not contiguous")
AGAIN = "the first call, repeated"
SIZES_AGAIN = "other operands of sizes that were there before"
DRAWS = 100  # of operands, to find such


@dataclass(frozen=True)
class Trial:
    """One set of operands, `DY` among them, what is true of it by dtype, and what it is for."""

    regime: str
    operands: dict[str, Operands] = field(repr=False)
    truths: dict[str, Truth] = field(repr=False)
    layout: str = ""

    @property
    def kind(self) -> str:
        """What other sets have in common with this one, in words, or nothing."""
        return "large operands" if "×" in self.regime else self.layout or self.regime

    def given(self, dtype: str) -> Operands:
        """Return fresh copies of the operands, laid out in memory as this trial has it."""
        return {name: _laid_out(x, self.layout) for name, x in self.operands[dtype].items()}


class Source:
    """Where operands come from: an example, which is drawn anew, or a function of a generator."""

    def __init__(
        self, operands: Mapping[str, Any] | Draw, *, scalar: bool = False, free: Iterable[str] = ()
    ) -> None:
        self.scalar = scalar  # whether the function's value is a loss, whose `DY` is 1
        self._draw: Draw | None = operands if callable(operands) else None
        self.example = _examined(self._draw(np.random.default_rng(0)) if self._draw else operands)
        self.free = {name for name, x in self.example.items() if name in free or _free(x)}
        self.free |= set() if scalar else {DY}

    def draw(self, rng: np.random.Generator) -> Operands:
        """Return other operands of the same kinds."""
        if self._draw:
            return _examined(self._draw(rng))
        return {name: redrawn(x, rng) for name, x in self.example.items()}

    def draw_like(self, seen: list[Operands], rng: np.random.Generator) -> Operands:
        """Return other operands, of the sizes of some that were seen if it comes to that."""
        shapes = [_shapes(one) for one in seen]
        draws = (self.draw(rng) for _ in range(DRAWS))
        drawn = self.draw(rng)
        return next((one for one in draws if _shapes(one) in shapes), drawn)


def _shapes(operands: Operands) -> list[tuple[int, ...]]:
    return [x.shape for x in operands.values()]


def trials(
    source: Source, reference: Reference, dtypes: tuple[str, ...], seed: int
) -> Iterator[Trial]:
    """Yield the sets of operands that can be judged, each with its truth in every dtype.

    A set is left out where the reference raises or has no finite result. Raises `UserError` where
    it does so on the example itself.
    """
    rng = np.random.default_rng(seed)
    first = None
    seen: list[Operands] = []
    for regime, change in _changes(source):
        for _ in range(RENEWALS):
            if regime == AS_GIVEN:
                drawn = source.example
            elif regime == SIZES_AGAIN:
                drawn = source.draw_like(seen, rng)
            else:
                drawn = source.draw(rng)
            seen.append(drawn)
            try:
                given = _changed(drawn, reference, change, source, rng)
                typed = {dtype: _cast(given, dtype) for dtype in dtypes}
                seeds = rng.integers(2**31, size=len(dtypes))
                truths = {
                    dtype: reference.truth(typed[dtype], dtype, int(number))
                    for dtype, number in zip(dtypes, seeds, strict=True)
                }
            except UserError:
                if regime == AS_GIVEN:
                    raise
                break
            if all(truths.values()):
                known = {dtype: truth for dtype, truth in truths.items() if truth}
                trial = Trial(regime, typed, known)
                first = first or trial
                yield trial
                break
    if first:
        for layout in (*LAYOUTS, AGAIN):
            yield Trial(layout, first.operands, first.truths, layout)


Change = Callable[[Array, np.random.Generator], Array]


def _changes(source: Source) -> Iterator[tuple[str, dict[str, Change] | Change]]:
    """Yield each regime's name and what it does to free operands: all, or some by name."""
    yield AS_GIVEN, _kept
    for scale in (1.0, 0.1, 3.0):
        yield f"random operands of size {scale:g}", _times(scale)
    yield "operands with zeros", lambda x, rng: np.where(rng.random(x.shape) < 0.3, 0, x)
    yield "small whole numbers", lambda x, rng: np.clip(np.round(x), -2, 2)
    yield "constant rows", lambda x, rng: np.repeat(x[..., :1], x.shape[-1], -1) if x.ndim else x
    yield SIZES_AGAIN, _kept
    for scale in LARGE:
        yield f"all operands × {scale:g}", _times(scale)
        if len(source.free) > 1:
            for name in sorted(source.free):
                yield f"{name} × {scale:g}", {name: _times(scale)}


def _kept(x: Array, rng: np.random.Generator) -> Array:
    return x


def _times(scale: float) -> Change:
    return lambda x, rng: x * scale


def _changed(
    operands: Operands,
    reference: Reference,
    change: dict[str, Change] | Change,
    source: Source,
    rng: np.random.Generator,
) -> Operands:
    """Return operands and a `DY` of the shape of the reference's value, changed."""
    shape = reference.results(operands, "float64")[reference.value].shape
    if source.scalar and shape:
        raise UserError(f"the reference must return a loss, of shape (), not {shape}")
    dy = np.ones(()) if source.scalar else np.asarray(rng.standard_normal(shape))
    changes = change if isinstance(change, dict) else dict.fromkeys(source.free, change)
    return {
        name: np.asarray(changes[name](x, rng)) if name in changes else x
        for name, x in {**operands, DY: dy}.items()
    }


def _examined(operands: Any) -> Operands:
    """Return somebody's operands as plain arrays. Raises `UserError` for what is none."""
    if not isinstance(operands, Mapping) or not operands:
        raise UserError("operands must be a dict of arrays, or a function that returns one")
    plain = {}
    for name, x in operands.items():
        if not isinstance(name, str) or not isinstance(x, np.ndarray | np.generic):
            raise UserError(f"operand {name!r} must be an array, not {type(x).__name__}")
        array = np.asarray(x)
        if array.dtype.kind not in "biuf" or not array.size:
            raise UserError(
                f"operand {name!r} must have real numbers in it, not {array.shape} {array.dtype}"
            )
        if not np.isfinite(array).all():
            raise UserError(f"operand {name!r} has entries that are not finite")
        plain[name] = array.astype(np.float64) if array.dtype.kind == "f" else array.copy()
    if DY in plain:
        raise UserError(f"an operand cannot be called {DY!r}: backward is given the gradient as it")
    return plain


def _free(x: Array) -> bool:
    """Whether an operand may be any number: of both signs, with more than two values, or zero."""
    if x.dtype.kind != "f":
        return False
    if not x.any():
        return True
    return bool(x.min() < 0 < x.max()) and (x.size <= 2 or len(np.unique(x)) > 2)


def redrawn(x: Array, rng: np.random.Generator) -> Array:
    """Return an operand like an example: other numbers of its kind, in its shape."""
    if _free(x):
        return rng.standard_normal(x.shape) * (np.sqrt(np.square(x).mean()) or 1)
    if x.dtype.kind == "f" and x.min() == x.max():  # weights of ones, say
        return np.asarray(x * rng.uniform(0.5, 1.5, x.shape))
    if x.dtype.kind != "f":
        return np.asarray(rng.choice(x.ravel(), x.shape))
    for axis in range(x.ndim):
        x = rng.permutation(x, axis)  # whole rows and columns: what adds up to one goes on to
    return x


def _cast(operands: Operands, dtype: str) -> Operands:
    return {name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in operands.items()}


def _laid_out(x: Array, layout: str) -> Array:
    if layout == LAYOUTS[0]:
        return np.array(x, order="F")
    if layout == LAYOUTS[1] and x.ndim:
        spread = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        spread[..., ::2] = x
        return spread[..., ::2]
    return x.copy()
