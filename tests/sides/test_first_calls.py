"""What torch takes from MKL is first called on one number, before threads could do it together."""

import subprocess
import sys
import textwrap

import pytest

from compare.sides.first_calls import FUNCTIONS

RECORDED = """
import torch
from torch.utils._python_dispatch import TorchDispatchMode

first = {}

class Recorded(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if args and isinstance(args[0], torch.Tensor):
            first.setdefault((function.overloadpacket.__name__, args[0].dtype), args[0].numel())
        return function(*args, **(kwargs or {}))

with Recorded():
    """
ON_TWO_THREADS = """
import os
import torch

x = torch.linspace(0.01, 0.99, 6272)

def differs(name, operand):
    from compare.sides import first_calls
    torch.set_num_threads(2)
    ones = torch.ones(512, 784)
    ones @ ones.T  # now both threads are awake
    function = getattr(torch, name)
    return not torch.equal(function(operand), function(operand))

for dtype in [torch.float32, torch.float64] * 5:
    for name in FUNCTIONS:
        process = os.fork()
        if process == 0:
            os._exit(differs(name, x.to(dtype)))
        if os.waitpid(process, 0)[1]:
            print(name, dtype)
"""


def _printed(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "begin",
    [
        "import compare.sides.torch_side",
        "from compare import check_function",
        "from compare import check_gradients",
        "from compare import check_layer",
        """
        import numpy as np
        from compare import check_optimizer

        class Plain:
            def __init__(self, params):
                self.params = params

            def step(self, grads):
                for name, grad in grads.items():
                    self.params[name] -= 0.1 * grad

        make = lambda params: torch.optim.Adagrad(params)
        check_optimizer(Plain, make, {"w": np.ones((3, 2))})
        """,
        """
        from compare.quality.classifier import network

        network((8, 8), 10)
        """,
    ],
    ids=["side", "function", "gradients", "layer", "optimizer", "classifier"],
)
def test_whatever_computes_in_torch_makes_the_first_calls_on_one_number(begin: str) -> None:
    body = textwrap.indent(textwrap.dedent(begin).strip(), "    ").lstrip()
    wanted = f"[first.get((name, dtype)) for name in {FUNCTIONS} for dtype in DTYPES]"
    program = f"{RECORDED}{body}\nDTYPES = torch.float32, torch.float64\nprint({wanted})"
    assert _printed(program).strip() == str([1] * 2 * len(FUNCTIONS))


def test_in_new_processes_first_results_on_two_threads_are_those_of_the_second_call() -> None:
    assert _printed(f"FUNCTIONS = {FUNCTIONS}{ON_TWO_THREADS}") == ""
