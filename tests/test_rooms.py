"""The rooms of `compare`: imports go down the list, and a file's name says which it is."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = (  # from the top down: each may import what comes after it
    "__main__",
    "cli",
    "commands",
    "learn",
    "report",
    "bench",
    "controls",
    "check",
    "training",
    "quality",
    "sides",
    "data",
    "base",
)
APART = {"learn", "bench", "controls"}  # these do not know one another
FILES = sorted((ROOT / "compare").rglob("*.py"))


def room(module: str) -> str:
    """Return the room of "compare.…": a file beside cli.py that is no room belongs to the base."""
    name = module.split(".")[1] if "." in module else "__init__"
    return {"options": "cli", "__init__": "door"}.get(name, name if name in ROOMS else "base")


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of `compare` that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_down() -> None:
    up = []
    for path in FILES:
        here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for module in imported(path):
            there = room(module) if module.startswith("compare.") else here
            if here != there and "door" not in (here, there):
                apart = {here, there} <= APART
                if apart or ROOMS.index(there) < ROOMS.index(here):
                    up.append(f"{path} imports {module}")
    assert not up


def test_a_name_stands_for_one_file() -> None:
    rooms = [path for path in FILES if "commands" not in path.parts and path.name != "__init__.py"]
    names = Counter(path.name for path in rooms)
    assert not [name for name, count in names.items() if count > 1]
