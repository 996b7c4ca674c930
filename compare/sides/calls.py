"""Calls into user-supplied code: it may raise anything, and return anything.

What comes back is what it has to be, in plain values, or one exception with a text. So nothing of
that code, no class and no object, is met outside a call.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from compare.data.batches import Batch
from compare.errors import UserError, class_name, clipped, one_line, told
from compare.sides.interface import (
    Array,
    Definition,
    Description,
    Grads,
    Layer,
    Operands,
    Shape,
    State,
    Trace,
    state_shapes,
)

T = TypeVar("T")

MUST_NOT_END = "code that is judged must not end the process"
LONGEST_NAME = 80  # characters
TRACEBACK = BaseException.__dict__["__traceback__"]  # an exception's own, whatever its class says


class Misbehaved(Exception):
    """What a call did that it may not.

    `did` says it ("returned a list, …"), `where`, whose doing it is, and `ends`, whether it would
    have ended the process.
    """

    def __init__(self, what: str, did: str, *, where: str = "", ends: bool = False) -> None:
        super().__init__(f"{what} {did}")
        self.did, self.where, self.ends = clipped(did), where or what, ends


class Returned(Exception):
    """What a call returned, and what it must return instead: "a list, not an array"."""

    def __str__(self) -> str:
        """Say it on one line; somebody's code may raise this, too."""
        return one_line(super().__str__())


class Ended(BaseException):
    """What a call did that ends this check: it is no `Exception`, which would be a finding."""


def call(what: str, do: Callable[[], T]) -> T:
    """Return what somebody's code returns; what it raises, but an interrupt, is `Misbehaved`."""
    try:
        return do()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if type(error) is Returned:
            raise Misbehaved(what, f"returned {error}") from None
        ends = not issubclass(type(error), Exception)  # `isinstance` would ask the exception itself
        raise Misbehaved(what, told(error), where=_where(error), ends=ends) from None


class Calls:
    """`call`, for code that is judged in a process of its own, which is told of begin and end.

    What the code sets with `np.seterr` is undone after each call, for it is not about our own
    arithmetic; what it ignores, it goes on to ignore in the next.
    """

    def __init__(
        self, tell: Callable[[str], object] = lambda what: None, *, interrupts: bool = True
    ) -> None:
        self._tell = tell  # called with what is entered, and with "" when it was left
        self._interrupts = interrupts  # whether a KeyboardInterrupt is a person's, or the code's
        self._ignored: dict[str, Any] = {}

    def __call__(self, what: str, do: Callable[[], T]) -> T:
        """Return what it returns. Raises `Misbehaved`, and `Ended` for what ends the process."""
        self._tell(what)
        try:
            with np.errstate(**self._ignored):
                try:
                    return call(what, do)
                finally:
                    settings = np.geterr().items()
                    self._ignored = {kind: how for kind, how in settings if how == "ignore"}
        except Misbehaved as error:
            if error.ends:
                raise Ended(f"{error}; {MUST_NOT_END}") from None
            raise
        except KeyboardInterrupt as error:
            if self._interrupts:
                raise
            raise Ended(f"{what} raised {class_name(error)}; {MUST_NOT_END}") from None
        finally:
            self._tell("")


HERE = Calls()  # in this process, which hears nothing of them


def attempt(do: Callable[[], T]) -> T:
    """Return what is asked of somebody's code. Raises `UserError` where it misbehaves."""
    try:
        return do()
    except Misbehaved as error:
        raise UserError(str(error)) from None


def what_it_did(error: Exception) -> str:
    """Say what somebody's operation did, or one of ours: "it raised ValueError: …"."""
    return f"it {error.did if isinstance(error, Misbehaved) else told(error)}"


def account(error: BaseException) -> str:
    """Say where something was raised, and what: "layers.py, forward, raised ValueError: …"."""
    if isinstance(error, Misbehaved):
        return clipped(f"{error.where} {error.did}")
    return clipped(f"{_where(error)} {told(error)}".strip())


