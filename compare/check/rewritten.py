"""What a torch function comes to when one operation is another, is left out, or is a constant.

Most mistakes in a derivative are an operation that is missing, or a part of it that is taken for a
constant. The operations are those of its forward pass, fused ones decomposed, and then those of the
derivative.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.fx import GraphModule, Interpreter, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_map

from compare.check.failures import Candidate, Failure, Mistake
from compare.check.reference import DY, Reference
from compare.check.replay import Replay
from compare.sides.interface import Array, Shape

MOST = 80  # operations that are changed in turn
Run = Callable[..., Any]
Args = tuple[Any, ...]
At = Callable[[str], Any]  # what a node of some name has come to
Change = Callable[[Run, Args, At], Any]  # what stands in the place of an operation

ATEN = torch.ops.aten
FUSED = [
    getattr(ATEN, name)
    for name in (
        *(
            "native_layer_norm",
            "native_batch_norm",
            "native_group_norm",
            "_softmax",
            "_log_softmax",
        ),
        *("nll_loss_forward", "logsumexp", "binary_cross_entropy", "mse_loss", "silu", "gelu"),
        *("binary_cross_entropy_with_logits", "softplus", "addmm", "linalg_vector_norm", "std"),
        *("log_sigmoid_forward", "elu", "huber_loss", "smooth_l1_loss"),
    )
]
OTHERS = {  # taken for each other
    "add": ["sub"],
    "sub": ["add"],
    "mul": ["div"],
    "div": ["mul"],
    "exp": ["exp2", "expm1"],
    "log": ["log2", "log10", "log1p"],
    "sqrt": ["square"],
    "rsqrt": ["sqrt", "reciprocal"],
    "tanh": ["sigmoid"],
    "sigmoid": ["tanh"],
    "amax": ["amin"],
    "maximum": ["minimum"],
}


def rewritten(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield each change of one operation, with what the result is then."""
    try:
        graph = _traced(failure, reference)
    except Exception:  # what cannot be traced has no parts that could be named
        return
    backward = failure.tensor != reference.value
    graphs = {_shapes(failure): graph}

    def when(number: int, change: Change) -> Mistake:
        def wrong(f: Failure) -> Array:
            shapes = _shapes(f)
            if shapes not in graphs:
                graphs[shapes] = _traced(f, reference)
            names, module = _names(f), graphs[shapes]

            def other(**x: torch.Tensor) -> Any:
                return _Changed(module, number, change).run(*(x[name] for name in names))

            return Reference(other, reference.value).results(f.operands, "float64")[f.tensor]

        return wrong

    nodes = _operations(graph)[:MOST]
    called = [_called(node) for node in nodes]
    seen: dict[str, int] = {}
    for number, (node, name) in enumerate(zip(nodes, called, strict=True)):
        seen[name] = seen.get(name, 0) + 1
        which = f"its {name}" if called.count(name) == 1 else f"its {name}, number {seen[name]},"
        operands = [i for i, x in enumerate(node.args) if isinstance(x, Node)]
        changes = {"were left out": [_keeping(i) for i in operands], **_replaced(name)}
        if backward:
            yield f"it is as if {which} were a constant", when(number, _constant)
            for i in operands if len(operands) > 1 else ():
                say = f"it is as if operand {i + 1} of {which} were a constant"
                yield say, when(number, _holding(i))
        for say, made in changes.items():
            for change in made:
                if backward:
                    alone = when(number, _derivative_alone(change))
                    yield f"it is as if {which} {say} in the derivative", alone
                yield f"it is as if {which} {say}", when(number, change)
        for i in operands if backward else ():
            before = node.args[i]
            if isinstance(before, Node) and before in nodes:
                left_out = f"it is as if {_called(before)} were left out"
                say = f"{left_out} of what {which} is differentiated at"
                for operand in before.all_input_nodes:
                    yield say, when(number, _derivative_alone(_taking(i, operand)))
    if backward:
        yield from _in_the_derivative(failure, reference)


