"""The interface: all that the harness ever asks of a network, ours or anybody's.

Everything that passes through is plain data, dicts from name to NumPy array:

    State   adam.exp_avg/fc1.weight …  adam.exp_avg_sq/fc1.weight …  adam.step  param/fc1.weight …
    Trace   act/target  act/input … act/sigmoid  loss  dact/sigmoid … dact/fc1
            grad/fc4.weight … grad/fc1.bias, and then the State after the step

A term of the loss, as a variational autoencoder's divergence is one, is a layer whose output is a
number; training lowers "loss" and, times its weight, each such term.

What a trace lacks between input and output, under act/ and dact/, is not judged.
A Trace is in causal order: the first name that fails is where to look first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from compare.data.batches import Batch

Array = np.ndarray
State = dict[str, Array]
Trace = dict[str, Array]
Operands = dict[str, Array]
Grads = dict[str, Array]
Shape = tuple[int, ...]

KINDS = ("Linear", "ReLU", "Sigmoid")  # of layers; a side may define others
VARIATIONAL = ("Deviation", "Draw", "GaussianKL")  # of our own variational autoencoder's, besides
Losses = float | tuple[float, ...]  # of one step: the loss or, where it has terms, it and them


class Layer(NamedTuple):
    """One layer: its name, its kind and the widths that it maps from and to.

    Its kind is one of `KINDS`, or one that its side defines. `inputs` are the names of what it
    takes, in the order of its operands: layers before it, or entries of the batch. Nothing said:
    the layer before, or "input". `shapes` are those of its parameters by the names that the
    definition has for them, where it is of a kind of its own: `(("weight", (16,)), …)`.
    """

    name: str
    kind: str
    in_features: int
    out_features: int
    inputs: tuple[str, ...] = ()
    shapes: tuple[tuple[str, Shape], ...] = ()

    @property
    def parameters(self) -> dict[str, Shape]:
        """The shapes of its parameters by name: of `KINDS`, none but a Linear has any."""
        if self.kind != "Linear":
            return dict(self.shapes)
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}


# What a layer of a kind of one's own is: a `torch.nn.Module` that maps (batch, in_features) to
# (batch, out_features). It is a function that makes one, for torch may be absent.
Definition = Callable[[Layer], Any]


@dataclass(frozen=True)
class Description:
    """Who a side is, for reports and for the harness to know which operations there are.

    `loss` is its kind, or nothing for one of the side's own: then its value is not judged, nor is
    the side held against a reference that trains. `definitions` has, by kind, those that are not
    among `KINDS`, the loss's too; without torch they are not judged.
    """

    name: str
    layers: tuple[Layer, ...]
    dtype: str
    device: str
    threads: int
    loss: str = "SumSquaredError"
    definitions: Mapping[str, Definition] = field(default_factory=dict, compare=False, repr=False)
    terms: Mapping[str, float] = field(default_factory=dict)  # of the loss: layers, their weights


class Operator(Protocol):
    """What can be asked for one operation at a time."""

    def describe(self) -> Description:
        """Say who this is: name, layers in order, dtype, device, threads."""

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone, on the operands given, not on this side's own weights.

        A backward returns the gradients of forward's operands, each under d and its name.

        fc1.forward       x weight bias -> y     fc1.backward       dy x weight -> dx dweight dbias
        relu1.forward     x -> y                 relu1.backward     dy y -> dx
        sigmoid.forward   x -> y                 sigmoid.backward   dy y -> dx
        loss.forward      y target -> value      loss.backward      y target -> dy

        A layer of a kind of its own has x, x2, … for its inputs, and its parameters by name; its
        backward is given dy and all that its forward is given.
        """


class Side(Operator, Protocol):
    """A network with its loss and optimizer, seen from outside."""

    def load(self, state: State) -> None:
        """Take over parameters, Adam's moments and Adam's step, cast to this side's dtype."""

    def state(self) -> State:
        """Return copies of the same."""

    def observe(self, batch: Batch) -> Trace:
        """Take one training step and return every tensor of it."""

    def update(self, grads: Grads) -> State:
        """Take one step of Adam alone, on gradients by parameter; return the state after it."""

    def fit(self, batches: Iterable[Batch]) -> Iterator[Losses]:
        """Take a step on each batch, at full speed.

        Yields each loss, summed over the batch, before its update; its terms have no weight yet.
        """

    def reconstruct(self, x: Array) -> Array:
        """Map inputs (n, in_features) to outputs (n, out_features), without a latent's noise."""


# Of a Side.
METHODS = ("describe", "fit", "load", "observe", "op", "reconstruct", "state", "update")


class AutoencoderSide(Side, Protocol):
    """An autoencoder's side. A check asks for no more than a `Side`; quality and pictures do."""

    def encode(self, x: Array) -> Array:
        """Map images (n, pixels) to latents (n, latent_dim), a variational one's to the means."""

    def decode(self, z: Array) -> Array:
        """Map latents to images."""


