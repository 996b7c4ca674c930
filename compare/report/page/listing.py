"""The operations of one training step in order, each with rules, code of both sides and tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from compare.check.kinds import LOSS, OPERATIONS, taken, traced
from compare.check.variational import VARIATIONAL
from compare.report.page import code
from compare.report.page.code import Passage
from compare.report.page.rules import Rule, rules_of
from compare.sides.interface import Layer, encoding, graph

NAMES = {  # expressions of the NumPy code, and the symbols that they stand for
    **{name: name for name in ("x", "y", "dx", "dy", "dweight", "dbias", "target", "value")},
    **{name: name for name in ("param", "grad", "exp_avg", "exp_avg_sq", "beta1", "beta2")},
    **{name: name for name in ("noisy", "clean", "mean", "std", "logvar", "noise")},
    "self.weight": "weight",
    "self.bias": "bias",
    "state['exp_avg']": "exp_avg",
    "state['exp_avg_sq']": "exp_avg_sq",
    "state['step']": "step",
    "self.lr": "lr",
    "self.eps": "eps",
    "grads[name]": "grad",
    "self.params[name]": "param",
    "factor": "factor",
}


class Place(NamedTuple):
    """Where the code calls an operation: file, function, and what it is called by."""

    file: str
    function: str
    callee: str


@dataclass(frozen=True)
class Symbol:
    """One variable of an operation: its name in the code, the tensor that it is here, its shape."""

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
    layers = tuple(graph(layers))
    forward, backward = (
        [_of_layer(layers, i, way, batch) for i in range(len(layers))]
        for way in ("forward", "backward")
    )
    loss = _loss(layers, batch)
    for operation in (_data(layers, batch), *forward, *loss, *backward[::-1], _adam(layers)):
        named = {symbol.name for symbol in operation.symbols}
        rules = tuple(rule for rule in rules_of(operation.kind) if rule.result in named)
        yield replace(operation, rules=rules)


def _data(layers: Sequence[Layer], batch: int) -> Operation:
    shape = (batch, layers[0].in_features)
    return Operation(
        "data",
        "The batch",
        "Noise",
        (
            Symbol("clean", "target", shape),
            Symbol("noisy", "input", shape),
            Symbol("factor", "strength of the noise"),
            Symbol("normal", "normal numbers", shape),
        ),
        ("act/target", "act/input", *(["act/noise"] if _variational(layers) else [])),
        (
            code.body("compare/data/batches.py", "add_noise", NAMES),
            *(
                [code.body("compare/data/batches.py", "latent_noise", {})]
                if _variational(layers)
                else []
            ),
        ),
        (),
        "A batch is made once, in float32, and both sides are given the same numbers.",
    )


def _of_layer(layers: Sequence[Layer], i: int, way: str, batch: int) -> Operation:
    layer, name = layers[i], layers[i].name
    key, kind, forward = f"{name}.{way}", f"{layer.kind}.{way}", way == "forward"
    of = OPERATIONS[kind]
    # Training needs no gradient of the images.
    results = {of: result for of, result in of.results.items() if i or of != "dx"}
    sizes = {"n": batch, "i": layer.in_features, "o": layer.out_features}
    tensors = {**taken(layer), "y": name, "value": name}
    tensors |= {parameter: f"{name}.{parameter}" for parameter in layer.parameters}
    tensors |= {f"d{symbol}": f"gradient of {tensor}" for symbol, tensor in tensors.items()}
    indices = {**of.operands, **{result: of.indices for result, of in results.items()}}
    symbols = tuple(
        Symbol(symbol, tensors[symbol], tuple(sizes[index] for index in at))
        for symbol, at in indices.items()
    )
    arguments = tuple(operand for operand in of.operands if operand not in layer.parameters)
    file, function, callee = _place(layers, layer, forward=forward)
    called = code.call(
        f"numpy_ae/{file}", function, f"{callee}.{way}", arguments, tuple(of.results)
    )
    own = "vae.py" if kind in VARIATIONAL else "layers.py"
    done = code.body(f"numpy_ae/{own}", kind, NAMES)
    file, function, callee = _place(layers, layer, forward=True)
    module = (f"torch_ae/{file}", function, callee)
    if forward:
        line = code.call(*module, tuple(taken(layer)), ("y",), " ".join(layer.parameters))
        theirs = (line, code.header(f"torch_ae/{own}", layer.kind))
    else:
        gradients = " ".join(f"{parameter} d{parameter}" for parameter in layer.parameters)
        inputs = tuple(f"{operand} d{operand}" for operand in taken(layer))
        theirs = (_value_backward(layers), code.call(*module, inputs, ("y dy",), gradients))
    note = "Training needs no gradient of the images, so dx is not computed here."
    return Operation(
        key,
        f"{name}, {way}",
        kind,
        symbols,
        tuple(traced(key, result, layers) for result in results),
        (called, done),
        theirs,
        "" if i or forward else note,
    )


def _loss(layers: Sequence[Layer], batch: int) -> Iterator[Operation]:
    last = layers[-1]
    shape = (batch, last.out_features)
    operands = (Symbol("y", last.name, shape), Symbol("target", "target", shape))
    train, torchs = _steps(layers)
    theirs = code.call(*torchs, "loss", ("y", "target"), ("value",))
    head = code.header("torch_ae/loss.py", LOSS)
    reduction = code.body("torch_ae/loss.py", f"{LOSS}.__init__", {})
    for way, result, torch, note in (
        ("forward", Symbol("value", "loss"), (theirs, head, reduction), ""),
        (
            "backward",
            Symbol("dy", f"gradient of {last.name}", shape),
            (_value_backward(layers), theirs),
            "Here the gradients start. PyTorch goes back along the line below it, "
            "which it has recorded.",
        ),
    ):
        called = code.call(*train, f"loss.{way}", ("y", "target"), ("value",))
        done = code.body("numpy_ae/loss.py", f"{LOSS}.{way}", NAMES)
        tensors = (traced(f"loss.{way}", result.name, layers),)
        symbols = (*operands, result)
        key = f"loss.{way}"
        yield Operation(
            key, f"loss, {way}", f"{LOSS}.{way}", symbols, tensors, (called, done), torch, note
        )


def _adam(layers: Sequence[Layer]) -> Operation:
    names = [f"{layer.name}.{parameter}" for layer in layers for parameter in layer.parameters]
    kinds = ("adam.exp_avg", "adam.exp_avg_sq", "param")
    meanings = {
        "param": "parameter",
        "grad": "its gradient",
        "exp_avg": "mean of gradients",
        "exp_avg_sq": "mean of their squares",
        "step": "steps taken",
        "lr": "learning rate",
        "beta1": "decay of m",
        "beta2": "decay of v",
        "eps": "against division by 0",
    }
    train, torchs = _steps(layers)
    called = code.call(*train, "optimizer.step", ())
    theirs = code.call(*torchs, "optimizer.step", ())
    return Operation(
        "adam",
        "Adam, the update",
        "Adam.step",
        tuple(Symbol(name, meaning) for name, meaning in meanings.items()),
        tuple(f"{kind}/{name}" for name in names for kind in kinds),
        (called, code.body("numpy_ae/optim.py", "Adam._update", NAMES)),
        (theirs, code.header("torch_ae/optim.py", "Adam")),
        "Each side's update is judged on the gradients that the side itself has computed.",
    )


def _value_backward(layers: Sequence[Layer]) -> Passage:
    _, torchs = _steps(layers)
    value = "(error + beta * divergence)" if _variational(layers) else "value"
    return code.call(*torchs, f"{value}.backward", ())


def _variational(layers: Sequence[Layer]) -> bool:
    return any(layer.kind == "Draw" for layer in layers)


def _steps(layers: Sequence[Layer]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return file and name of the training step, by hand and of torch."""
    step = ("vae.py", "vae_train_step") if _variational(layers) else ("train.py", "train_step")
    return (f"numpy_ae/{step[0]}", step[1]), (f"torch_ae/{step[0]}", step[1])


def _place(layers: Sequence[Layer], layer: Layer, *, forward: bool) -> Place:
    """Return where the network calls a layer; both networks have the same names."""
    variational = _variational(layers)
    file = "vae.py" if variational else "model.py"
    network = "VariationalAutoencoder" if variational else "Autoencoder"
    callee = f"self.{layer.name}"
    if layer.kind == "GaussianKL":
        return Place(file, "vae_train_step", layer.name)
    if not forward:
        return Place(file, f"{network}.backward", callee)
    if layer.kind in ("Deviation", "Draw"):
        return Place(file, f"{network}.forward", callee)
    if layer in encoding(layers):
        return Place(file, f"{network}.encode", callee)
    return Place("model.py", "Decoder.decode", callee)
