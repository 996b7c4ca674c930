"""The first screen: what was run, whether both sides agree and by how much, and the tables."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from compare.quality.questions import drawn_table, errors_table, neighbours_table
from compare.report.page.findings import held
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
            f"Free steps in {dtype}",
            (
                "after step",
                "NumPy and PyTorch",
                "PyTorch and its perturbed reference",
                "losses, relative",
            ),
            [
                (str(step), f"{ours:.1e}", f"{moved:.1e}", f"{loss:.1e}")
                for step, ours, moved, loss in zip(
                    run["steps"], run["parameters"], run["perturbed"], run["loss"], strict=True
                )
            ],
        )


class Drifted(NamedTuple):
    """How far the sides, and PyTorch and a perturbed reference, are apart after some steps."""

    step: int
    apart: float
    perturbed: float
    held: bool


def drifted(parts: Parts, step: int = 10) -> Drifted | None:
    """Return the drift after so many free steps in the run's dtype, where a check measured it."""
    check = parts.check or {}
    run = check.get("free_runs", {}).get(parts.config["dtype"])
    judged = [finding for finding in check.get("findings", ()) if finding["stage"] == "trajectory"]
    if not run or not judged:
        return None
    i = run["steps"].index(step)
    return Drifted(
        step, run["parameters"][i], run["perturbed"][i], all(held(f["verdict"]) for f in judged)
    )
