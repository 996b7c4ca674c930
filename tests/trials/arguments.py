"""A command line with something wrong in it, made of the parameters that click has."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
from numpy.random import Generator

from compare.cli import cli
from compare.data import datasets
from compare.data.config import Config
from compare.options import Place
from compare.sides.calls import HERE
from tests.running import here

FIELDS = {field.name: field for field in fields(Config)}
NUMBERS = (
    "",
    " ",
    "x",
    "1,,5",
    "1e",
    "--",
    "½",
    "\x1b[31m",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "9" * 400,
    "-" + "9" * 400,
)
FRACTIONS = ("1.5", "1e3", "0x1")
SIDES = (
    "",
    "x",
    ":",
    "x:",
    ":x",
    "os",
    "os:nothing",
    "os:sep",
    "no.such:side",
    "file:side",
    "..:x",
    "x:y:z",
    "\n",
)
BAD: dict[str, tuple[str, ...]] = {  # of parameters whose type does not say it
    "side": SIDES,
    "function": SIDES,
    "data_root": ("file", "file/below"),
    "run": ("file", "file/below", "nowhere", ".", ""),
    "resume": ("file", "file/below", "nowhere", ".", ""),
    "folder": ("file", "file/below"),
    "only": ("", "x", "0", "99", "8.2", "\n"),
    "reset": ("", "x", "0", "99", "8.2", "\n"),
    "hint": ("x", "0", "99", "8.0", "8.4", "8.x"),
    "earlier": ("file", "file/below", "nowhere", "."),
}


def commands() -> Iterator[tuple[str, list[click.Parameter]]]:
    """Yield every command with its parameters."""
    return ((name, command.params) for name, command in cli.commands.items())


def bad_values(param: click.Parameter) -> list[str]:
    """Return values that a parameter cannot have; none for a flag, which has no value."""
    kind = param.type
    # By the field, for an option may also take a list of values.
    if field := FIELDS.get(param.name or ""):
        return _beyond(field.type, field.metadata.get("choices"), *_limits(field.metadata))
    if isinstance(kind, click.Choice):
        return _beyond(str, kind.choices, None, None)
    if isinstance(kind, click.IntRange | click.FloatRange):
        return _beyond(int if isinstance(kind, click.IntRange) else float, None, kind.min, kind.max)
    if isinstance(kind, Place):
        return ["file/below", ""]
    return list(BAD[param.name or ""]) if not getattr(param, "is_flag", False) else []


def _limits(metadata: Any) -> tuple[float | None, float | None]:
    low = metadata.get("least", metadata.get("above"))
    return low, metadata.get("below")


def _beyond(kind: Any, choices: Any, low: float | None, high: float | None) -> list[str]:
    if choices:
        return ["", ",", "none", str(choices[0]).upper(), f"{choices[0]}s"]
    if kind is bool:
        return ["maybe", "2", "yes no"]
    beyond = [
        *([str(low - 1)] if low is not None else []),
        *([str(high + 1)] if high is not None else []),
    ]
    return [*NUMBERS, *beyond, *(FRACTIONS if kind is int else ())]


def trial(rng: Generator, folder: Path) -> str:
    """Run a chance command line that is wrong; assert that it is refused before any work."""
    every = list(commands())
    name, params = every[rng.integers(len(every))]
    wrong = [param for param in params if bad_values(param)]
    arguments = line(name, *_chance(rng, wrong))
    if "--" not in arguments:
        for _ in range(rng.integers(0, 4)):
            param = params[rng.integers(len(params))]
            if values := bad_values(param):
                arguments += [param.opts[0], values[rng.integers(len(values))]][
                    isinstance(param, click.Argument) :
                ]
            else:
                arguments += param.opts[:1]
        if rng.random() < 0.2:
            arguments.insert(int(rng.integers(len(arguments) + 1)), _junk(rng))
    refusal(arguments, folder)
    return "refused"


def _chance(rng: Generator, params: Sequence[click.Parameter]) -> tuple[click.Parameter, str]:
    param = params[int(rng.integers(len(params)))]
    values = bad_values(param)
    return param, values[rng.integers(len(values))]


def _junk(rng: Generator) -> str:
    """Return a word of any characters that an argument can have, bytes that are no UTF-8, too."""
    codes = [
        int(rng.integers(1, [128, 0x3000, 0x110000][rng.integers(3)]))
        for _ in range(rng.integers(1, 9))
    ]
    return "".join(chr(0xDC80 + code % 128 if 0xD800 <= code < 0xE000 else code) for code in codes)


def line(command: str, param: click.Parameter, value: str) -> list[str]:
    """Return a command line that is wrong in this value alone."""
    needed = ["nowhere"] if command in ("figures", "report") else []
    if isinstance(param, click.Argument):
        return [command, "--", value]
    if param.name == "data_root":
        needed += ["--data", "mnist"] if command not in ("figures", "report") else []
    return [command, *needed, param.opts[0], value]


def _in_this_process(name: str, judge: Callable[..., Any], on_step: Any, **_: object) -> Any:
    return judge(HERE, on_step)


def _work_begins(*_: object, **__: object) -> None:
    raise AssertionError("work began")


def refusal(arguments: list[str], folder: Path) -> str:
    """Run a command line beside one file; assert that it is refused before any work."""
    (folder / "file").write_bytes(b"no run, no checkpoint, no JSON")
    needs_data = {"--side", "--data-root"} & {*arguments}  # to see what is wrong with them
    load = datasets.load if needs_data else _work_begins
    with (
        patch.object(datasets, "load", load),
        patch("compare.commands.check.check_subject", _work_begins),
        patch("compare.commands.check.supervised", _in_this_process),
    ):
        code, out, said = here(*arguments, cwd=folder)
    assert (code, out) == (2, ""), f"{arguments}: {code}, {out!r}, {said!r}"
    assert re.fullmatch(r"error: [^\n]+\n", said), f"{arguments}: {said!r}"
    assert said[:-1].isprintable(), f"{arguments}: {said!r}"
    assert [path.name for path in folder.iterdir()] == ["file"], (
        f"{arguments}: something was written"
    )
    return said
