"""Files that are written whole or not at all."""

import errno
import json
import os
from pathlib import Path
from typing import Any

from compare.errors import UserError


def write_whole(path: Path, data: bytes) -> None:
    """Write data under a temporary name in the same folder, flush it to disk, and rename it into place.

    Raises `UserError` where the system refuses (no space, no permission); what was there before stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.partial")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        what = "free some space" if error.errno == errno.ENOSPC else "choose another place"
        raise UserError(f"cannot write {path}: {error.strerror}; {what}") from error


def write_json(path: Path, value: Any) -> None:
    """Write value as indented JSON. NaN and infinity, which JSON has not, raise `ValueError`."""
    write_whole(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Return the JSON value in a file. Raises `UserError` where it is absent or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or start a new run") from error
