"""What a check of somebody's function found, as a report, and in sentences."""

from collections.abc import Mapping

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.check.candidates.diagnosed import diagnosed
from compare.check.candidates.rewriting import Rewriting
from compare.check.door_report import DoorReport
from compare.check.reference import gradient_of
from compare.check.tried import LOSS, Judged, Tried
from compare.errors import clipped, one_line

ByComplexStep = Mapping[str, tuple[Verdict, float]] | str


def report_of(name: str, tried: Tried, by_complex_step: ByComplexStep = "") -> DoorReport:
    """Return the report of what was tried."""
    order = [tried.reference.value, *tried.reference.order(tried.source.example)]
    calls = dict.fromkeys(j.step for j in tried.judged if not j.tensor)
    results = {
        of: found
        for of in (*calls, *order)
        if (found := [j for j in tried.judged if of == (j.tensor or j.step)])
    }
    wrong = {
        of: failed
        for of, found in results.items()
        if (failed := [j for j in found if not j.verdict.held])
    }
    rewriting = Rewriting(tried.reference)
    # What ordinary operands show comes first.
    wrong = dict(sorted(wrong.items(), key=lambda of: all("×" in j.trial.regime for j in of[1])))
    details = {of: _detail(failed, rewriting) for of, failed in wrong.items()}
    findings = [
        Finding(
            *(j.trial.regime, name, j.dtype, j.step, j.tensor, j.verdict, j.ratio),
            detail="" if j.verdict.held else details[j.tensor or j.step],
        )
        for j in tried.judged
    ]
    if not isinstance(by_complex_step, str):
        findings += [
            Finding("complex step", name, "float64", name, tensor, verdict, ratio)
            for tensor, (verdict, ratio) in by_complex_step.items()
        ]
    said = _wrong(name, wrong, results, details) if wrong else _agrees(name, results, tried)
    notes = [*_not_judged(results, tried), *([] if wrong else _less_exact(tried)), *tried.notes]
    notes += _complex(by_complex_step, loss_is_wrong=LOSS in wrong)
    if tried.printed:
        notes.append(f"It prints: {clipped(one_line(tried.printed), 80)}")
    return DoorReport(name, findings, " ".join([*said, *notes]))


def _detail(failed: list[Judged], rewriting: Rewriting) -> str:
    """Say in what way a result is wrong, or nothing."""
    others = [j for j in failed if j.verdict is not Verdict.MISSING]
    said = next((j.detail for j in others if j.detail), "")
    if others and not said:
        said = diagnosed([j.result for j in others if j.result], rewriting)
    missing = {id(j.trial) for j in failed if j.verdict is Verdict.MISSING}
    if not missing:
        return said
    if not others:
        return "it is not returned there, and elsewhere it is"
    return (
        f"it is not returned on {len(missing)} of them, and on the others {said or 'it is wrong'}"
    )


def _wrong(
    name: str,
    wrong: dict[str, list[Judged]],
    results: dict[str, list[Judged]],
    details: dict[str, str],
) -> list[str]:
    """Say what fails, on how many sets of operands, by how much, and in what way."""
    gradients = [of for of, found in results.items() if found[0].tensor not in ("", LOSS)]
    same = {details.get(of, "") for of in gradients}
    if LOSS in results and len(gradients) > 1 and len(same) == 1 and "times what" in min(same):
        which = "The loss and all gradients" if details.get(LOSS) in same else "All gradients"
        alike = min(same).replace("it is", "they are", 1).replace("it should", "they should")
        return [f"{which} of {name} fail alike: {alike}.", "Look at the loss, or its mean."]
    said = []
    for of, failed in wrong.items():
        if not failed[0].tensor:
            said.append(f"{of} fails in {failed[0].dtype}: {details[of]}.")
            continue
        ratio = max(j.ratio for j in failed)
        far = f", by {ratio:.3g} times what rounding allows" if 1 < ratio < np.inf else ""
        why = f": {details[of]}" if details[of] else ""
        sets, all_sets = (len({id(j.trial) for j in found}) for found in (failed, results[of]))
        dtypes = [{j.dtype for j in found} for found in (failed, results[of])]
        only = f", in {failed[0].dtype} alone" if dtypes[0] < dtypes[1] else ""
        where = f"{sets} of {all_sets} sets of operands{only}"
        said.append(f"{of} of {failed[0].step} fails on {where}{far}{why}.")
    first = next((of for of in gradients if of in wrong), "")
    right = gradients[: gradients.index(first)] if first else []
    if LOSS in results and LOSS not in wrong and right:
        behind = f"{', '.join(right)} {'passes' if len(right) == 1 else 'pass'}"
        said.append(f"Going back from the loss, {behind}, and {first} is the first to fail.")
    return said


def _agrees(name: str, results: dict[str, list[Judged]], tried: Tried) -> list[str]:
    within = [j.ratio for j in tried.judged if j.verdict is not Verdict.LESS_EXACT]
    if not within:
        return [f"Nothing of {name} could be judged."]
    return [
        f"{name} agrees with its reference: {', '.join(results)}, on {len(tried.trials)} sets of "
        f"operands in {' and '.join(tried.dtypes)}, at most {max(within):.2g} of what rounding "
        "allows."
    ]


def _not_judged(results: dict[str, list[Judged]], tried: Tried) -> list[str]:
    """Name the gradients that did not come, unless nothing came at all."""
    missing = [
        gradient
        for name, x in tried.source.example.items()
        if x.dtype.kind == "f" and (gradient := gradient_of(name)) not in results
    ]
    raised = any(not j.tensor for j in tried.judged)
    return [f"Not judged: {', '.join(missing)}."] if missing and not raised else []


def _less_exact(tried: Tried) -> list[str]:
    """Say what is beyond rounding and no fault."""
    worst: dict[str, Judged] = {}
    for j in tried.judged:
        if j.verdict is Verdict.LESS_EXACT:
            worst[j.tensor] = max(j, worst.get(j.tensor, j), key=lambda j: j.ratio)
    return [
        f"{tensor} is less exact than it could be: on {j.trial.regime} in {j.dtype} by "
        f"{j.ratio:.3g} times what rounding allows."
        for tensor, j in worst.items()
    ]


def _complex(found: ByComplexStep, *, loss_is_wrong: bool) -> list[str]:
    if isinstance(found, str):
        did = f": of complex operands, the code {found}" if found else ""
        return [f"Not judged by the complex step{did}."] if found else []
    unlike = [name for name, (verdict, _) in found.items() if verdict is Verdict.NOT_JUDGED]
    if unlike and not loss_is_wrong:
        why = "of complex operands, the loss has another derivative"
        return [f"Not judged by the complex step: {', '.join(unlike)}; {why}."]
    if loss_is_wrong and found and all(verdict.held for verdict, _ in found.values()):
        return ["The gradients are those of this loss, which is not the reference's."]
    return []
