"""Judge the right functions and the mistakes, by the doors of `compare` and by their peers.

    python -m tests.functions [--seeds 200] [--jobs 2] [--only affine] [--markdown FILE]

Exits 1 where a right form fails or a mistake passes. With `--keep FOLDER` what was judged is kept
there, and a command that was interrupted goes on; another version needs another folder.
"""

import pickle
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import torch

from tests.functions.document import Faulty, Healthy, document
from tests.functions.functions import FUNCTIONS
from tests.functions.mistakes import MISTAKES
from tests.functions.observations import altered, observe
from tests.functions.verdicts import Verdicts, judged

T = TypeVar("T")

FORMS = [(function, form) for function in FUNCTIONS for form in function.forms]


PEERS = 20  # seeds with which the peers judge the right forms, too
BLOCK = 10  # seeds that one process judges in a row


def judge_form(number: int, first: int, seeds: int) -> list[Verdicts]:
    """Return what is said of a right form with each seed of a block."""
    function, form = FORMS[number]
    block = range(first, min(first + BLOCK, seeds))
    return [judged(function, form, form.text, seed, peers=seed < PEERS) for seed in block]


def judge_mistake(number: int) -> tuple[Verdicts, frozenset[str]]:
    """Return what is said of a mistake, and the names of all that it alters."""
    mistake = MISTAKES[number]
    function, form = mistake.function, mistake.form
    differing, _ = altered(
        observe(function, form, form.text), observe(function, form, mistake.text)
    )
    return judged(function, form, mistake.text, *range(3)), frozenset(differing)


def kept(folder: Path | None, judge: Callable[..., T], *about: int) -> T:
    """Return what is kept in a folder, or judge and keep it."""
    if folder is None:
        return judge(*about)
    file = folder / f"{judge.__name__}-{'-'.join(map(str, about))}"
    if not file.exists():
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(pickle.dumps(judge(*about)))
        unfinished.rename(file)
    found: T = pickle.loads(file.read_bytes())  # of this command's own
    return found


def one_core() -> None:
    """Make this process use one core, and let the code that is judged warn as it likes."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")


@click.command()
@click.option("--seeds", default=20, help="With how many seeds the right forms are judged.")
@click.option("--jobs", default=1, help="How many processes judge side by side.")
@click.option("--only", default="", help="Only forms whose name begins so.")
@click.option("--keep", type=click.Path(path_type=Path), help="Where what was judged is kept.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Where the page is written.")
def main(seeds: int, jobs: int, only: str, keep: Path | None, markdown: Path | None) -> None:
    """Judge everything and print, or write, the page."""
    forms = [i for i, (_, form) in enumerate(FORMS) if form.name.startswith(only)]
    mistakes = [i for i, mistake in enumerate(MISTAKES) if mistake.form.name.startswith(only)]
    blocks = [(i, first) for i in forms for first in range(0, seeds, BLOCK)]
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs, initializer=one_core) as pool:
        said = pool.map(partial(kept, keep, judge_mistake), mistakes)
        right = pool.map(
            partial(kept, keep, judge_form), *zip(*blocks, strict=True), [seeds] * len(blocks)
        )
        with click.progressbar(said, len(mistakes), "mistakes", file=sys.stderr) as bar:
            faulty = [Faulty(MISTAKES[i], *one) for i, one in zip(mistakes, bar, strict=True)]
        of_form: dict[int, list[Verdicts]] = {i: [] for i in forms}
        with click.progressbar(right, len(blocks), "right forms", file=sys.stderr) as bar:
            for (i, _), one in zip(blocks, bar, strict=True):
                of_form[i] += one
    healthy = [Healthy(*FORMS[i], verdicts) for i, verdicts in of_form.items()]
    page = document(healthy, faulty, seeds, min(seeds, PEERS))
    if markdown:
        markdown.write_text(page, encoding="utf-8")
    else:
        click.echo(page)
    alarms = any(one.alarms("compare") for one in healthy)
    sys.exit(alarms or not all(one.verdicts["compare"].caught for one in faulty))


if __name__ == "__main__":
    main()
