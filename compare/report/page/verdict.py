"""The first screen: what was run, whether both sides agree and by how much, and the tables."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from compare.quality.questions import drawn_table, errors_table, neighbours_table
from compare.report.page.findings import held
from compare.report.page.numbers import number
from compare.report.page.parts import Parts
from compare.sides.subject import LABELS
from compare.tables import Table


def result_tables(parts: Parts) -> Iterator[Table]:
    """Yield the tables of quality and of speed that the run has numbers for."""
    if parts.quality:
        yield errors_table(parts.quality)
        yield neighbours_table(parts.quality)
        if "classifier" in parts.quality:  # versions before 0.6 had none
            yield drawn_table(parts.quality)
    if sides := trained(parts):
        yield Table(
            "Seconds of training, on this machine (timing alone: python -m compare bench)",
            (
                "",
                "in all",
                "an epoch, the fastest",
                "training loss per image",
                "test MSE per pixel",
            ),
            [
                (
                    label,
                    f"{sum(record['seconds'] for record in records):.1f}",
                    f"{min(record['seconds'] for record in records):.2f}",
                    f"{records[-1]['loss']:.3f}",
                    f"{records[-1]['test_mse']:.4f}",
                )
                for label, records in sides.items()
            ],
        )


def trained(parts: Parts) -> dict[str, list[Mapping[str, Any]]]:
    """Return the epochs of each side that has any, by label."""
    return {label: parts.history[name] for name, label in LABELS.items() if parts.history.get(name)}


def drift_tables(parts: Parts) -> Iterator[Table]:
    """Yield, for each dtype, how far apart the sides are after each measured step."""
    for dtype, run in (parts.check or {}).get("free_runs", {}).items():
        yield Table(
            f"Largest difference of a parameter in {dtype}, and difference of the losses",
            (
                "after step",
                "NumPy and PyTorch",
                "PyTorch and perturbed references",
                "losses, relative",
            ),
            [
                (str(step), number(ours), number(moved), number(loss))
                for step, ours, moved, loss in zip(
                    run["steps"], run["parameters"], run["perturbed"], run["loss"], strict=True
                )
            ],
        )


class Judged(NamedTuple):
    """The drift as the check judges it: averaged over steps and precisions."""

    share: float  # of the largest drift of a perturbed reference
    references: int  # how many perturbed ones were trained
    held: bool


def judged(parts: Parts) -> Judged | None:
    """Return the drift as a check judged it; None where none did, or before 0.6."""
    check = parts.check or {}
    findings = [of for of in check.get("findings", ()) if of["stage"] == "trajectory"]
    trained = [run.get("references") for run in check.get("free_runs", {}).values()]
    if not findings or not trained or None in (trained[0], findings[0]["ratio"]):
        return None
    return Judged(findings[0]["ratio"], trained[0], held(findings[0]["verdict"]))
