"""A run's folder, or a benchmark's file, from somebody else: links, pipes, devices, odd texts.

Also a folder to train into that holds somebody's files with names like ours.
"""

import base64
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from numpy.random import Generator

from compare import machine
from compare.bench.results import Results, Row
from compare.files import PARTIAL
from compare.sides.subject import LABELS
from compare.training.runs import CONFIG, LOCK, Run, claimed
from tests.running import Terminal, here
from tests.trials import checkpoints

SECRET = "the private words of whoever opens the folder"
NAMES = (  # of a run's files, whether or not there is one
    *(
        "config.json",
        "history.json",
        "check.json",
        "quality.json",
        "quality.md",
        "report.html",
        "figures",
        "page",
    ),
    *(f"figures/{name}.png" for name in ("latent", "losses", "denoising")),
    *(f"page/{name}.safetensors" for name in ("step", "atlas", "timeline", "exhibits")),
    *(f"{side}{which}.safetensors" for side in LABELS for which in ("", ".previous")),
)
COMMANDS = (
    "report run",
    "figures run --method pca",
    "train --side numpy --epochs 1 --resume run",
    "explore --resume run",
)
TEXTS = (
    *(
        "\ud800",
        "\x1b]0;title\x07",
        "<script>alert(1)</script>",
        "a\n\n# b",
        "| x |",
        "`<b>`",
        "\u202e",
    ),
    "x" * 300_000,
)
ROW = Row(
    "numpy",
    "NumPy",
    threads=1,
    batch_size=128,
    hidden_dim=400,
    latent_dim=10,
    median=2.0,
    rounds=[2.0, 2.1, 2.0, 2.2],
)
SOMEBODYS = (
    ".rsync.movie.partial",
    ".x.1.partial",
    ".lock",
    f".a{PARTIAL}",
    f".a.b{PARTIAL}",
    f"x.1{PARTIAL}",
)


def trial(rng: Generator, folder: Path) -> str:
    """Make a chance one, run a command on it; assert that nothing is lost, leaks or hangs."""
    return [_links, _texts, _benchmark, _neighbours][rng.integers(4)](rng, folder)


def make_run(folder: Path) -> Path:
    """Return the folder of a run that both sides have trained."""
    run = Run(folder / "run", checkpoints.CONFIG).begin()
    for side in LABELS:
        replace(checkpoints.original()[0], side=side).save(run.checkpoint(side))
    for name in ("page", "figures"):
        (run.folder / name).mkdir()
    return run.folder


def _links(rng: Generator, folder: Path) -> str:
    """Put into a run's folder, under a name that it has, what is no file of it."""
    run = make_run(folder)
    secret = folder / "secret"
    secret.write_text(SECRET)
    outside = folder / "outside"
    outside.mkdir()
    path = run / str(rng.choice(NAMES))
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    kinds: dict[str, Callable[[], object]] = {
        "a link to a private file": lambda: path.symlink_to(secret),
        "a link to a folder outside": lambda: path.symlink_to(outside),
        "a link to nowhere outside": lambda: path.symlink_to(folder / "new"),
        "a link to itself": lambda: path.symlink_to(path.name),
        "a device": lambda: path.symlink_to("/dev/zero"),
        "a pipe": lambda: os.mkfifo(path),
        "a private file's copy": lambda: path.write_text(SECRET),
    }
    kind = str(rng.choice(list(kinds)))
    kinds[kind]()
    command = str(rng.choice(COMMANDS))
    code, said = _run(command, folder)
    details = f"{command}, {path.relative_to(run)} is {kind}: {code}, {said!r}"
    assert code in (0, 2), details
    assert (
        secret.read_text() == SECRET
        and not any(outside.iterdir())
        and not (folder / "new").exists()
    ), details
    page = run / "report.html"
    if kind != "a private file's copy" and page.is_file() and not page.is_symlink():
        shown = page.read_text(encoding="utf-8")
        assert (
            SECRET not in shown and base64.b64encode(SECRET.encode()).decode()[:20] not in shown
        ), details
    return "refused" if code else "unread"


