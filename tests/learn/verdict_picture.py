"""A picture of a verdict, for the README."""

import shutil
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from compare.learn.catalogue import EXERCISES
from compare.report import style
from tests.learn.typical import TYPICAL
from tests.learn.ways import ways
from tests.running import here

LINE, COLUMN = 0.19, 0.0875  # inches of a character of this size
SIZE = 10.5  # points
DARK, LIGHT, RED = "#1e1e1e", "#d4d4d4", "#f47067"


def draw_verdict(path: Path) -> None:
    """Draw what `learn` prints of a mean that should be a sum."""
    mistake = next(of for of in TYPICAL if of.says.startswith("dbias is wrong"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "exercises")
        folder.mkdir()
        for exercise in EXERCISES:
            shutil.copy(ways(exercise.name)[-1], folder / exercise.file)
        (folder / f"{mistake.exercise}.py").write_bytes(mistake.source)
        printed = here("learn", "--once", cwd=Path(name)).out
    lines = ["$ python -m compare learn", *printed.rstrip().splitlines()]
    width, height = max(map(len, lines)) * COLUMN + 0.4, len(lines) * LINE + 0.3
    figure = Figure(figsize=(width, height), dpi=style.DPI, facecolor=DARK)
    for number, line in enumerate(lines):
        colour = RED if mistake.says in line else LIGHT
        y = 1 - (0.15 + number * LINE) / height
        figure.text(
            0.2 / width, y, line, va="top", family="DejaVu Sans Mono", size=SIZE, color=colour
        )
    style.save(figure, path)
