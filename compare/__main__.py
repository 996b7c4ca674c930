"""`python -m compare`."""

import os
import sys

# OpenBLAS's idle threads spin for some 2^26 cycles, on the core that Adam's second thread is waiting for. 2^14 cycles,
# a few microseconds, are enough to bridge two products. It reads this when NumPy is imported, so it stands first.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")


def main() -> None:
    """Run the command line; an interrupt while its libraries load ends like any other."""
    try:
        from compare.cli import main
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    main()


if __name__ == "__main__":
    main()
