"""The folder of somebody's work: exercises are put there, and never over what is theirs."""

import tomllib
from itertools import count
from pathlib import Path

from compare.errors import UserError
from compare.files import remove_partials, require_file, write_whole
from compare.learn.catalogue import EXERCISES, Exercise
from compare.learn.child import judged
from compare.learn.grading import Graded
from compare.learn.work import UNWRITTEN

HINTS = Path(__file__).parent / "hints.toml"


class Workbook:
    """A folder with a file for each exercise. Raises `UserError` for a file of that name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[bytes, Graded]] = {}  # verdicts, by what was judged
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file; name a folder for the exercises")

    def path(self, exercise: Exercise) -> Path:
        """Return the file of an exercise."""
        return self.folder / exercise.file

    def prepare(self) -> list[Exercise]:
        """Write the exercises that are not there; return them."""
        missing = [exercise for exercise in EXERCISES if not self.path(exercise).exists()]
        if missing:  # or else the folder need not be one that can be written
            remove_partials(self.folder)
        for exercise in missing:
            write_whole(self.path(exercise), exercise.template)
        return missing

    def reset(self, exercise: Exercise) -> Path | None:
        """Write an exercise anew; return the file beside it that keeps what was written there."""
        path, kept = self.path(exercise), None
        if path.exists() and self.source(exercise) != exercise.template:
            names = (path.with_name(f"{exercise.name}.old-{number}.py") for number in count(1))
            kept = next(name for name in names if not name.exists())
            write_whole(kept, self.source(exercise))
        write_whole(path, exercise.template)
        return kept

    def source(self, exercise: Exercise) -> bytes:
        """Return what an exercise's file has become. Raises `UserError` where none can be read."""
        path = self.path(exercise)
        try:
            require_file(path)
            return path.read_bytes()
        except FileNotFoundError:
            advice = f"give it its name back, or get it anew with --reset {exercise.number}"
            raise UserError(f"{path} is not there any more; {advice}") from None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; see to that") from None

    def standing(self, exercise: Exercise) -> Graded:
        """Return the verdict on an exercise; one that is not there is not written yet."""
        if not self.path(exercise).exists():
            return Graded(UNWRITTEN, f"{self.path(exercise)} is not there")
        return self.judge(exercise)

    def judge(self, exercise: Exercise) -> Graded:
        """Return the verdict on an exercise as it is now; it is judged where it has changed."""
        source = self.source(exercise)
        known = self._known.get(exercise.name)
        if not known or known[0] != source:
            known = self._known[exercise.name] = source, judged(exercise, source)
        return known[1]


def hints(exercise: Exercise) -> list[str]:
    """Return the hints of an exercise, from a nudge to the rule."""
    found: list[str] = tomllib.loads(HINTS.read_text(encoding="utf-8"))[exercise.name]
    return found
