"""What `bench` does: measure, keep what is measured as it comes, show it, write it down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compare import environment
from compare.bench import bench
from compare.bench.lanes import LANES
from compare.bench.results import Results
from compare.bench.tables import reasons, tables, verdicts
from compare.console import console, show_tables
from compare.experiment import data
from compare.experiment.config import Config
from compare.files import read_json, write_json
from compare.report.benchmark import write


def measure(
    config: Config, json_file: Path | None, *, quick: bool, threads: int | None, device: str, **source: Any
) -> Results:
    """Measure all lanes and, unless `quick`, whole trainings; write the results, as they come, where asked."""
    data.load(
        config.data, source["data_root"], deadline=source["download_deadline"]
    )  # now, rather than after ten minutes
    images = data.load("digits", Path()).train_images
    counts = (threads,) if threads else tuple(sorted({1, bench.cores()}))
    todo = list(bench.parts(config, quick=quick, threads=counts, device=device))
    results = Results(environment.describe(), device)

    def keep() -> None:
        if json_file:
            write_json(json_file, results.to_dict())

    with console.status("measuring") as status:

        def on_turn(part: bench.Part, lane: str) -> None:
            c = part.config
            status.update(
                f"{todo.index(part) + 1} of {len(todo)}: batch {c.batch_size}, hidden {c.hidden_dim}, latent "
                f"{c.latent_dim}, threads {part.threads}: {LANES[lane].label}"
            )

        for rows in bench.run_steps(todo, images, device=device, on_turn=on_turn):
            results.rows += rows
            keep()
        if not quick:
            root = source["data_root"]
            for row in bench.run_trainings(
                config, root, device=device, on_lane=lambda lane: status.update(f"training: {lane}")
            ):
                results.trainings.append(row)
                keep()
    return results


def load(path: Path) -> Results:
    """Return the results that an earlier benchmark wrote."""
    return Results.from_dict(read_json(path))


def show(machines: Sequence[Results], markdown_file: Path | None) -> None:
    """Print the results of each machine; write them as a document, with plots, where asked."""
    for results in machines:
        console.print(environment.machine(results.environment), markup=False)
        show_tables(tables(results))
        for line in (*verdicts(results), *reasons(results)):
            console.print(line, markup=False)
    if markdown_file:
        write(machines, markdown_file)
