"""What `explore` does: train at every combination of listed values, each a run in one folder.

explore.json, written first, holds the lists, so that whoever goes on needs the folder alone.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import click

from compare import machine
from compare.commands.train import Prepared, go_on_from, set_up
from compare.data import datasets
from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.errors import Diverged, UserError
from compare.files import as_we_wrote_it, read_json, require_own, write_json, write_text
from compare.progress import TrainingProgress, console
from compare.quality.samples import EXAMPLES
from compare.sides.interface import Array
from compare.sides.subject import LABELS, make_side
from compare.tables import Table, markdown, show_tables
from compare.training.memory import require_memory
from compare.training.runs import CONFIG, Run, claimed, new_folder, require_own_files, tidy
from compare.training.training import Training

PLAN, PICTURE, TABLE = "explore.json", "explore.png", "explore.md"
MOST = 1000  # combinations: each is a training


class Trained(NamedTuple):
    """What the training at one setting came to, with images (8, height, width) of the test set."""

    original: Array
    noisy: Array
    denoised: Array
    loss: float
    test_mse: float
    seconds: float


def combinations(lists: Mapping[str, Sequence[Any]]) -> dict[str, Config]:
    """Return a config for every combination, by what varies: "latent-dim 4, noise 0.3"."""
    options = {name: name.replace("_", "-") for name in lists}
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            what = "a value twice" if values else "no value"
            raise UserError(f"--{options[name]} has {what}")
    if (count := math.prod(map(len, lists.values()))) > MOST:
        raise UserError(
            f"these lists have {count:,} combinations; no more than {MOST:,} are trained at once"
        )
    varied = [name for name, values in lists.items() if len(values) > 1]
    found = {}
    for values in product(*lists.values()):
        config = Config(**dict(zip(lists, values, strict=True)))
        label = ", ".join(f"{options[name]} {getattr(config, name)}" for name in varied)
        found[label or config.data] = config
    return found


def look(training: Training) -> Trained:
    """Look at a finished training of one side."""
    ((name, side),) = training.sides.items()
    images = training.dataset.test_images[:EXAMPLES]
    test, shape = noisy_test_images(training.config, images), images.shape
    records = training.histories[name]
    return Trained(
        test.clean.reshape(shape),
        test.noisy.reshape(shape),
        side.reconstruct(test.noisy).reshape(shape),
        records[-1].loss,
        records[-1].test_mse,
        sum(record.seconds for record in records),
    )


def table(trained: Mapping[str, Trained]) -> Table:
    """Return one row for every setting."""
    columns = ("setting", "training loss per image", "denoised test MSE", "seconds")
    return Table(
        "The same training under other settings",
        columns,
        [
            (label, f"{of.loss:.3f}", f"{of.test_mse:.4f}", f"{of.seconds:.1f}")
            for label, of in trained.items()
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
    if resume:
        plan = _earlier(folder, alone=not (overrides or side or out))
    else:
        plan = _new(folder, overrides, side or "numpy")
    with claimed(folder, PLAN):
        if plan.environment is not None:
            go_on_from(plan.environment, threads, "one")
        _show(plan, _train(plan, folder, **how), folder)
    click.echo(f"picture, table and runs: {folder}")


def _new(folder: Path, lists: Mapping[str, Sequence[Any]], side: str) -> Plan:
    if (folder / PLAN).exists():
        raise UserError(
            f"{folder} holds an explore already; continue it with --resume, or choose another --out"
        )
    for name in (PICTURE, TABLE):
        if (folder / name).exists():
            raise UserError(
                f"{folder} holds {name} and no {PLAN}; choose another --out, or remove it"
            )
    plan = Plan(lists, side, combinations(lists))
    for label, config in plan.configs.items():
        require_memory(config)
        Run.plan(config, _place(folder, label))
    return plan


def _earlier(folder: Path, *, alone: bool) -> Plan:
    path = folder / PLAN
    if not path.exists():
        raise UserError(
            f"there is no explore in {folder} (no {PLAN}); give the folder of an earlier one"
        )
    if not alone:
        raise UserError(
            "an explore goes on with the lists, side and folder it has; "
            "give --resume without others"
        )
    require_own_files(folder)
    with as_we_wrote_it(path):
        value = read_json(path)
        lists, side = value["lists"], value["side"]
        if side not in LABELS or not all(isinstance(values, list) for values in lists.values()):
            raise ValueError("no side, or no lists")
        plan = Plan(lists, side, combinations(lists), dict(value["environment"]))
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
    configs, side = plan.configs, plan.side
    data = {config.data: datasets.load(config.data, **source) for config in configs.values()}
    # Make one side already: a missing library is told now, and its threads are known.
    make_side(side, next(iter(configs.values())), device=device)
    made_with = plan.environment or machine.describe()
    write_json(folder / PLAN, {"lists": plan.lists, "side": side, "environment": made_with})
    totals = {
        label: config.epochs * len(data[config.data].train_images)
        for label, config in configs.items()
    }
    trained: dict[str, Trained] = {}
    troubles = []
    with TrainingProgress(totals) as progress:
        for label, config in configs.items():
            prepared = _prepared(config, _place(folder, label))
            dataset = data[config.data]
            training = set_up(
                prepared, [side], dataset, device=device, checkpoint_every=checkpoint_every
            )
            progress.skip(label, training.images_seen(side))

            def step(_: str, images: int, loss: float, label: str = label) -> None:
                progress.step(label, images, loss)

            try:
                training.run(step)
                trained[label] = look(training)
                if trouble := training.fruitless(side):
                    troubles.append(f"{label} {trouble}")
            except Diverged as error:
                troubles.append(f"{label}: {error}")
    for line in troubles:
        console.print(line, markup=False)
    if not trained:
        raise UserError("none of these trainings came to an end; try other values")
    return trained


def _prepared(config: Config, folder: Path) -> Prepared:
    tidy(folder)
    if not (folder / CONFIG).exists():
        return Prepared(Run.plan(config, folder), {})
    run = Run.open(folder)
    if run.config != config:
        raise UserError(
            f"{folder} is not of the config in {PLAN}; restore that, or start a new explore"
        )
    return Prepared(run, run.checkpoints())


def _show(plan: Plan, trained: Mapping[str, Trained], folder: Path) -> None:
    """Write the picture and the table; print the table."""
    from compare.report import images, style

    noisy = {f"Noisy, {plan.configs[label].noise:g}": of.noisy for label, of in trained.items()}
    settings = [(label, of.denoised, of.test_mse) for label, of in trained.items()]
    original = next(iter(trained.values())).original
    style.save(images.explore(settings, original, noisy), folder / PICTURE)
    rows = table(trained)
    write_text(folder / TABLE, markdown([rows]))
    show_tables([rows])
