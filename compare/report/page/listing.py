"""The operations of one training step in their order, each with its rules, the code of both sides and its tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from compare.report.page import code
from compare.report.page.code import Passage
from compare.report.page.rules import Rule, rules_of
from compare.sides.interface import Layer

NAMES = {  # expressions of the NumPy code, and the symbols that they stand for
    **{name: name for name in ("x", "y", "dx", "dy", "dweight", "dbias", "target", "value")},
    "self.weight": "weight",
    "self.bias": "bias",
    "param": "param",
    "grad": "grad",
    **{name: name for name in ("exp_avg", "exp_avg_sq", "beta1", "beta2")},
    "state['exp_avg']": "exp_avg",
    "state['exp_avg_sq']": "exp_avg_sq",
    "state['step']": "step",
    "self.lr": "lr",
    "self.eps": "eps",
    "grads[name]": "grad",
    "self.params[name]": "param",
    "noisy": "noisy",
    "clean": "clean",
    "factor": "noise",
}
ARGUMENTS = {
    "Linear": ("dy", "x"),
    "ReLU": ("dy", "y"),
    "Sigmoid": ("dy", "y"),
}  # of a layer's backward


@dataclass(frozen=True)
class Symbol:
    """One variable of an operation: its name in the code, the tensor that it is here, and that tensor's shape."""

    name: str
    tensor: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One row of the page."""

    key: str  # "fc1.forward", as findings call it
    title: str
    kind: str  # "Linear.forward", as rules call it
    symbols: tuple[Symbol, ...]
    tensors: tuple[str, ...]  # its results, as a trace names them
    numpy: tuple[Passage, ...]
    torch: tuple[Passage, ...]
    note: str = ""
    rules: tuple[Rule, ...] = ()

    @property
    def anchor(self) -> str:
        """Return the row's address on the page."""
        return self.key.replace(".", "-")


def operations(layers: Sequence[Layer], batch: int) -> Iterator[Operation]:
    """Yield a step's operations, forward and then backward, for a network of these layers."""
    for operation in (
        _data(layers, batch),
        *(_forward(layers, i, batch) for i in range(len(layers))),
        *_loss(layers, batch),
        *(_backward(layers, i, batch) for i in reversed(range(len(layers)))),
        _adam(layers),
    ):
        named = {symbol.name for symbol in operation.symbols}
        rules = tuple(rule for rule in rules_of(operation.kind) if rule.result in named)
        yield replace(operation, rules=rules)


def _data(layers: Sequence[Layer], batch: int) -> Operation:
    shape = (batch, layers[0].in_features)
    symbols = (
        Symbol("clean", "target", shape),
        Symbol("noisy", "input", shape),
        Symbol("noise", "factor"),
        Symbol("normal", "normal numbers", shape),
    )
    made = code.body("compare/data/batches.py", "add_noise", NAMES)
    note = "A batch is made once, in float32, and both sides are given the same numbers."
    return Operation(
        "data", "The batch", "Noise", symbols, ("act/target", "act/input"), (made,), (), note
    )


def _forward(layers: Sequence[Layer], i: int, batch: int) -> Operation:
    layer, before = layers[i], _before(layers, i)
    function = "Autoencoder.encode" if i < _latent(layers) else "Autoencoder.decode"
    symbols = [Symbol("x", before, (batch, layer.in_features)), *_parameters(layer)]
    symbols.append(Symbol("y", layer.name, (batch, layer.out_features)))
    called = code.call("numpy_ae/model.py", function, f"self.{layer.name}.forward", ("x",), ("y",))
    done = code.body("numpy_ae/layers.py", f"{layer.kind}.forward", NAMES)
    parameters = " ".join(symbol.name for symbol in _parameters(layer))
    theirs = code.call(
        "torch_ae/model.py", function, f"self.{layer.name}", ("x",), ("y",), parameters
    )
    return Operation(
        f"{layer.name}.forward", f"{layer.name}, forward", f"{layer.kind}.forward", tuple(symbols),
        (f"act/{layer.name}",), (called, done), (theirs, code.header("torch_ae/layers.py", layer.kind)),
    )  # fmt: skip


