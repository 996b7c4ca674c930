"""Judge the right functions and the mistakes, by the doors of `compare` and by their peers.

    python -m tests.functions [--seeds 200] [--jobs 2] [--only affine] [--markdown FILE]

Exits 1 where a right form fails or a mistake passes.
"""

import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import torch

from tests.functions.document import Faulty, Healthy, document
from tests.functions.functions import FUNCTIONS
from tests.functions.mistakes import MISTAKES
from tests.functions.observations import altered, observe
from tests.functions.verdicts import Verdicts, judged

FORMS = [(function, form) for function in FUNCTIONS for form in function.forms]


def judge_form(number: int, seeds: int) -> list[Verdicts]:
    """Return what is said of a right form with each seed."""
    function, form = FORMS[number]
    return [judged(function, form, form.text, seed) for seed in range(seeds)]


def judge_mistake(number: int) -> tuple[Verdicts, frozenset[str]]:
    """Return what is said of a mistake, and the names of all that it alters."""
    mistake = MISTAKES[number]
    function, form = mistake.function, mistake.form
    differing, _ = altered(
        observe(function, form, form.text), observe(function, form, mistake.text)
    )
    return judged(function, form, mistake.text, *range(3)), frozenset(differing)


def one_core() -> None:
    """Make this process use one core, and let the code that is judged warn as it likes."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")


@click.command()
@click.option("--seeds", default=20, help="With how many seeds the right forms are judged.")
@click.option("--jobs", default=1, help="How many processes judge side by side.")
@click.option("--only", default="", help="Only forms whose name begins so.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Where the page is written.")
def main(seeds: int, jobs: int, only: str, markdown: Path | None) -> None:
    """Judge everything and print, or write, the page."""
    forms = [i for i, (_, form) in enumerate(FORMS) if form.name.startswith(only)]
    mistakes = [i for i, mistake in enumerate(MISTAKES) if mistake.form.name.startswith(only)]
    with ProcessPoolExecutor(jobs, initializer=one_core) as pool:
        said = pool.map(judge_mistake, mistakes)
        right = pool.map(judge_form, forms, [seeds] * len(forms))
        with click.progressbar(said, len(mistakes), "mistakes", file=sys.stderr) as bar:
            faulty = [Faulty(MISTAKES[i], *one) for i, one in zip(mistakes, bar, strict=True)]
        with click.progressbar(right, len(forms), "right forms", file=sys.stderr) as bar:
            healthy = [Healthy(*FORMS[i], one) for i, one in zip(forms, bar, strict=True)]
    page = document(healthy, faulty, seeds)
    if markdown:
        markdown.write_text(page, encoding="utf-8")
    else:
        click.echo(page)
    alarms = any(one.alarms("compare") for one in healthy)
    sys.exit(alarms or not all(one.verdicts["compare"].caught for one in faulty))


if __name__ == "__main__":
    main()
