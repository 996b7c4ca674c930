"""What `explore` does: a training for every combination of listed values, each a run in one folder; picture and table.

explore.json, written first, holds the lists, so that whoever goes on needs the folder alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from compare import environment, job
from compare.console import TrainingProgress, console, show_tables
from compare.content import as_we_wrote_it
from compare.errors import Diverged, UserError
from compare.experiment.config import Config
from compare.experiment.explore import Outcome, combinations, outcome, table
from compare.experiment.memory import require_memory
from compare.experiment.quality import markdown
from compare.files import read_json, require_own, write_json, write_text
from compare.parity.sides import LABELS, make_side
from compare.runs import Run, claimed, new_folder, require_own_files, tidy

PLAN, PICTURE, TABLE = "explore.json", "explore.png", "explore.md"


class Plan(NamedTuple):
    """What is to be trained: a side, and a config for every combination, by its label."""

    lists: Mapping[str, Sequence[Any]]
    side: str
    configs: Mapping[str, Config]
    environment: Mapping[str, Any] | None = None  # that it was begun in


def explore(
    lists: Mapping[str, Sequence[Any]],
    side: str | None,
    out: Path | None,
    resume: Path | None,
    *,
    threads: int | None,
    device: str,
    checkpoint_every: float,
    **source: Any,
) -> Path:
    """Train one side at every combination of the listed values; return the folder of runs, picture and table.

    A combination that diverges is told, and left out. `resume` is the folder of an earlier one that goes on.
    """
    folder = resume or out or new_folder("explore")
    plan = _earlier(folder, lists, side, out) if resume else _new(folder, lists, side)
    with claimed(folder, PLAN):
        if plan.environment is not None:
            for difference in environment.go_on_from(plan.environment, threads):
                console.print(f"{difference}: the last bits may differ from an unbroken one's", markup=False)
        outcomes = _train(plan, folder, device=device, checkpoint_every=checkpoint_every, **source)
        _show(plan, outcomes, folder)
    return folder


def _new(folder: Path, lists: Mapping[str, Sequence[Any]], side: str | None) -> Plan:
    if (folder / PLAN).exists():
        raise UserError(f"{folder} holds an explore already; continue it with --resume, or choose another --out")
    plan = Plan(lists, side or "numpy", combinations(lists))
    for name in (PICTURE, TABLE):
        if (folder / name).exists():
            raise UserError(f"{folder} holds {name} and no {PLAN}; choose another --out, or remove it")
    for label, config in plan.configs.items():
        require_memory(config)
        Run.plan(config, _place(folder, label))
    return plan


def _earlier(folder: Path, lists: Mapping[str, Sequence[Any]], side: str | None, out: Path | None) -> Plan:
    path = folder / PLAN
    if not path.exists():
        raise UserError(f"there is no explore in {folder} (no {PLAN}); give the folder of an earlier one")
    if lists or side or out:
        raise UserError("an explore goes on with the lists, side and folder it has; give --resume without others")
    require_own_files(folder)
    with as_we_wrote_it(path):
        value = read_json(path)
        if value["side"] not in LABELS or not all(isinstance(values, list) for values in value["lists"].values()):
            raise ValueError("no side, or no lists")
        plan = Plan(value["lists"], value["side"], combinations(value["lists"]), dict(value["environment"]))
    for config in plan.configs.values():
        require_memory(config)
    require_own(folder, [_place(folder, label).name for label in plan.configs])
    return plan


def _place(folder: Path, label: str) -> Path:
    """Return where a combination's run lies, or will lie."""
    return folder / label.replace(", ", "_")


def _train(plan: Plan, folder: Path, *, device: str, checkpoint_every: float, **source: Any) -> Mapping[str, Outcome]:
    """Train at every combination, from wherever it is; return what those came to that came to an end."""
    datasets = {config.data: job.load_data(config, **source) for config in plan.configs.values()}
    make_side(plan.side, next(iter(plan.configs.values())), device=device)  # it is there, and its threads are known
    made_with = plan.environment or environment.describe()
    write_json(folder / PLAN, {"lists": plan.lists, "side": plan.side, "environment": made_with})
    totals = {label: config.epochs * len(datasets[config.data].train_images) for label, config in plan.configs.items()}
    outcomes: dict[str, Outcome] = {}
    diverged = []
    with TrainingProgress(totals) as progress:
        for label, config in plan.configs.items():
            dataset = datasets[config.data]
            prepared = _prepared(config, _place(folder, label))
            training = job.set_up(prepared, [plan.side], dataset, device=device, checkpoint_every=checkpoint_every)
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


def _prepared(config: Config, folder: Path) -> job.Prepared:
    tidy(folder)
    if not (folder / "config.json").exists():
        return job.Prepared(Run.plan(config, folder))
    run = Run.open(folder)
    if run.config != config:
        raise UserError(f"{folder} is not of the config in {PLAN}; restore that, or start a new explore")
    return job.Prepared(run, run.checkpoints())


def _show(plan: Plan, outcomes: Mapping[str, Outcome], folder: Path) -> None:
    """Write the picture and the table; print the table."""
    from compare.report import figures

    noisy = {f"Noisy, {plan.configs[label].noise:g}": of.noisy for label, of in outcomes.items()}
    settings = [(label, of.denoised, of.test_mse) for label, of in outcomes.items()]
    original = next(iter(outcomes.values())).original
    figures.save(figures.explore(settings, original, noisy), folder / PICTURE)
    rows = table(outcomes)
    write_text(folder / TABLE, markdown([rows]))
    show_tables([rows])
