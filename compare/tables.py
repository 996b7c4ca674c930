"""Tables of ready text: for the terminal, and as Markdown."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from rich.table import Table as RichTable
from rich.text import Text

from compare.progress import console


class Table(NamedTuple):
    """A table of ready text. Every row is as long as `columns`; its first cell names it.

    A note stands below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""


def show_tables(tables: Iterable[Table]) -> None:
    """Print tables of ready text, the first column left and the others right aligned."""
    for title, columns, rows, note in tables:
        table = RichTable(
            title=title, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        first, *others = map(Text, columns)  # a bracket in a name is no markup
        table.add_column(first, style="bold")
        for column in others:
            table.add_column(column, justify="right")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
        if note:
            console.print(Text(note, style="dim"))
        console.print()


def markdown(tables: Iterable[Table]) -> str:
    """Return tables as a Markdown document."""
    parts = []
    for title, columns, rows, note in tables:
        ruler = ("---", *["---:"] * (len(columns) - 1))
        lines = (f"| {' | '.join(cells)} |\n" for cells in (columns, ruler, *rows))
        below = f"\n{note}\n" if note else ""
        parts.append(f"**{title}**\n\n{''.join(lines)}{below}")
    return "\n".join(parts)


def literal(value: Any) -> Any:
    """Return plain values whose texts a Markdown document shows as they are, whatever they hold."""
    match value:
        case str():
            return re.sub(r"[\\`\[\]<>|&]", r"\\\g<0>", value)
        case list():
            return [literal(item) for item in value]
        case dict():
            return {literal(key): literal(item) for key, item in value.items()}
    return value
