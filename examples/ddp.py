"""The library's way to share a batch: DistributedDataParallel, for a loss that is a sum.

torchrun --standalone --nproc-per-node 2 -m examples.ddp

DDP averages gradients over workers. That suits a mean; of a sum over images it leaves 1/K.
"""

import numpy as np
import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch.nn.parallel import DistributedDataParallel

import torch_ae


def summed(
    group: dist.ProcessGroup | None,
    bucket: dist.GradBucket,  # type: ignore[name-defined]
) -> torch.futures.Future[torch.Tensor]:
    """Add gradients up, where DDP would average them; for `register_comm_hook`."""
    future = dist.all_reduce(bucket.buffer(), group=group, async_op=True).get_future()
    return future.then(lambda done: done.value()[0])


def shared(model: torch.nn.Module, *, average: bool = False) -> DistributedDataParallel:
    """Return a model whose backward adds gradients up over all workers, or averages them."""
    ddp = DistributedDataParallel(model)
    if not average:
        ddp.register_comm_hook(None, summed)
    return ddp


def main() -> None:
    """Train for 10 epochs, each worker on its part of every batch; print the whole loss."""
    dist.init_process_group("gloo")
    rank, count = dist.get_rank(), dist.get_world_size()
    images = torch.from_numpy((load_digits().data / 16).astype(np.float32))
    generator = torch.Generator().manual_seed(0)  # one for all: batches are made whole, then cut
    model = torch_ae.Autoencoder(10, 200, 64, generator=generator)
    loss, optimizer = torch_ae.SumSquaredError(), torch_ae.Adam(model.parameters())
    ddp = shared(model)
    for epoch in range(1, 11):
        total = torch.zeros(1)
        for clean in images[torch.randperm(len(images), generator=generator)].tensor_split(14):
            noisy = (clean + 0.3 * torch.randn(clean.shape, generator=generator)).clip(0, 1)
            own = (noisy.tensor_split(count)[rank], clean.tensor_split(count)[rank])
            total += torch_ae.train_step(ddp, loss, optimizer, *own)  # type: ignore[arg-type]
        dist.all_reduce(total)
        if rank == 0:
            print(f"epoch {epoch:2}: loss per image {float(total) / len(images):6.3f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
