"""What `explore` does: train at every combination of listed values, each a run in one folder.

explore.json, written first, holds the lists, so that whoever goes on needs the folder alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from compare import machine
from compare.commands.train import Prepared, set_up
from compare.data import datasets
from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import Diverged, UserError
from compare.files import as_we_wrote_it, read_json, require_own, write_json, write_text
from compare.quality.samples import EXAMPLES
from compare.sides.subject import LABELS, make_side
from compare.tables import Table, markdown, show_tables
from compare.terminal import TrainingProgress, console
from compare.training.memory import require_memory
from compare.training.runs import Run, claimed, new_folder, require_own_files, tidy
from compare.training.training import Training

PLAN, PICTURE, TABLE = "explore.json", "explore.png", "explore.md"

MOST = 1000  # combinations: each is a training


@dataclass(frozen=True)
class Trained:
    """What the training at one setting came to, with images (8, height, width) of the test set."""

    original: NDArray[np.floating]
    noisy: NDArray[np.floating]
    denoised: NDArray[np.floating]
    loss: float
    test_mse: float
    seconds: float


def combinations(lists: Mapping[str, Sequence[Any]]) -> dict[str, Config]:
    """Return a config for every combination, by what varies: "latent-dim 4, noise 0.3"."""
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise UserError(
                f"--{name.replace('_', '-')} has {'a value twice' if values else 'no value'}"
            )
    if (count := math.prod(map(len, lists.values()))) > MOST:
        raise UserError(
            f"these lists have {count:,} combinations; no more than {MOST:,} are trained at once"
        )
    varied = [name for name, values in lists.items() if len(values) > 1]
    configs = [
        Config(**dict(zip(lists, values, strict=True))) for values in product(*lists.values())
    ]
    return {
        ", ".join(f"{name.replace('_', '-')} {getattr(config, name)}" for name in varied)
        or config.data: config
        for config in configs
    }


def outcome(training: Training, dataset: Dataset) -> Trained:
    """Look at a finished training of one side."""
    ((name, side),) = training.sides.items()
    shape = (EXAMPLES, *dataset.test_images.shape[1:])
    test = noisy_test_images(training.config, dataset.test_images[:EXAMPLES])
    last = training.histories[name][-1]
    return Trained(
        original=test.clean.reshape(shape),
        noisy=test.noisy.reshape(shape),
        denoised=side.reconstruct(test.noisy).reshape(shape),
        loss=last.loss,
        test_mse=last.test_mse,
        seconds=sum(record.seconds for record in training.histories[name]),
    )


def table(outcomes: Mapping[str, Trained]) -> Table:
    """Return one row for every setting."""
    return Table(
        "The same training under other settings",
        ("setting", "training loss per image", "denoised test MSE", "seconds"),
        [
            (label, f"{of.loss:.3f}", f"{of.test_mse:.4f}", f"{of.seconds:.1f}")
            for label, of in outcomes.items()
        ],
    )


class Plan(NamedTuple):
    """What is to be trained: a side, and a config for every combination, by its label."""

    lists: Mapping[str, Sequence[Any]]
    side: str
    configs: Mapping[str, Config]
    environment: Mapping[str, Any] | None = None  # that it was begun in


def explore(
    overrides: Mapping[str, Sequence[Any]],
    side: str | None,
    out: Path | None,
    resume: Path | None,
    threads: int | None,
    **how: Any,
) -> None:
    """Train one side at every combination of listed values; print where runs and picture are.

    A combination that diverges is told, and left out. `resume` is the folder of an earlier one that
    goes on.
    """
    machine.set_up(threads)
    folder = resume or out or new_folder("explore")
    of = (overrides, side)
    plan = _earlier(folder, *of, out) if resume else _new(folder, *of)
    with claimed(folder, PLAN):
        if plan.environment is not None:
            for difference in machine.go_on_from(plan.environment, threads):
                console.print(
                    f"{difference}: the last bits may differ from an unbroken one's", markup=False
                )
        _show(plan, _train(plan, folder, **how), folder)
    click.echo(f"picture, table and runs: {folder}")


def _new(folder: Path, lists: Mapping[str, Sequence[Any]], side: str | None) -> Plan:
    if (folder / PLAN).exists():
        raise UserError(
            f"{folder} holds an explore already; continue it with --resume, or choose another --out"
        )
    plan = Plan(lists, side or "numpy", combinations(lists))
    for name in (PICTURE, TABLE):
        if (folder / name).exists():
            raise UserError(
                f"{folder} holds {name} and no {PLAN}; choose another --out, or remove it"
            )
    for label, config in plan.configs.items():
        require_memory(config)
        Run.plan(config, _place(folder, label))
    return plan


def _earlier(
    folder: Path, lists: Mapping[str, Sequence[Any]], side: str | None, out: Path | None
) -> Plan:
    path = folder / PLAN
    if not path.exists():
        raise UserError(
            f"there is no explore in {folder} (no {PLAN}); give the folder of an earlier one"
        )
    if lists or side or out:
        raise UserError(
            "an explore goes on with the lists, side and folder it has; "
            "give --resume without others"
        )
    require_own_files(folder)
    with as_we_wrote_it(path):
        value = read_json(path)
        if value["side"] not in LABELS or not all(
            isinstance(values, list) for values in value["lists"].values()
        ):
            raise ValueError("no side, or no lists")
        plan = Plan(
            value["lists"], value["side"], combinations(value["lists"]), dict(value["environment"])
        )
    for config in plan.configs.values():
        require_memory(config)
    require_own(folder, [_place(folder, label).name for label in plan.configs])
    return plan


def _place(folder: Path, label: str) -> Path:
    """Return where a combination's run lies, or will lie."""
    return folder / label.replace(", ", "_")


