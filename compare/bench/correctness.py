"""A lane's first step, judged before it is timed: a fast wrong answer is worth nothing.

All that a compiled or captured step shows is the state after it. From rest, Adam's first moment is
(1 − β₁) g, so it tells the gradients, which are judged as the check judges a network's; and Adam's
state follows from them.
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from compare.check import bounds, network, optimizer
from compare.data.batches import Batch
from compare.data.config import Config
from compare.data.streams import Purpose, stream
from compare.sides.interface import Description, State, under_prefix


@dataclass(frozen=True)
class Judgement:
    """What a lane's step came to: the worst error in units of what is allowed, and of what tensor."""

    ratio: float
    tensor: str

    @property
    def held(self) -> bool:
        """Whether it is within what rounding allows."""
        return self.ratio <= 1


def judge(
    who: Description,
    config: Config,
    batch: Batch,
    before: State,
    after: State,
    *,
    float32_correction: bool = False,
    float32_betas: bool = False,
) -> Judgement:
    """Judge a step from `before`, with Adam at rest, to `after`: gradients normwise, Adam entry by entry.

    torch.compile puts Adam's bias correction into float32. 1 − β then has an error of 2 u (that of
    β as a number, and that of the power), which is 2 u / (1 − β) of it; for the second moment the
    root halves that.

    CUDA's fused Adam takes β itself as float32 from some version of torch on: 1 − 0.999 is off by
    216 u then, and all that follows from it by as much. It may be right for either β.
    """
    correction = ceil(2 / (1 - config.beta1) + 1 / (1 - config.beta2)) if float32_correction else 0
    rounded = replace(
        config, beta1=float(np.float32(config.beta1)), beta2=float(np.float32(config.beta2))
    )
    configs = [config, rounded] if float32_betas else [config]
    return min(
        (_judge(who, c, batch, before, after, correction) for c in configs),
        key=lambda judged: judged.ratio,
    )


def _judge(
    who: Description, config: Config, batch: Batch, before: State, after: State, correction: int
) -> Judgement:
    inputs = {**before, "act/input": batch.noisy, "act/target": batch.clean}
    truth, deviations = network.true_step(who, inputs, {}, stream(Purpose.CHECK, config.seed, 4))
    moments = bounds.widen(under_prefix("adam.exp_avg", after), who.dtype)
    told = {name: moment / (1 - config.beta1) for name, moment in moments.items()}
    ratios = {}
    for name, grad in told.items():
        true = truth[f"grad/{name}"]
        # what the network may be off by, and the roundings of the moment that tells it
        own = optimizer.MOMENT * bounds.unit_roundoff(who.dtype) * network.norm(true)
        allowed = network.ALLOWANCE * deviations[f"grad/{name}"] + own
        ratios[f"grad/{name}"] = (
            network.norm(grad - true) / allowed if np.isfinite(grad).all() else np.inf
        )
    for name, true_state in optimizer.adam(before, told, config, who.dtype).items():
        if not name.startswith("adam.exp_avg/"):
            # a gradient that is off by MOMENT roundings is squared in the second moment
            more = 2 * optimizer.MOMENT + (correction if name.startswith("param/") else 0)
            wider = true_state._replace(roundings=true_state.roundings + more)
            verdict, ratio, *_ = bounds.judge(after.get(name), wider, who.dtype)
            ratios[name] = ratio if verdict.held or ratio > 1 else np.inf
    worst = max(ratios, key=lambda name: ratios[name])
    return Judgement(float(ratios[worst]), worst)
