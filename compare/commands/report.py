"""What `report` does: write the page of a run from what lies in its folder."""

from pathlib import Path

import click

from compare.training.runs import Run


def report(run: Path, page: Path | None, show: bool) -> None:
    """Write the page of a run's folder, or to `page`; print where, and open it where asked."""
    path = write_page(Run.open(run), page)
    click.echo(path)
    if show:
        click.launch(str(path))


def write_page(run: Run, path: Path | None = None) -> Path:
    """Write a run's page from what lies in its folder; return its path."""
    from compare.report.page.page import write

    path = path or run.folder / "report.html"
    write(run, path)
    return path