def _where(error: BaseException) -> str:
    """Return file and function that raised; nothing where that is here: a call came to nothing."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(TRACEBACK.__get__(error))]
    if not codes or codes[-1].co_filename == __file__:
        return ""
    return f"{Path(codes[-1].co_filename).name}, {codes[-1].co_name},"


class Called:
    """Somebody's side as the harness sees it: a method is a call, and returns plain values."""

    def __init__(self, name: str, side: Any, who: Description, calls: Calls) -> None:
        self._name, self._side, self._who, self._calls = name, side, who, calls

    def describe(self) -> Description:
        """Return what the side said of itself when it was examined."""
        return self._who

    def load(self, state: State) -> None:
        """Take over a state."""
        self._ask("load", state, then=lambda _: None)

    def state(self) -> State:
        """Return copies of the same; what lacks a tensor, or has another shape, is no state."""
        return self._ask("state", then=lambda state: _state(state, self._who.layers))

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone."""
        return self._ask("op", name, operands, then=arrays)

    def observe(self, batch: Batch) -> Trace:
        """Take one training step and return every tensor of it."""
        return self._ask("observe", batch, then=arrays)

    def update(self, grads: Grads) -> State:
        """Take one step of Adam alone; return the state after it."""
        return self._ask("update", grads, then=arrays)

    def fit(self, batches: Iterable[Batch]) -> Iterator[float]:
        """Take a step on each batch; yield each loss."""
        what, given = f"fit() of {self._name}", list(batches)
        losses = self._ask("fit", given, then=iter)
        for _ in given:
            yield self._calls(what, lambda: _loss(losses))
        self._calls(what, lambda: _end(losses))

    def reconstruct(self, x: Array) -> Array:
        """Map inputs to outputs."""
        return self._ask("reconstruct", x, then=plain_array)

    def _ask(self, method: str, *arguments: Any, then: Callable[[Any], T]) -> T:
        shown = repr(arguments[0]) if method == "op" else ""
        what = f"{method}({shown}) of {self._name}"
        return self._calls(what, lambda: then(getattr(self._side, method)(*arguments)))


def plain_description(who: Any) -> Description:
    """Return a description as plain values.

    Raises `Returned` for anything else, and for one that cannot be shown.
    """
    if not isinstance(who, Description):
        raise Returned(f"{_a(who)}, not a compare.sides.interface.Description")
    if not isinstance(who.layers, tuple | list) or not all(
        isinstance(layer, Layer) for layer in who.layers
    ):
        raise Returned("a Description whose layers are no tuple of compare.sides.interface.Layer")
    layers = tuple(
        Layer(
            _word("a layer's name", layer.name),
            _word("a layer's kind", layer.kind),
            _count(f"a width of layer {layer.name!r}", layer.in_features),
            _count(f"a width of layer {layer.name!r}", layer.out_features),
            tuple(_word(f"an input of layer {layer.name!r}", name) for name in layer.inputs),
            _shapes(layer),
        )
        for layer in who.layers
    )
    definitions = _definitions(who.definitions)
    return Description(
        _word("its name", who.name),
        layers,
        _word("its dtype", who.dtype),
        _word("its device", who.device),
        _count("the number of its threads", who.threads),
        _kind_of_loss(who.loss, definitions),
        definitions,
    )


def _definitions(value: Any) -> dict[str, Definition]:
    if not isinstance(value, Mapping) or not all(map(callable, value.values())):
        raise Returned("definitions that are no dict from kinds to functions")
    return {_word("a kind that it defines", kind): make for kind, make in value.items()}


def _shapes(layer: Layer) -> tuple[tuple[str, Shape], ...]:
    what = f"of a parameter of layer {layer.name!r}"
    return tuple(
        (_word(f"the name {what}", of), tuple(_count(f"a length {what}", n) for n in shape))
        for of, shape in layer.shapes
    )


def _kind_of_loss(value: Any, defined: Iterable[str]) -> str:
    for kind in (Description.loss, "", *defined):
        if isinstance(value, str) and value == kind:
            return kind
    raise Returned(f"{_shown(value)} as its loss, not {Description.loss!r} or, for its own, ''")


def arrays(result: Any) -> dict[str, Array]:
    """Return a dict of arrays as plain ones; what is None is left out.

    Raises `Returned` for anything else.
    """
    if not isinstance(result, dict):
        raise Returned(f"{_a(result)}, not a dict of arrays")
    plain = {}
    for name, value in dict.items(result):
        if not isinstance(name, str):
            raise Returned(
                f"a dict with {_a(name)} among its keys, not a dict from names to arrays"
            )
        if value is not None:
            plain[str.__str__(name)] = plain_array(value, f" as {_shown(name)}")
    return plain


def _state(result: Any, layers: Iterable[Layer]) -> State:
    """Return parameters and moments of the layers' shapes, under the interface's names."""
    state = arrays(result)
    optimizer = any(name.startswith("adam.") for name in state)
    shapes = state_shapes(layers, optimizer=optimizer)
    for tensor, shape in shapes.items():
        if tensor not in state:
            raise Returned(f"no {tensor!r}; compare.sides.interface lists what a state holds")
        if state[tensor].shape != shape:
            raise Returned(f"{tensor!r} of shape {state[tensor].shape}, not {shape}")
        if tensor != "adam.step" and state[tensor].dtype.kind != "f":
            raise Returned(f"{tensor!r} in {state[tensor].dtype}, not in float32 or float64")
    step = state.get("adam.step", np.array(0))
    if step.dtype.kind not in "iuf" or not np.isfinite(step) or step != int(step):
        raise Returned(f"{step} as 'adam.step', not a whole number")
    if unknown := sorted(state.keys() - shapes.keys()):
        raise Returned(f"{_shown(unknown[0])}, which none of the layers has")
    return state


def plain_array(value: Any, named: str = "") -> Array:
    """Return an array of numbers as a plain one, on the same memory."""
    if not isinstance(value, np.ndarray | np.generic):
        raise Returned(f"{_a(value)}{named}, not an array")
    plain = np.asarray(value)
    if plain.dtype.kind not in "biufc":
        raise Returned(f"an array of {plain.dtype}{named}, not of numbers")
    return plain


def _loss(losses: Iterator[Any]) -> float:
    nothing = object()
    if (loss := next(losses, nothing)) is nothing:
        raise Returned("fewer losses than it was given batches")
    if not isinstance(loss, int | float | np.ndarray | np.generic):
        raise Returned(f"{_a(loss)}, not a loss")
    plain = np.asarray(loss)
    if plain.shape or plain.dtype.kind not in "iuf":
        raise Returned(f"an array of {plain.dtype} and shape {plain.shape}, not a loss")
    return float(plain)


def _end(losses: Iterator[Any]) -> None:
    for _ in losses:
        raise Returned("more losses than it was given batches")


def _word(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Returned(f"{_a(value)} as {what}, not a str")
    word = str.__str__(value)
    if not 0 < len(word) <= LONGEST_NAME or not word.isprintable():
        raise Returned(f"{_shown(word)} as {what}, not 1 to {LONGEST_NAME} printable characters")
    return word


def _count(what: str, value: Any) -> int:
    if not isinstance(value, int | np.integer) or (count := int(value)) < 1:
        raise Returned(f"{_shown(value)} as {what}, not a positive int")
    return count


def _shown(value: object) -> str:
    return clipped(repr(value), LONGEST_NAME)


def _a(value: object) -> str:
    name = class_name(value, LONGEST_NAME)
    return "None" if value is None else f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"
