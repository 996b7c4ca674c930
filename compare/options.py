"""What an option's value may be, where click has no type for it. A bad one is told before any work."""

import math
import os
from pathlib import Path
from typing import Any

import click


class Seconds(click.FloatRange):
    """A span of time: not NaN, which is neither too small nor too large, and no more than a year."""

    def __init__(self, least: float) -> None:
        super().__init__(min=least, max=366 * 24 * 3600.0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail("nan is no number of seconds", param, ctx)
        return seconds


class Place(click.Path):
    """Where a file or a folder will be written: below a folder that is there and may be written in."""

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(path_type=Path)
        self._folder = folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not str(value) or (not self._folder and path.is_dir()):
            self.fail(f"{str(value)!r} is no name for a file", param, ctx)
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        if not there.is_dir() and (self._folder or there != path):
            self.fail(f"{there} is a file, not a folder", param, ctx)
        if not os.access(there, os.W_OK):
            self.fail(f"{there} may not be written", param, ctx)
        return path
