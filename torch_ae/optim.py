"""Adam, as the library has it: `step()` reads the gradients that autograd left."""

from torch.optim import Adam

__all__ = ["Adam"]