def observed(side: Side, batch: Batch) -> Trace:
    """Return the trace of one training step, which the side then takes back."""
    before = side.state()
    trace = side.observe(batch)
    side.load(before)
    return trace


def parts(losses: Losses) -> tuple[float, ...]:
    """Return the loss of a step, and then its terms."""
    return losses if isinstance(losses, tuple) else (losses,)


def losses_of(trace: Trace, who: Description) -> Losses:
    """Return what `fit` yields of the same step."""
    terms = tuple(float(trace[f"act/{name}"]) for name in who.terms)
    return (float(trace["loss"]), *terms) if terms else float(trace["loss"])


def graph(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield the layers, each with its inputs said."""
    before = "input"
    for layer in layers:
        yield layer if layer.inputs else layer._replace(inputs=(before,))
        before = layer.name


def with_loss(who: Description) -> tuple[Layer, ...]:
    """Return the layers with their inputs, and the loss as the last: it takes the output.

    One of its own that nothing is known of stands there as the article's.
    """
    last = who.layers[-1]
    widths = (last.out_features, last.out_features)
    loss = Layer("loss", who.loss or Description.loss, *widths, (last.name, "target"))
    return (*graph(who.layers), loss)


def between_operations(tensor: str, layers: Sequence[Layer]) -> bool:
    """Return whether a tensor of a trace is one that a side may keep to itself.

    What a step gives has to be there: the output, the loss, the parameters' gradients, the state.
    """
    return tensor.startswith(("act/", "dact/")) and tensor != f"act/{layers[-1].name}"


def encoding(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers that encode: the latent goes with no activation to a Linear.

    All of them, where there is no latent.
    """
    kinds = {layer.name: layer.kind for layer in layers}
    for i, layer in enumerate(graph(layers)):
        if layer.kind == "Linear" and kinds.get(layer.inputs[0]) in ("Linear", "Draw"):
            return tuple(layers[:i])
    return tuple(layers)


def state_shapes(layers: Iterable[Layer], *, optimizer: bool = True) -> dict[str, Shape]:
    """Return the shape of every array in the states of a network of these layers, by name.

    A side that keeps its optimizer's state to itself has the parameters alone.
    """
    adams = ("adam.exp_avg", "adam.exp_avg_sq") if optimizer else ()
    return ({"adam.step": ()} if optimizer else {}) | {
        f"{kind}/{layer.name}.{parameter}": shape
        for layer in layers
        for kind in ("param", *adams)
        for parameter, shape in layer.parameters.items()
    }


def with_prefix(prefix: str, values: Mapping[str, Array]) -> dict[str, Array]:
    """Return the same arrays under `prefix/name`."""
    return {f"{prefix}/{name}": value for name, value in values.items()}


def under_prefix(prefix: str, state: State) -> dict[str, Array]:
    """Return the arrays under `prefix/`, by what follows it: the opposite of `with_prefix`."""
    start = f"{prefix}/"
    return {name[len(start) :]: value for name, value in state.items() if name.startswith(start)}


def make_state(
    params: dict[str, Array], exp_avg: dict[str, Array], exp_avg_sq: dict[str, Array], step: int
) -> State:
    """Return parameters and Adam's state under their names, in the order of a trace's end."""
    return {
        **with_prefix("adam.exp_avg", exp_avg),
        **with_prefix("adam.exp_avg_sq", exp_avg_sq),
        "adam.step": np.array(step),
        **with_prefix("param", params),
    }


def cast(state: State, dtype: str) -> State:
    """Return the state with every array but the step's number in a dtype."""
    return {
        name: value if name == "adam.step" else value.astype(dtype) for name, value in state.items()
    }


def distance(a: State, b: State) -> float:
    """Return the largest absolute difference of equally named arrays, or NaN; in float64."""
    return float(
        np.max([np.abs(np.subtract(a[name], b[name], dtype=np.float64)).max() for name in a])
    )


def in_words(tensor: str) -> str:
    """Say what a tensor of a trace is: "param/fc4.bias" is "fc4's bias after the update"."""
    if "/" not in tensor:
        return f"the {tensor}"
    kind, of = tensor.split("/")
    layer, _, parameter = of.partition(".")
    return {
        "act": f"{layer}'s output",
        "dact": f"the gradient of {layer}'s output",
        "grad": f"the gradient of {layer}'s {parameter}",
        "adam.exp_avg": f"Adam's exp_avg of {layer}'s {parameter}",
        "adam.exp_avg_sq": f"Adam's exp_avg_sq of {layer}'s {parameter}",
        "param": f"{layer}'s {parameter} after the update",
    }[kind]
