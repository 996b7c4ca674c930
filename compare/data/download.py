"""Downloads by torchvision, in a child process: it may hang, or fail to import.

`python -m compare.data.download CLASS FOLDER` is the child; `fetch` starts it, and nothing but the
child imports torchvision.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from compare.data.idx import IdxError
from compare.errors import UserError
from compare.files import made
from compare.machine import held_back


def fetch(
    name: str,
    folder: Path,
    files: Sequence[str],
    check: Callable[[Path], object],
    *,
    deadline: float,
) -> None:
    """Bring `files` of torchvision's data set class `name` into `folder`.

    The whole set arrives in a temporary folder beside them; `check` is called with that folder and
    may raise `IdxError`; only then do the files move, each complete. Raises `UserError` for any
    failure, and when `deadline` seconds have passed. However it ends, the child has ended too, the
    temporary folder is gone, and so are folders made for nothing.
    """
    try:
        with (
            made(folder),
            tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary,
        ):
            _run_child(name, temporary, deadline)
            fresh = Path(temporary, name, "raw")  # torchvision's layout
            check(fresh)
            for file in files:
                (fresh / file).replace(folder / file)
    except (OSError, RuntimeError, IdxError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot download {name} ({reason}); "
            f"put {', '.join(files)}, gzipped or not, into {folder}, or use --data digits"
        ) from error


def _run_child(name: str, folder: str, deadline: float) -> None:
    # -P: no file of the current folder is imported in place of a library.
    command = [sys.executable, "-P", "-m", "compare.data.download", name, folder]
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    with ExitStack() as stack:
        # `subprocess.run` leaves the child alive if an interrupt comes just after its start.
        with held_back():
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                text=True,
                errors="replace",
            )
            stack.enter_context(child)
            stack.callback(child.wait)
            stack.callback(child.kill)  # the first of the three at the end
        try:
            _, messages = child.communicate(timeout=deadline)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"not finished after {deadline:g} s") from error
    if child.returncode:
        messages = messages.strip() or f"exit code {child.returncode}"
        raise RuntimeError(textwrap.shorten(messages.splitlines()[-1], width=200, placeholder=" …"))


if __name__ == "__main__":  # the child: torchvision's own error is its last line
    from torchvision import datasets

    _, name, folder = sys.argv
    getattr(datasets, name)(folder, download=True)
