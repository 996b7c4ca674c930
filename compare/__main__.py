"""`python -m compare`."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line. An interrupt while its libraries load ends like any other."""
    # OpenBLAS's idle threads spin for some 2^26 cycles, on the core that Adam's second thread is
    # waiting for. 2^14 cycles, a few microseconds, are enough to bridge two products. It reads this
    # when NumPy is imported, below.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job has none
        signal.signal(signal.SIGINT, _interrupt_once)
    try:
        from compare.cli import main

        main()
    except ModuleNotFoundError as error:
        what = f"the commands need {error.name}; pip install 'ae-mirror[commands]'"
        sys.stderr.write(f"error: {what}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """Interrupt what is going on. From then on, further interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