def _in_the_derivative(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield what the derivative is without one of its operations."""

    def without(number: int, operand: int) -> Mistake:
        return lambda f: reference.results(f.operands, "float64", Replay(skip=(number, operand)))[
            f.tensor
        ]

    clean = Replay()
    reference.results(failure.operands, "float64", clean)
    for number, (name, operands) in enumerate(clean.steps[:MOST]):
        where = "its derivative" if number >= clean.forward else "what its derivative is taken at"
        for operand in operands:
            yield (
                f"it is as if one {name} were left out of {where}",
                without(number, operand),
            )


def _traced(failure: Failure, reference: Reference) -> GraphModule:
    """Return the operations of a reference's forward pass."""
    names = _names(failure)

    def positional(*x: torch.Tensor) -> Any:
        return reference.function(**dict(zip(names, x, strict=True)))

    table: Any = get_decompositions(FUSED)
    tensors = [torch.tensor(failure.operands[name]) for name in names]
    return make_fx(positional, table)(*tensors)


def _shapes(failure: Failure) -> tuple[Shape, ...]:
    return tuple(x.shape for x in failure.operands.values())


def _names(failure: Failure) -> list[str]:
    return [name for name in failure.operands if name != DY]


def _operations(graph: GraphModule) -> list[Node]:
    return [node for node in graph.graph.nodes if node.op == "call_function"]


def _called(node: Node) -> str:
    """Return what an operation is called: "exp", or "add 1e-05"."""
    target: Any = node.target
    if target.__name__ == "getitem":
        of, number = node.args
        assert isinstance(of, Node)
        return f"{_called(of)}, result {number},"
    numbers = [f" {x:g}" for x in node.args[1:] if isinstance(x, float) or type(x) is int]
    name = str(target.overloadpacket.__name__).strip("_")
    return name + "".join(numbers) if name in OTHERS or name == "pow" else name


def _constant(run: Run, args: Args, at: At) -> Any:
    return tree_map(torch.detach, run(*args))


def _holding(operand: int) -> Change:
    return lambda run, args, at: run(
        *(x.detach() if i == operand else x for i, x in enumerate(args))
    )


def _keeping(operand: int) -> Change:
    return lambda run, args, at: args[operand].expand_as(run(*args))


def _taking(operand: int, node: Node) -> Change:
    """Return the change that gives an operation the value of another node."""
    name = node.name  # another trace has a node of that name, too

    def change(run: Run, args: Args, at: At) -> Any:
        other = at(name).expand_as(args[operand])
        return run(*(other if i == operand else x for i, x in enumerate(args)))

    return change


def _derivative_alone(change: Change) -> Change:
    """Return a change of the derivative, with the value as it was."""

    def alone(run: Run, args: Args, at: At) -> Any:
        changed = change(run, args, at)
        return changed + (run(*args) - changed).detach()

    return alone


def _replaced(name: str) -> dict[str, list[Change]]:
    """Return the operations that one is taken for."""
    others = {f"were {x}": [_with(getattr(torch, x))] for x in OTHERS.get(name.split()[0], [])}
    if name in ("var", "var_mean"):
        others["were over one entry less"] = [_with_correction(1)]
        others["were over all entries"] = [_with_correction(0)]
    return others


def _with(other: Run) -> Change:
    return lambda run, args, at: other(*args)


def _with_correction(correction: int) -> Change:
    return lambda run, args, at: run(*args, correction=correction)


class _Changed(Interpreter):
    """A graph that is run with something else in the place of one operation."""

    def __init__(self, module: GraphModule, number: int, change: Change) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.node, self.change = _operations(module)[number], change

    def run_node(self, node: Node) -> Any:
        """Run one operation, or what is to stand in its place."""
        if node is not self.node:
            return super().run_node(node)
        args, kwargs = self.fetch_args_kwargs_from_env(node)
        target: Any = node.target

        def at(name: str) -> Any:
            return next(value for node, value in self.env.items() if node.name == name)

        return self.change(lambda *x, **other: target(*x, **{**kwargs, **other}), args, at)
