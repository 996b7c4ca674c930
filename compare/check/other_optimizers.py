"""What may be there instead of one of torch's optimizers: it, set otherwise, or made otherwise."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from compare.check.optimizer_runs import Arrays, Reference
from compare.check.update_rules import ADAM, SGD, Before, Optimizer, Rates, Step, known
from compare.errors import class_name
from compare.sides.calls import LONGEST_NAME, Misbehaved, call

if TYPE_CHECKING:
    import torch

DECAYS = (1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 0.1)
RATES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
SWITCHES: Mapping[str, tuple[Any, ...]] = {  # of any of them, and what else people set them to
    "momentum": (0, *RATES),
    "dampening": (0, *RATES),
    "nesterov": (False, True),
    "maximize": (False, True),
    "amsgrad": (False, True),
    "centered": (False, True),
    "decoupled_weight_decay": (False, True),
    "alpha": RATES,
    "rho": RATES,
    "lr_decay": (0, *DECAYS),
    "weight_decay": (0, *DECAYS),
    "eps": (0, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3),
}
OTHERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")


def unchanged(grads: Arrays, start: Arrays) -> Arrays:
    """Return the gradients of a step."""
    return grads


class Instead(NamedTuple):
    """What is said where it fits; an optimizer, and what it is given for the gradients."""

    say: str
    reference: Reference
    gradients: Callable[[Arrays, Arrays], Arrays] = unchanged


def settings(reference: Reference, params: Arrays) -> tuple[str, dict[str, Any]]:
    """Return the name and the settings of a reference.

    Raises `TypeError` for one that makes no optimizer of torch's, or one to which it makes a
    difference that a parameter is stacked upon another: entries are not treated by themselves.
    """
    import torch

    from compare.sides import first_calls  # noqa: F401 - before torch computes

    def stepped(copies: int) -> tuple[Any, list[torch.Tensor]]:
        sizes = 1.0 + np.arange(copies)  # of a parameter and its gradient, which is made of ones
        tensors = [
            torch.tensor(np.multiply.outer(sizes, np.ones(param.shape)), requires_grad=True)
            for param in params.values()
        ]
        optimizer = reference(tensors)
        if not isinstance(optimizer, torch.optim.Optimizer):
            made = class_name(optimizer, LONGEST_NAME)
            raise Misbehaved("the reference", f"made a {made}")
        for tensor in tensors:
            tensor.grad = tensor.detach().clone()
        optimizer.step()
        return optimizer, [tensor.detach()[0] for tensor in tensors]

    try:
        (optimizer, alone), (_, stacked) = (
            call("the reference", partial(stepped, n)) for n in (1, 2)
        )
    except Misbehaved as error:
        raise TypeError(f"{error}; a list of tensors must give an optimizer of torch's") from None
    name = type(optimizer).__name__
    if not all(map(torch.allclose, alone, stacked)):
        raise TypeError(
            f"torch.optim.{name} does not treat every entry by itself: no reference here"
        )
    return name, optimizer.param_groups[0]


def instead(reference: Reference, group: Mapping[str, Any], name: str) -> Iterator[Instead]:
    """Yield what may be there instead of a reference, which has this name and is set like this."""
    yield Instead("the parameters stay as they were", switched(reference, lr=0.0))
    yield Instead("the step goes the wrong way", switched(reference, lr=-group["lr"]))
    for key, values in SWITCHES.items():
        old = group.get(key)
        more = (
            (old * group["lr"], old / group["lr"], old / 2, 2 * old, -old)
            if "decay" in key and old
            else ()
        )
        for value in (*values, *more) if key in group else ():
            if value != old:
                say = f"it does what torch.optim.{name} does with {key}={value}, not {old}"
                yield Instead(say, switched(reference, **{key: value}))
    if "betas" in group:
        first, second = old = tuple(group["betas"])
        usual = ((0.9, 0.999), (0.9, 0.99), (0.9, 0.95))
        for betas in ((second, first), (first, first), (second, second), *usual):
            say = f"it does what torch.optim.{name} does with betas={betas}, not {old}"
            yield Instead(say, switched(reference, betas=betas))
    yield Instead("every gradient is clipped to ±1", reference, _clipped)
    yield Instead(
        "the gradients are scaled to a norm of 1 at most, all together", reference, _scaled
    )
    yield Instead("a gradient that is missing counts as zero", reference, _filled)
    yield from _by_table(group, name)
    for other in OTHERS:
        yield Instead(
            f"it does what torch.optim.{other}(params, lr={group['lr']}) does",
            _plain(other, group["lr"]),
        )


def switched(reference: Reference, **settings: Any) -> Reference:
    """Return the reference with other settings in all of its groups."""

    def make(params: list["torch.Tensor"]) -> "torch.optim.Optimizer":
        optimizer = reference(params)
        for group in optimizer.param_groups:
            group.update(settings)
        return optimizer

    return make


def _plain(name: str, lr: float) -> Reference:
    def make(params: list["torch.Tensor"]) -> "torch.optim.Optimizer":
        import torch

        optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(params, lr=lr)
        return optimizer

    return make


def _clipped(grads: Arrays, start: Arrays) -> Arrays:
    return {name: np.clip(grad, -1, 1) for name, grad in grads.items()}


def _scaled(grads: Arrays, start: Arrays) -> Arrays:
    norm = np.sqrt(sum(np.square(grad, dtype=np.float64).sum() for grad in grads.values()))
    return {name: grad.astype(np.float64) / max(norm, 1) for name, grad in grads.items()}


def _filled(grads: Arrays, start: Arrays) -> Arrays:
    return {name: grads.get(name, np.zeros_like(value)) for name, value in start.items()}


def _by_table(group: Mapping[str, Any], name: str) -> Iterator[Instead]:
    """Yield the mistakes that the table knows of the optimizer, where it has this one."""
    plain = not any(group.get(key) for key in ("maximize", "amsgrad", "nesterov", "dampening"))
    rates = SimpleNamespace(**group)
    if name in ("Adam", "AdamW") and plain:
        optimizer = ADAM
        rates.beta1, rates.beta2 = group["betas"]
    elif name == "SGD" and plain and group["momentum"]:
        optimizer = SGD
    else:
        return
    for say, step in known(optimizer).items():
        yield Instead(say, _table(optimizer, step, rates))


def _table(optimizer: Optimizer, step: Step, rates: Rates) -> Reference:
    return lambda params: _Table(params, optimizer, step, rates)  # type: ignore[return-value]


class _Table:
    """A step of the table's, as torch takes one."""

    def __init__(
        self, params: list["torch.Tensor"], optimizer: Optimizer, step: Step, rates: Rates
    ) -> None:
        self.of, self.rates, self.param_groups = step, rates, [vars(rates)]
        self.state = {
            param: {slot: param.detach() * 0 for slot in optimizer.slots} for param in params
        }
        for kept in self.state.values():
            kept["step"] = next(iter(self.state)).new_zeros(())

    def step(self) -> None:
        c = self.rates
        for place, (tensor, kept) in enumerate(self.state.items()):
            if tensor.grad is None:
                continue
            kept["step"] += 1
            *slots, _ = (value.numpy() for value in kept.values())
            param, grad = tensor.detach().numpy(), tensor.grad.numpy()
            if getattr(c, "decoupled_weight_decay", False):
                param *= 1 - c.lr * c.weight_decay
            else:
                grad = grad + c.weight_decay * param
            before = Before(param, tuple(slots), grad, int(kept["step"]), place)
            results = self.of(before, c)
            for array, after in zip((*slots, param), results, strict=True):
                array[...] = after.value