def _train(
    plan: Plan, folder: Path, *, device: str, checkpoint_every: float, **source: Any
) -> Mapping[str, Trained]:
    """Train at every combination, from wherever it is; return what came to an end."""
    found = {config.data: datasets.load(config.data, **source) for config in plan.configs.values()}
    make_side(
        plan.side, next(iter(plan.configs.values())), device=device
    )  # it is there, and its threads are known
    made_with = plan.environment or machine.describe()
    write_json(folder / PLAN, {"lists": plan.lists, "side": plan.side, "environment": made_with})
    totals = {
        label: config.epochs * len(found[config.data].train_images)
        for label, config in plan.configs.items()
    }
    outcomes: dict[str, Trained] = {}
    diverged = []
    with TrainingProgress(totals) as progress:
        for label, config in plan.configs.items():
            dataset = found[config.data]
            prepared = _prepared(config, _place(folder, label))
            training = set_up(
                prepared, [plan.side], dataset, device=device, checkpoint_every=checkpoint_every
            )
            progress.skip(label, training.images_seen(plan.side))

            def step(_: str, images: int, loss: float, label: str = label) -> None:
                progress.step(label, images, loss)

            try:
                training.run(step)
            except Diverged as error:
                diverged.append(f"{label}: {error}")
            else:
                outcomes[label] = outcome(training, dataset)
    for line in diverged:
        console.print(line, markup=False)
    if not outcomes:
        raise UserError("none of these trainings came to an end; try other values")
    return outcomes


def _prepared(config: Config, folder: Path) -> Prepared:
    tidy(folder)
    if not (folder / "config.json").exists():
        return Prepared(Run.plan(config, folder))
    run = Run.open(folder)
    if run.config != config:
        raise UserError(
            f"{folder} is not of the config in {PLAN}; restore that, or start a new explore"
        )
    return Prepared(run, run.checkpoints())


def _show(plan: Plan, outcomes: Mapping[str, Trained], folder: Path) -> None:
    """Write the picture and the table; print the table."""
    from compare.report import images, style

    noisy = {f"Noisy, {plan.configs[label].noise:g}": of.noisy for label, of in outcomes.items()}
    settings = [(label, of.denoised, of.test_mse) for label, of in outcomes.items()]
    original = next(iter(outcomes.values())).original
    style.save(images.explore(settings, original, noisy), folder / PICTURE)
    rows = table(outcomes)
    write_text(folder / TABLE, markdown([rows]))
    show_tables([rows])
