"""What averaging does to a training: two workers, an epoch, Adam and SGD."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist

import torch_ae
from compare.data.batches import Batch, Images, epoch_batches
from compare.data.config import Config
from compare.sides.torch_side import TorchSide
from compare.training.shards import cut
from examples.ddp import shared

SGD_RATE = 3e-5  # about the largest at which the loss still falls steadily
SEED, ULP, SUM, MEAN = "another seed", "moved by one ULP", "DDP, SUM hook", "DDP as it comes"
WAYS = ("one process", ULP, SEED, SUM, MEAN)


class Trained(NamedTuple):
    """The epoch's loss, the first step's gradients, and the parameters at the end."""

    loss: float
    first: np.ndarray
    end: np.ndarray


def flat(tensors: Iterator[torch.Tensor | None]) -> np.ndarray:
    """Return tensors as one row of float64."""
    return np.concatenate([t.detach().double().numpy().ravel() for t in tensors if t is not None])


def trained(way: str, sgd: bool, config: Config, images: Images, team: Any) -> Trained:
    """Train for an epoch; a worker of a team takes its shard of every batch."""
    if way == SEED:
        config = replace(config, seed=config.seed + 1)
    side = TorchSide(config)
    params = list(side.model.parameters())
    optimizer: Any = torch.optim.SGD(params, lr=SGD_RATE) if sgd else side.optimizer
    model: Any = side.model
    part: Callable[[Batch], Batch] = lambda batch: batch  # noqa: E731
    if way.startswith("DDP"):
        model = shared(side.model, average=way == MEAN)
        part = lambda batch: cut(batch, team.count)[team.rank]  # noqa: E731
    elif way == ULP:
        with torch.no_grad():
            for param in params:
                param.copy_(torch.nextafter(param, torch.full_like(param, torch.inf)))
    total, first = 0.0, None
    for batch in epoch_batches(config, images, 0):
        own = (torch.from_numpy(array) for array in (part(batch).noisy, part(batch).clean))
        total += torch_ae.train_step(model, side.loss, optimizer, *own)
        first = flat(param.grad for param in params) if first is None else first
    if way.startswith("DDP"):
        dist.all_reduce(whole := torch.tensor(total, dtype=torch.float64))
        total = float(whole)
    assert first is not None
    return Trained(total / len(images), first, flat(iter(params)))


def lesson(team: Any, images: Images) -> dict[tuple[bool, str], Trained]:
    """Return what every way comes to, by (SGD, way)."""
    config = Config()
    return {
        (sgd, way): trained(way, sgd, config, images, team) for sgd in (False, True) for way in WAYS
    }
