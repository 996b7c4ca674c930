"""Tables of ready text: for the terminal, and as Markdown."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from rich.table import Table as RichTable
from rich.text import Text

from compare.terminal import console


class Table(NamedTuple):
    """A table of ready text. Every row is as long as `columns`; its first cell names it."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def show_tables(tables: Iterable[Table]) -> None:
    """Print tables of ready text, the first column left and the others right aligned."""
    for plain in tables:
        table = RichTable(
            title=plain.title, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for i, column in enumerate(plain.columns):
            table.add_column(
                Text(column), justify="left" if i == 0 else "right", style="" if i else "bold"
            )
        for row in plain.rows:
            table.add_row(*map(Text, row))  # a bracket in a name is no markup
        console.print(table)
        console.print()


def markdown(tables: Iterable[Table]) -> str:
    """Return tables as a Markdown document."""
    parts = []
    for title, columns, rows in tables:
        lines = [columns, ("---", *["---:"] * (len(columns) - 1)), *rows]
        parts.append(
            f"**{title}**\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
        )
    return "\n".join(parts)


def literal(value: Any) -> Any:
    """Return plain values whose texts a Markdown document shows as they are, whatever they hold."""
    if isinstance(value, str):
        return re.sub(r"[\\`\[\]<>|&]", r"\\\g<0>", value)
    if isinstance(value, dict):
        return {literal(key): literal(item) for key, item in value.items()}
    return [literal(item) for item in value] if isinstance(value, list) else value
