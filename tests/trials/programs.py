"""Files that run code when they are unpickled, in the formats in which people pass networks on."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


class MakesAFolder:
    """What makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        """Have whoever unpickles this call `os.mkdir`."""
        return os.mkdir, (self.path,)


def programs(path: Path) -> dict[str, bytes]:
    """Return files, by format, that make a folder at this path when they are unpickled."""
    plain = pickle.dumps(MakesAFolder(path))
    objects = np.array([MakesAFolder(path)], dtype=object)
    array, archive, torch = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, objects, allow_pickle=True)
    np.savez(archive, objects)
    with zipfile.ZipFile(torch, "w") as file:  # as torch.save lays it out
        file.writestr("archive/data.pkl", pickle.dumps(MakesAFolder(path), protocol=2))
        file.writestr("archive/version", "3\n")
    return {
        "pickle": plain,
        "text pickle": pickle.dumps(MakesAFolder(path), protocol=0),
        "npy": array.getvalue(),
        "npz": archive.getvalue(),
        "torch": torch.getvalue(),
        "safetensors": struct.pack("<Q", len(plain)) + plain,  # in place of its header
    }
