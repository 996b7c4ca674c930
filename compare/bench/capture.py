"""A CUDA graph: what the device is to do, captured once and replayed with a single launch."""

from collections.abc import Callable
from typing import Any

import torch

from compare.errors import UserError

WARM_UP = 3  # runs before a capture, as torch's documentation has it: libraries set themselves up in them


def require_cuda(device: str) -> None:
    """Raise `UserError` unless the device has graphs."""
    if device != "cuda":
        raise UserError(f"a CUDA graph needs --device cuda, not {device}")


def captured(do: Callable[[], Any]) -> torch.cuda.CUDAGraph:
    """Return the graph of what `do` has the device do. Tensors made in it live in the graph's own memory."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            do()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        do()
    return graph
