"""What a document of docs/ says of a JSON file: its tables, and where a value differs from them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.running import ROOT

Tables = Mapping[str, Mapping[str, str]]
PLAIN: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
}


def tables(name: str) -> dict[str, dict[str, str]]:
    """Return the tables of docs/`name`, by heading: the second column by the first."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    rows = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
    return {section.splitlines()[0]: dict(rows.findall(section)) for section in sections}


def mismatches(value: Any, kind: str, where: str, documented: Tables) -> Iterator[str]:
    """Yield where a value is not of the type that the document calls by this name."""
    parts: dict[str, tuple[Any, str]] = {}
    if kind.endswith(" by string"):
        parts = {key: (item, kind.removesuffix(" by string")) for key, item in value.items()}
    elif kind.startswith("list of "):
        parts = {str(i): (item, kind.removeprefix("list of ")) for i, item in enumerate(value)}
    elif kind.endswith(" or null"):
        if value is not None:
            parts = {"": (value, kind.removesuffix(" or null"))}
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind != "boolean"):
            yield f"{where} is {value!r}, not {kind}"
    elif not isinstance(value, dict) or value.keys() != documented[kind].keys():
        yield f"{where} has not the keys of {kind}"
    else:
        parts = {key: (value[key], of) for key, of in documented[kind].items()}
    for key, (part, of) in parts.items():
        yield from mismatches(part, of, f"{where}.{key}", documented)
