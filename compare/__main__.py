"""`python -m compare`."""

import os

# OpenBLAS's idle threads spin for some 2^26 cycles, on the core that Adam's second thread is waiting for. 2^14 cycles,
# a few microseconds, are enough to bridge two products. It reads this when NumPy is imported, so it stands first.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")

from compare.cli import main

if __name__ == "__main__":
    main()
