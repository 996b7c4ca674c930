"""What a terminal is shown by rich: the console of all tables, and the progress of trainings."""

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

WIDTH = 100  # columns, where there is no terminal to ask
console = Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else WIDTH)


class _Rate(ProgressColumn):
    """Images per second, of the side as a whole."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} images/s" if speed else "", style="dim", justify="right")


class TrainingProgress(Progress):
    """A bar of images for every training, by label; a context manager."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        super().__init__(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:>7}"),
            _Rate(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._bars = {
            label: self.add_task(label, total=total, loss="", start=False)
            for label, total in totals.items()
        }

    def skip(self, label: str, images: int) -> None:
        """Count images as done that an earlier process has trained on."""
        self.update(self._bars[label], completed=images)

    def step(self, label: str, images: int, loss: float) -> None:
        """Advance a training by one batch; show this loss per image."""
        self.start_task(self._bars[label])
        self.update(self._bars[label], advance=images, loss=f"{loss:.2f}")
