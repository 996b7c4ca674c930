"""What `bench` does: measure, keep what is measured as it comes, show it, write it down."""

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from compare import machine
from compare.bench.bench_tables import LEGEND, reasons, tables, verdicts
from compare.bench.plan import parts, whole_trainings
from compare.bench.results import Results
from compare.bench.rounds import Part, Processes, measure_part, whole_training
from compare.bench.side_bench import time_side
from compare.bench.variants import VARIANTS
from compare.data import datasets
from compare.data.config import Config
from compare.errors import Interrupted, UserError
from compare.files import as_we_wrote_it, read_json, require_writable, write_json
from compare.progress import console
from compare.report.benchmark import require_place, write
from compare.sides.process import supervised
from compare.tables import show_tables

BUSY = 0.5  # load: something else was at work for half of the last minute


def bench(
    earlier: Sequence[Path],
    data: str,
    model: str,
    beta: float,
    epochs: int,
    json_file: Path | None,
    markdown: Path | None,
    **how: Any,
) -> bool:
    """Measure, or show earlier results; return whether all variants held."""
    if markdown:
        require_place(markdown)
    if earlier:
        return show_again(earlier, markdown)
    config = Config(data=data, epochs=epochs, model=model, beta=beta)
    if model == "vae" and not how["quick"]:
        raise UserError("a vae is timed by the core table alone; say --quick, too")
    results = measure(config, json_file, **how)
    show([results], markdown)
    return results.held


def bench_side(
    name: str,
    data: str,
    *,
    threads: int | None,
    device: str,
    data_root: Path,
    download_deadline: float,
) -> bool:
    """Time a user-supplied network against its reference, in a process of its own."""
    config = Config(data=data)
    images = datasets.load(data, data_root, download_deadline).train_images
    timing = partial(time_side, name, config, images, device, threads or 1)
    show_tables([supervised(name, timing, lambda *_: None)])
    return True


def measure(
    config: Config,
    json_file: Path | None,
    *,
    quick: bool,
    threads: int | None,
    device: str,
    data_root: Path,
    download_deadline: float,
) -> Results:
    """Measure all variants and, unless `quick`, whole trainings; write the results where asked.

    What there is of them is written as it comes, beside that file, so that an earlier one stays
    until all is measured. When this is interrupted, or fails, it shows what it has.
    """
    unfinished = json_file.with_name(f"{json_file.name}.unfinished") if json_file else None
    if unfinished:
        require_writable(unfinished)
    # What is missing is said now, not in ten minutes.
    datasets.load(config.data, data_root, download_deadline)
    counts = (threads,) if threads else tuple(sorted({1, machine.most_threads()}))
    todo = list(parts(config, quick=quick, threads=counts, device=device))
    results = Results(machine.describe(), device)
    measuring = _measuring(results, todo, config, None if quick else data_root)
    try:
        with closing(measuring):
            for _ in measuring:
                if unfinished:
                    write_json(unfinished, results.to_dict())
    except BaseException as error:
        show([results], None)
        if isinstance(error, KeyboardInterrupt) and unfinished and unfinished.exists():
            raise Interrupted(f"interrupted; what was measured is in {unfinished}") from None
        raise
    if json_file and unfinished:
        write_json(json_file, results.to_dict())
        unfinished.unlink()
    return results


def _measuring(
    results: Results, todo: list[Part], config: Config, data_root: Path | None
) -> Generator[None]:
    """Fill in the results, saying what is being done; yield whenever there are more of them.

    Without a `data_root` there are no whole trainings.
    """
    # How many processes the machine was at in the last minute, where it tells: ours not among them.
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    if load is not None and load > BUSY:
        console.print(
            f"this machine is busy (load {load:.1f} in the last minute): "
            "times will scatter; measure again when nothing else runs",
            style="yellow",
            markup=False,
        )
    images = datasets.load("digits").train_images
    with console.status("measuring") as status, Processes() as processes:
        processes.begin(todo[0].variants)
        results.environment = {**processes.describe(), "load": load}
        for number, part in enumerate(todo, start=1):
            c, before = part.config, results.rows
            setting = (
                f"{number} of {len(todo)}: batch {c.batch_size}, hidden {c.hidden_dim}, "
                f"latent {c.latent_dim}, threads {part.threads}"
            )

            def on_round(variant: str, setting: str = setting) -> None:
                status.update(f"{setting}: {VARIANTS[variant].label}")

            for rows in measure_part(processes, part, images, on_round):
                results.rows = before + rows
                yield
        if data_root:
            names = whole_trainings(results.device)
            for name in (*names, *reversed(names)):  # each twice, A B, B A
                status.update(f"whole training: {name}")
                row = whole_training(
                    name, config, data_root, threads=part.threads, device=part.device
                )
                results.trainings.append(row)
                yield


def show_again(paths: Sequence[Path], markdown_file: Path | None) -> bool:
    """Show what earlier benchmarks wrote, as `show` does; return whether all variants held."""
    with as_we_wrote_it(", ".join(map(str, paths))):
        machines = [Results.from_dict(read_json(path)) for path in paths]
        show(machines, markdown_file)
        return all(results.held for results in machines)


def show(machines: Sequence[Results], markdown_file: Path | None) -> None:
    """Print the results of each machine; write them as a document, with plots, where asked."""
    for results in machines:
        console.print(machine.machine(results.environment), markup=False)
        show_tables(tables(results))
        console.print(LEGEND, markup=False, style="dim")
        for line in (*verdicts(results), *reasons(results)):
            console.print(line, markup=False)
    if markdown_file:
        write(machines, markdown_file)
