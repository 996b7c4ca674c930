"""What `bench` does: measure, keep what is measured as it comes, show it, write it down."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.status import Status

from compare import machine
from compare.bench import plan
from compare.bench.bench_tables import reasons, tables, verdicts
from compare.bench.results import Results, Row
from compare.bench.rounds import Part, Processes
from compare.bench.variants import VARIANTS
from compare.data import datasets
from compare.data.config import Config
from compare.errors import Interrupted
from compare.files import as_we_wrote_it, read_json, require_writable, write_json
from compare.report.benchmark import require_place, write
from compare.tables import show_tables
from compare.terminal import console


def bench(
    earlier: Sequence[Path],
    dataset: str,
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
    results = measure(Config(data=dataset, epochs=epochs), json_file, **how)
    show([results], markdown)
    return results.held


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
    todo = list(plan.parts(config, quick=quick, threads=counts, device=device))
    load = plan.load()  # before there is any of its own
    results = Results(machine.describe(), device)
    try:
        with console.status("measuring") as status, Processes() as processes:
            processes.begin(todo[0].variants)
            results.environment = {**plan.described(processes), "load": load}
            root = None if quick else data_root
            for _ in _measuring(results, processes, todo, config, root, status):
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
    results: Results,
    processes: Processes,
    todo: list[Part],
    config: Config,
    trainings: Path | None,
    status: Status,
) -> Iterator[None]:
    """Fill in the results, saying what is being done; yield whenever there are more of them."""
    device = results.device

    def on_round(part: Part, variant: str) -> None:
        c = part.config
        status.update(
            f"{todo.index(part) + 1} of {len(todo)}: batch {c.batch_size}, hidden {c.hidden_dim}, "
            f"latent {c.latent_dim}, threads {part.threads}: {VARIANTS[variant].label}"
        )

    def on_training(variant: str) -> None:
        status.update(f"whole training: {variant}")

    images = datasets.load("digits").train_images
    measured: dict[Part, list[Row]] = {}
    for part, rows in plan.run_steps(processes, todo, images, device=device, on_round=on_round):
        measured[part] = rows
        results.rows = [row for rows in measured.values() for row in rows]
        yield
    if trainings is not None:
        threads = todo[-1].threads
        for training in plan.run_trainings(
            config, trainings, threads=threads, device=device, on_variant=on_training
        ):
            results.trainings.append(training)
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
        for line in (*verdicts(results), *reasons(results)):
            console.print(line, markup=False)
    if markdown_file:
        write(machines, markdown_file)
