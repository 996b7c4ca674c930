"""The first call of each function that torch takes from Intel's MKL, made here, on one number.

MKL chooses a function's code at its first call. Where several threads make that call at once, one
of them may get code that is wrong by thousands of roundings, that once: torch's issue 188792, seen
with MKL 2024.2 on a processor with AVX-512. The square root in Adam's first step is such a call.
Whatever of `compare` computes in torch imports this first.
"""

import torch

FUNCTIONS = (  # of one operand, of which a first call on two threads was seen to differ
    *("acos", "asin", "atan", "cos", "erf", "erfc", "erfinv", "exp"),
    *("log", "log10", "log2", "sin", "sqrt", "tan", "tanh"),
)

for dtype in (torch.float32, torch.float64):
    for name in FUNCTIONS:
        getattr(torch, name)(torch.full((1,), 0.5, dtype=dtype, device="cpu"))
