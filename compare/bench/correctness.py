"""A variant's first step, judged before it is timed: a fast wrong answer is worth nothing.

All that a compiled or captured step shows is the state after it. From rest, Adam's first moment is
(1 − β₁) g, so it tells the gradients, which are judged as the check judges a network's; and Adam's
state follows from them.
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from compare.check.bounds import judge as judge_tensor
from compare.check.bounds import norm, unit_roundoff, widen
from compare.check.network import ALLOWANCE, true_step
from compare.check.optimizer import updated
from compare.check.update_rules import MOMENT
from compare.data.batches import Batch, Purpose, stream
from compare.data.config import Config
from compare.sides.interface import State, under_prefix, with_prefix
from compare.sides.subject import make_side


@dataclass(frozen=True)
class Correctness:
    """What a variant's step came to: the worst error in units of its bound, and its tensor."""

    ratio: float
    tensor: str

    @property
    def held(self) -> bool:
        """Whether it is within what rounding allows."""
        return self.ratio <= 1


def judge(
    config: Config,
    batch: Batch,
    after: State,
    *,
    float32_correction: bool = False,
    float32_betas: bool = False,
    before: State | None = None,
) -> Correctness:
    """Judge a step from `before` to `after`: gradients normwise, Adam entry by entry.

    Adam is at rest before it. Without a `before`, that is where every side starts.

    torch.compile puts Adam's bias correction into float32. 1 − β then has an error of 2 u (that of
    β as a number, and that of the power), which is 2 u / (1 − β) of it; for the second moment the
    root halves that.

    CUDA's fused Adam takes β itself as float32 from some version of torch on: 1 − 0.999 is off by
    216 u then, and all that follows from it by as much. It may be right for either β.
    """
    side = make_side("numpy", config)
    before = before or side.state()
    correction = 0
    if float32_correction:
        correction = ceil(2 / (1 - config.beta1) + 1 / (1 - config.beta2))
    inputs = {**before, **with_prefix("act", batch)}
    rng = stream(Purpose.CHECK, config.seed, 4)
    truth, deviations = true_step(side.describe(), inputs, {}, rng)
    moments = widen(under_prefix("adam.exp_avg", after), config.dtype)

    def judged(beta1: float, beta2: float) -> Correctness:
        grads = {name: moment / (1 - beta1) for name, moment in moments.items()}
        ratios = {}
        for name, grad in grads.items():
            tensor = f"grad/{name}"
            # What the network may be off by, and the roundings of the moment that tells it.
            own = MOMENT * unit_roundoff(config.dtype) * norm(truth[tensor])
            allowed = ALLOWANCE * deviations[tensor] + own
            finite = np.isfinite(grad).all()
            ratios[tensor] = norm(grad - truth[tensor]) / allowed if finite else np.inf
        told = replace(config, beta1=beta1, beta2=beta2)
        for name, true in updated(before, grads, told, config.dtype).items():
            if not name.startswith("adam.exp_avg/"):
                # A gradient that is off by MOMENT roundings is squared in the second moment.
                more = 2 * MOMENT + (correction if name.startswith("param/") else 0)
                wider = true._replace(roundings=true.roundings + more)
                verdict, ratio, *_ = judge_tensor(after.get(name), wider, config.dtype)
                ratios[name] = ratio if verdict.held or ratio > 1 else np.inf
        worst = max(ratios, key=lambda name: ratios[name])
        return Correctness(float(ratios[worst]), worst)

    found = judged(config.beta1, config.beta2)
    if float32_betas:
        rounded = judged(float(np.float32(config.beta1)), float(np.float32(config.beta2)))
        found = min(found, rounded, key=lambda correctness: correctness.ratio)
    return found
