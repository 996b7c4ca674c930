"""What `faults` does: inject each known fault, or check healthy networks; show what is found."""

from pathlib import Path

from compare import machine
from compare.controls.controls import control, explanations, matrix
from compare.controls.faults import FAULTS
from compare.controls.healthy import census, false_alarms
from compare.data import datasets
from compare.files import write_text
from compare.progress import console
from compare.tables import Table, markdown, show_tables


def faults(markdown: Path | None, healthy: int | None, device: str, threads: int | None) -> bool:
    """Run the negative controls, or so many healthy networks; return whether all is well."""
    machine.set_up(threads)
    return check_healthy(healthy, markdown) if healthy else check_faults(markdown, device)


def check_faults(markdown_file: Path | None, device: str) -> bool:
    """Check with each fault; print what was found; return whether all were caught and named."""
    images = datasets.load("digits").train_images
    with console.status("injecting faults"):
        found = [control(fault, images, device=device) for fault in FAULTS]
    show_tables([matrix(found)])
    missed = [c for c in found if not c.named]
    for c in missed:
        console.print(f"{c.fault.operation}, {c.fault.name}: {c.sentence}", markup=False)
    _write(markdown_file, matrix(found), explanations(found))
    return not missed


def check_healthy(count: int, markdown_file: Path | None) -> bool:
    """Check random healthy networks; print every false alarm; return whether there is none."""
    images = datasets.load("digits").train_images
    cases, alarms = [], 0
    with console.status("checking healthy networks"):
        for case, failed in false_alarms(count, images):
            cases.append(case)
            alarms += bool(failed)
            for finding in failed[:1]:
                console.print(f"{case}: {finding}", markup=False)
    found = census(cases, alarms)
    show_tables([found])
    _write(markdown_file, found)
    return not alarms


def _write(file: Path | None, *tables: Table) -> None:
    if file:
        write_text(file, markdown(tables))
