"""What `report` does: write the page of a run from what lies in its folder."""

from pathlib import Path

from compare.training.runs import Run


def report(run: Run, path: Path | None = None) -> Path:
    """Write a run's page from what lies in its folder; return its path."""
    from compare.report.page.page import write

    path = path or run.folder / "report.html"
    write(run, path)
    return path