def _loss(layers: Sequence[Layer], batch: int) -> Iterator[Operation]:
    shape = (batch, layers[-1].out_features)
    last = layers[-1].name
    y, target = Symbol("y", last, shape), Symbol("target", "target", shape)
    called, back = (
        code.call("numpy_ae/train.py", "train_step", f"loss.{way}", ("y", "target"), ("value",))
        for way in ("forward", "backward")
    )
    done, backward = (
        code.body("numpy_ae/loss.py", f"SumSquaredError.{way}", NAMES)
        for way in ("forward", "backward")
    )
    theirs = code.call("torch_ae/train.py", "train_step", "loss", ("y", "target"), ("value",))
    head = code.header("torch_ae/loss.py", "SumSquaredError")
    reduction = code.body("torch_ae/loss.py", "SumSquaredError.__init__", {})
    yield Operation(
        "loss.forward", "loss, forward", "SumSquaredError.forward", (y, target, Symbol("value", "loss")),
        ("loss",), (called, done), (theirs, head, reduction),
    )  # fmt: skip
    yield Operation(
        "loss.backward", "loss, backward", "SumSquaredError.backward",
        (y, target, Symbol("dy", f"gradient of {last}", shape)), (f"dact/{last}",),
        (back, backward), (_value_backward(), theirs),
        "Here the gradients start. PyTorch goes back along the line below it, which it has recorded.",
    )  # fmt: skip


def _backward(layers: Sequence[Layer], i: int, batch: int) -> Operation:
    layer, before = layers[i], _before(layers, i)
    results = [f"dact/{before}"] if i else []
    symbols = [Symbol("dy", f"gradient of {layer.name}", (batch, layer.out_features))]
    if layer.kind == "Linear":
        symbols += [Symbol("x", before, (batch, layer.in_features)), _parameters(layer)[0]]
        results += [f"grad/{layer.name}.weight", f"grad/{layer.name}.bias"]
    else:
        symbols.append(Symbol("y", layer.name, (batch, layer.out_features)))
    if i:
        symbols.append(Symbol("dx", f"gradient of {before}", (batch, layer.in_features)))
    if layer.kind == "Linear":
        symbols += [
            Symbol(f"d{s.name}", f"gradient of {s.tensor}", s.shape) for s in _parameters(layer)
        ]
    called = code.call(
        "numpy_ae/model.py", "Autoencoder.backward", f"self.{layer.name}.backward", ARGUMENTS[layer.kind],
        ("dx", "dweight", "dbias"),
    )  # fmt: skip
    done = code.body("numpy_ae/layers.py", f"{layer.kind}.backward", NAMES)
    function = "Autoencoder.encode" if i < _latent(layers) else "Autoencoder.decode"
    parameters = " ".join(f"{symbol.name} d{symbol.name}" for symbol in _parameters(layer))
    recorded = code.call(
        "torch_ae/model.py", function, f"self.{layer.name}", ("x dx",), ("y dy",), parameters
    )
    note = "" if i else "Training needs no gradient of the images, so dx is not computed here."
    return Operation(
        f"{layer.name}.backward", f"{layer.name}, backward", f"{layer.kind}.backward", tuple(symbols), tuple(results),
        (called, done), (_value_backward(), recorded), note,
    )  # fmt: skip


def _adam(layers: Sequence[Layer]) -> Operation:
    names = [
        f"{layer.name}.{kind}"
        for layer in layers
        if layer.kind == "Linear"
        for kind in ("weight", "bias")
    ]
    tensors = tuple(
        f"{kind}/{name}" for name in names for kind in ("adam.exp_avg", "adam.exp_avg_sq", "param")
    )
    symbols = (
        Symbol("param", "parameter"), Symbol("grad", "its gradient"), Symbol("exp_avg", "mean of gradients"),
        Symbol("exp_avg_sq", "mean of their squares"), Symbol("step", "steps taken"), Symbol("lr", "learning rate"),
        Symbol("beta1", "decay of m"), Symbol("beta2", "decay of v"), Symbol("eps", "against division by 0"),
    )  # fmt: skip
    called = code.call("numpy_ae/train.py", "train_step", "optimizer.step", ())
    done = code.body("numpy_ae/optim.py", "Adam._update", NAMES)
    theirs = code.call("torch_ae/train.py", "train_step", "optimizer.step", ())
    return Operation(
        "adam", "Adam, the update", "Adam.step", symbols, tensors, (called, done),
        (theirs, code.header("torch_ae/optim.py", "Adam")),
        "Each side's update is judged on the gradients that the side itself has computed.",
    )  # fmt: skip


def _value_backward() -> Passage:
    return code.call("torch_ae/train.py", "train_step", "value.backward", ())


def _before(layers: Sequence[Layer], i: int) -> str:
    """Return the name of the activation that enters a layer."""
    return layers[i - 1].name if i else "input"


def _latent(layers: Sequence[Layer]) -> int:
    """Return how many layers encode: the latent is what goes from one Linear straight to the next."""
    kinds = [layer.kind for layer in layers]
    return next(i for i in range(1, len(layers)) if kinds[i - 1] == kinds[i] == "Linear")


def _parameters(layer: Layer) -> tuple[Symbol, ...]:
    if layer.kind != "Linear":
        return ()
    weight = Symbol("weight", f"{layer.name}.weight", (layer.out_features, layer.in_features))
    return weight, Symbol("bias", f"{layer.name}.bias", (layer.out_features,))