def _texts(rng: Generator, folder: Path) -> str:
    """Put a chance text in a chance place of a run's JSON."""
    run = make_run(folder)
    path = run / CONFIG
    value = json.loads(path.read_text(encoding="utf-8"))
    place = _spoil(rng, value)
    path.write_text(json.dumps(value), encoding="utf-8")
    command = COMMANDS[rng.integers(3)]
    code, said = _run(command, folder)
    assert code in (0, 2), f"{command}, {place}: {code}, {said!r}"
    return "refused" if code else "shown as text"


def _benchmark(rng: Generator, folder: Path) -> str:
    """Put a chance text in a chance place of a benchmark's JSON."""
    value = Results(machine.describe(), "cpu", [ROW]).to_dict()
    place = _spoil(rng, value)
    (folder / "file").write_text(json.dumps(value), encoding="utf-8")
    code, said = _run("bench --from file --markdown new/document.md", folder)
    assert code in (0, 2), f"{place}: {code}, {said!r}"
    if code:
        assert not (folder / "new").exists(), f"{place}: refused, and left a folder"
        return "refused"
    document = (folder / "new" / "document.md").read_text(encoding="utf-8")
    assert "<script>" not in document.replace(r"\<", "") and "\n# b" not in document, place
    return "shown as text"


def _neighbours(rng: Generator, folder: Path) -> str:
    """Claim a folder in which somebody has files with names like ours; and ours, of the dead."""
    names = [*SOMEBODYS, f"a/.file.{_dead()}{PARTIAL}", "a/b/.rsync.partial"]
    theirs = {
        name: f"precious {name}"
        for name in rng.permutation(names)[: rng.integers(1, len(names) + 1)]
    }
    for name, content in theirs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    alive, left = (
        folder / f".file.{os.getppid()}{PARTIAL}",
        folder / "page" / f".file.{_dead()}{PARTIAL}",
    )
    left.parent.mkdir()
    for path in (alive, left):
        path.touch()
    (folder / f".d.{_dead()}{PARTIAL}").mkdir()
    with claimed(folder, CONFIG):
        pass
    assert all((folder / name).read_text() == content for name, content in theirs.items()), (
        "a file was changed"
    )
    assert alive.exists() and not left.exists() and not (folder / LOCK).exists()
    return "left alone"


def _dead() -> int:
    """Return the number of a process that is no longer there."""
    return int(Path("/proc/sys/kernel/pid_max").read_text()) if sys.platform == "linux" else 99_999


def _spoil(rng: Generator, value: Any) -> str:
    """Walk into nested JSON and put a chance text somewhere; return where."""
    key = int(rng.integers(len(value))) if isinstance(value, list) else str(rng.choice(list(value)))
    inner = value[key]
    if isinstance(inner, dict | list) and inner and rng.random() < 0.9:
        return f"{key}/{_spoil(rng, inner)}"
    text = TEXTS[rng.integers(len(TEXTS))]
    if isinstance(value, dict) and rng.random() < 0.2:
        value[text] = inner
        return f"{key}, as a name: {text!r:.40}"
    value[key] = text
    return f"{key}: {text!r:.40}"


def _run(command: str, folder: Path) -> tuple[int, str]:
    """Run a command in a folder; assert one harmless line on stderr at most."""
    with patch("compare.commands.run.train_sides", return_value=None):  # to come so far is enough
        code, shown, said = here(*command.split(), cwd=folder, stream=Terminal)
    assert said.count("\n") == (1 if code else 0), f"{command}: {code}, {said!r}"
    assert said.strip("\n").isprintable() and len(said) < 2000, f"{command}: {said!r:.500}"
    assert not any(bad in shown for bad in ("\x07", "\u202e", "\x1b]")), (
        f"{command}: {shown!r:.500}"
    )
    return code, said
