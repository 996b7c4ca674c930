"""The parity check: all stages, on both sides, in both dtypes, into one report."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare.check.bounds import Finding, Judgement, Verdict, finding
from compare.check.check_report import Report
from compare.check.contract import check_contract
from compare.check.diagnosis import STAGES
from compare.check.formula import check_formula
from compare.check.kinds import in_table, step_of
from compare.check.network import check_network
from compare.check.operands import FEW
from compare.check.operations import check_operation, check_operations
from compare.check.optimizer import check_optimizer, optimizer_of
from compare.check.surface import check_defaults, check_interface, check_start
from compare.check.trajectory import check_step, check_trajectory
from compare.data.batches import Batch, Purpose, stream, uniform_batches
from compare.data.config import DTYPES, Config
from compare.errors import UserError
from compare.sides.calls import Misbehaved, account
from compare.sides.interface import Description, Layer, Side, with_loss
from compare.sides.subject import LABELS, Subject, our_own

SQUARE: dict[str, Any] = {"hidden_dim": 24, "latent_dim": 24, "batch_size": 32}
FORMULA_ROWS = 16  # of a batch: the formula does not depend on it, and complex arithmetic is slow
REFERENCE = LABELS["torch"]
NON_DEFAULT: dict[str, Any] = {"lr": 3e-3, "beta1": 0.8, "beta2": 0.97, "eps": 1e-6}
LARGE = 1e3  # times a batch: gradients so large that whatever clips or rescales gradients shows


def check(
    config: Config,
    images: np.ndarray,
    *,
    device: str = "cpu",
    dtypes: Sequence[str] = DTYPES,
    torch: bool = True,
    trajectory: bool = True,
) -> Report:
    """Run every stage on our own two packages and their first batches.

    Without torch, those that need no reference. `images` are the training images,
    (n, height, width) uint8.
    """
    subject = our_own(images, device=device)
    return check_subject(
        subject, config, dtypes=dtypes, torch=torch, trajectory=trajectory, own=True
    )


def check_subject(
    subject: Subject,
    config: Config,
    *,
    dtypes: Sequence[str] = DTYPES,
    torch: bool = True,
    trajectory: bool = True,
    own: bool = False,
) -> Report:
    """Run every stage on a subject; `own`: it is our package, whose defaults are judged, too."""
    double = replace(config, dtype="float64")
    judged = subject.ours(double)
    who = judged.describe()
    findings: list[Finding] = []
    if own:
        findings += (check_defaults if torch else check_start)(config.model)
        findings += _guarded("interface", judged, check_interface(config.model))
    (batch,) = subject.batches(double, 1)
    few = batch.each(lambda x: x[:FORMULA_ROWS])
    formula = list(_guarded("formula", judged, check_formula(judged, few, _rng(config, 0))))
    unjudged = [] if who.loss else ["its own loss"]
    unjudged += [] if _keeps_an_optimizer(judged) else ["its own optimizer"]
    own_kinds = [layer.name for layer in with_loss(who) if not in_table(layer)]
    if (own_kinds or not who.loss) and any(found.operation == "raised" for found in formula):
        formula = []  # nobody asked that loss, or those layers, to take complex numbers
        unjudged.append("by the complex step")
    if own_kinds and not torch:
        unjudged.append(
            f"stage network and, alone, {', '.join(own_kinds)}: torch defines their kinds"
        )
    findings += formula
    for make in (subject.ours, subject.reference) if torch else (subject.ours,):
        for dtype in dtypes:
            typed = replace(config, dtype=dtype)
            batches = list(subject.batches(typed, 2))
            rows = subject.last_rows(typed)
            findings += check_side(make(typed), typed, batches, rows, torch=torch)
        other = replace(config, dtype=dtypes[0], **NON_DEFAULT)
        made = make(other)
        findings += _guarded("optimizer", made, check_optimizer(made, other, _rng(other, 5)))
    findings += check_square(subject, config, dtypes, who.layers, torch=torch)
    if own:  # of which a reader is shown every tensor, and whose infinities are as they should be
        strict = {Verdict.NOT_OFFERED: Verdict.MISSING, Verdict.NOTED: Verdict.FAIL}
        findings = [
            replace(f, verdict=strict.get(f.verdict, f.verdict)) if f.side == who.name else f
            for f in findings
        ]
    notes = [f"Not judged: {', '.join(unjudged)}."] if unjudged else []
    # Without the definitions, which are functions: a report is plain values.
    report = Report(replace(who, definitions={}), findings, {}, (*notes, *subject.notes))
    if torch:
        findings[:] = _trusted(findings)
        if trajectory and report.held and not unjudged:  # how a wrong step drifts shows nothing new
            try:
                drift, free_runs = check_trajectory(subject, config, dtypes)
                report.free_runs.update(free_runs)
            except Misbehaved as error:
                drift = raised("trajectory", who, error)
            findings.append(drift)
    findings.sort(key=lambda f: (STAGES.index(f.stage), f.side == REFERENCE))
    return report


def check_side(
    side: Side,
    config: Config,
    batches: Sequence[Batch],
    last_rows: int,
    *,
    torch: bool = True,
) -> Iterator[Finding]:
    """Run the stages that judge a side from where it stands, which is where it stays.

    `batches` are two; of an epoch's last, only the rows are told. The steps come first: a layer
    that remembers one gives itself away later. Layers of kinds that the table lacks, and a network
    with them, are judged by torch alone.
    """
    first, second = batches
    start = side.state()
    rows = len(first.noisy), last_rows
    large = first.but(target=first.clean * first.clean.dtype.type(LARGE))
    yield from _guarded("step", side, check_step(side, (first, second, large)))
    few = first.each(lambda x: x[:FEW])
    yield from _guarded("exact", side, check_contract(side, few, _rng(config, 6), start))
    yield from _guarded("exact", side, check_operations(side, _rng(config, 1), rows))
    in_the_table = _in_the_table(side.describe())
    if torch and not in_the_table:
        from compare.check.own_operations import check_own_operations

        own = check_own_operations(side, _rng(config, 7), FEW)
        yield from _guarded("rounding", side, own)
    if torch or in_the_table:
        yield from _guarded("network", side, check_network(side, first, _rng(config, 2)))
    yield from _guarded("optimizer", side, check_optimizer(side, config, _rng(config, 3)))


def check_square(
    subject: Subject,
    config: Config,
    dtypes: Sequence[str],
    own: Sequence[Layer],
    *,
    torch: bool = True,
) -> Iterator[Finding]:
    """Judge square layers of a side, where a weight taken for its transpose has the right shape.

    Its `own` layers may not be, so they are those of a small network, if it makes another.
    """
    for dtype in dtypes:
        small = replace(config, dtype=dtype, **SQUARE)
        try:
            side = subject.other(small)
        except UserError:
            return
        who = side.describe()
        if (layers := who.layers) == own:
            return
        widths = layers[0].in_features, layers[-1].out_features
        (batch,) = uniform_batches(small, widths, 1)
        state, rng = side.state(), _rng(small, 4)
        judged = [
            check_operation(side, name, kind, layer, state, rng, (len(batch.noisy),))
            for name, kind, layer in step_of(who)
            if layer.kind == "Linear" and layer.in_features == layer.out_features
        ]
        if judged and (torch or _in_the_table(who)):
            judged.append(check_network(side, batch, rng))
        for found in judged:
            yield from (replace(one, square=True) for one in _guarded("network", side, found))


def _in_the_table(who: Description) -> bool:
    """Return whether the table has the kinds of all layers, and of the loss."""
    return all(map(in_table, with_loss(who)))


def _keeps_an_optimizer(side: Side) -> bool:
    """Return whether an optimizer's state is part of a side's; where it raises, others tell."""
    try:
        return bool(optimizer_of(side.state()))
    except Misbehaved:
        return True


def _guarded(stage: str, side: Side, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Pass the findings of a stage on; where the side raises, end with one that says so."""
    try:
        yield from findings
    except UserError:
        raise
    except Exception as error:  # the side is what is being judged: it may raise anything
        yield raised(stage, side.describe(), error)


def raised(stage: str, who: Description, error: Exception) -> Finding:
    """Return the finding that a side raised, where it was to be judged."""
    judgement = Judgement(Verdict.NOT_JUDGED, np.inf)
    return finding(stage, who, "raised", "", judgement, account(error))


def _trusted(findings: list[Finding]) -> list[Finding]:
    """Take back the network's verdicts unless torch in float64 bears out the definitions.

    It shares no line with them.
    """
    of_torch = ("network", REFERENCE, "float64")
    if all(f.verdict.held for f in findings if (f.stage, f.side, f.dtype) == of_torch):
        return findings
    return [replace(f, verdict=Verdict.NOT_JUDGED) if f.stage == "network" else f for f in findings]


def _rng(config: Config, number: int) -> np.random.Generator:
    return stream(Purpose.CHECK, config.seed, number)
