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
from compare.quality.codecs import code
from compare.quality.drawn import YARDSTICKS, Figures, Judge, drawn, draws
from compare.quality.questions import digits, samples_table
from compare.quality.samples import EXAMPLES, SAMPLES
from compare.sides.interface import Array, AutoencoderSide
from compare.sides.subject import LABELS, make_side
from compare.tables import Table, markdown, show_tables
from compare.training.memory import require_memory
from compare.training.runs import CONFIG, Run, claimed, new_folder, require_own_files, tidy
from compare.training.training import Training

PLAN, PICTURE, TABLE = "explore.json", "explore.png", "explore.md"
DRAWN = "random_samples.png"
MOST = 1000  # combinations: each is a training


class Trained(NamedTuple):
    """What the training at one setting came to, with images (n, height, width)."""

    original: Array  # of the test set
    noisy: Array  # the first of them
    denoised: Array
    drawn: dict[str, Array]  # decoded random latents, by kind
    figures: dict[str, Figures]  # of many more of them, by kind
    judge: Judge  # who found the figures: one to each data set
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


def look(training: Training, side: AutoencoderSide, judge: Judge) -> Trained:
    """Look at what a finished training of one side has come to."""
    config, dataset = training.config, training.dataset
    (records,) = training.histories.values()
    shape = dataset.test_images.shape
    test = noisy_test_images(config, dataset.test_images)
    coded = code(side, dataset.train_images, test)
    if not coded.finite:
        raise Diverged("its outputs are not finite")
    images = draws(config, side, coded.fitted, SAMPLES)
    return Trained(
        test.clean[:SAMPLES].reshape(-1, *shape[1:]),
        test.noisy[:EXAMPLES].reshape(-1, *shape[1:]),
        coded.denoised[:EXAMPLES].reshape(-1, *shape[1:]),
        {kind: of.reshape(-1, *shape[1:]) for kind, of in images.items()},
        drawn(config, side, coded, judge),
        judge,
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


def samples_tables(trained: Mapping[str, Trained]) -> list[Table]:
    """Return the figures of what each setting draws, in one table to each data set."""
    tables = []
    for judge in dict.fromkeys(of.judge for of in trained.values()):
        mine = {label: of for label, of in trained.items() if of.judge is judge}
        figures = {YARDSTICKS: judge.yardsticks} | {name: of.figures for name, of in mine.items()}
        denoised = {name: of.test_mse for name, of in mine.items()}
        tables.append(samples_table(figures, denoised, judge.accuracy))
    return tables


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
    click.echo(f"pictures, tables and runs: {folder}")


def _new(folder: Path, lists: Mapping[str, Sequence[Any]], side: str) -> Plan:
    if (folder / PLAN).exists():
        raise UserError(
            f"{folder} holds an explore already; continue it with --resume, or choose another --out"
        )
    for name in (PICTURE, DRAWN, TABLE):
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
    with console.status("training the classifier that judges samples"):
        judges = {name: Judge(dataset) for name, dataset in data.items()}
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
                (ours,) = prepared.run.trained_sides(device=device).values()
                trained[label] = look(training, ours, judges[config.data])
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
    """Write the pictures and the tables; print the tables."""
    from compare.report import images, style

    noisy = {f"Noisy, {plan.configs[label].noise:g}": of.noisy for label, of in trained.items()}
    settings = [(label, of.denoised, of.test_mse) for label, of in trained.items()]
    first = next(iter(trained.values()))
    style.save(images.explore(settings, first.original[:EXAMPLES], noisy), folder / PICTURE)
    drawn = {kind: {label: of.drawn[kind] for label, of in trained.items()} for kind in first.drawn}
    style.save(images.random_samples(first.original, drawn, _notes(trained)), folder / DRAWN)
    shown = [table(trained), *samples_tables(trained)]
    write_text(folder / TABLE, markdown(shown))
    show_tables(shown)


def _notes(trained: Mapping[str, Trained]) -> dict[tuple[str, str], str]:
    """Return what stands beside each row of the picture of random latents."""
    figures = {YARDSTICKS: next(iter(trained.values())).judge.yardsticks}
    figures |= {label: of.figures for label, of in trained.items()}
    return {
        (name, kind): f"Fréchet {digits(of['frechet'])}\nnearest {digits(of['relative'])}\n"
        f"confidence {digits(of['confidence'])}"
        for name, kinds in figures.items()
        for kind, of in kinds.items()
    }
