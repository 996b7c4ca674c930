"""What `faults` does: inject each known fault, or check healthy networks; show what is found."""

from pathlib import Path

from compare import machine
from compare.check.shared_check import Case, check_shared_steps
from compare.check.shared_steps import SMALL
from compare.controls.controls import control, explanations, matrix
from compare.controls.faults import FAULTS, KNOWN
from compare.controls.healthy import census, false_alarms
from compare.controls.traps import TRAPS
from compare.data import datasets
from compare.files import write_text
from compare.progress import console
from compare.sides.subject import LABELS
from compare.tables import Table, markdown, show_tables

HEAD = f"""\
# Faults in the network, and which stage of the check catches them

Made by `python -m compare faults --markdown docs/faults.md`. {len(FAULTS) - len(KNOWN)} of them
were written by somebody who had not read the check (`compare/controls/held_out.toml`). Many of
these repeat one of the other {len(KNOWN)}, so the page of a run leaves them out.

A fault is *caught* if the check fails, and *named* if its sentence gives the function that was
changed. The stages trajectory and outcome are not run.
"""
HEALTHY_HEAD = """\
# Networks without a fault, and whether the check calls one wrong

Made by `python -m compare faults --healthy {count} --markdown docs/healthy.md`: random networks of
either side, among them extreme ones. A false alarm is a healthy network that the check fails.
"""
TRAPS_HEAD = """\
# Mistakes of a shared training, and what the check says

Made by `python -m compare faults --workers {count} --markdown FILE`: {count} processes share steps
of the bundled digits, with one mistake at a time, and are held against one process.
"""


def faults(
    markdown: Path | None,
    healthy: int | None,
    workers: int | None,
    device: str,
    threads: int | None,
) -> bool:
    """Run the negative controls, or so many healthy networks; return whether all is well."""
    machine.set_up(threads)
    if workers:
        return check_traps(workers, markdown)
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
    _write(markdown_file, HEAD, matrix(found), explanations(found))
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
    _write(markdown_file, HEALTHY_HEAD.format(count=count), found)
    return not alarms


def check_traps(count: int, markdown_file: Path | None) -> bool:
    """Have so many workers fall into each trap; print what is found; return whether all was."""
    cases: list[Case] = [(trap, name, SMALL) for trap in TRAPS for name in LABELS]
    with console.status(f"starting {count} workers"):
        found = check_shared_steps(count, datasets.load("digits").train_images, cases)
    told: dict[tuple[str, str], list[str]] = {}
    for (trap, name, _), wrong in zip(cases, found, strict=True):
        told.setdefault((trap.name, wrong or "NOT CAUGHT"), []).append(LABELS[name])
    table = Table(
        f"What {count} workers get wrong, and what the check says",
        ("mistake", "sides", "sentence"),
        [(trap, ", ".join(names), sentence) for (trap, sentence), names in told.items()],
    )
    show_tables([table])
    _write(markdown_file, TRAPS_HEAD.format(count=count), table)
    return all(found)


def _write(file: Path | None, head: str, *tables: Table) -> None:
    if file:
        write_text(file, f"{head}\n{markdown(tables)}")
