"""Stage rounding, of kinds that the table lacks: their operations, as the doors judge functions.

The truth is the definition in torch, on the doors' sets of operands, of the sizes of the side's own
layers, with its own parameters first.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compare.check.bounds import Finding, Judgement, Verdict, finding
from compare.check.kinds import in_table, results_of, taken
from compare.check.layer import Draw
from compare.check.reference import DY, VALUE, Reference
from compare.check.regimes import Source
from compare.check.told import report_of
from compare.check.tried import Step, tried_in
from compare.sides.interface import Description, Layer, Operands, Side, State, with_loss
from compare.sides.torch_modules import applied, module_of

LOSS_VALUE = "value"  # what a loss's forward returns


def check_own_operations(side: Side, rng: np.random.Generator, rows: int) -> Iterator[Finding]:
    """Judge the operations of each layer whose kind the side defines, the loss's too."""
    who, state = side.describe(), side.state()
    for layer in with_loss(who):
        if not in_table(layer):
            yield from _check_layer(side, who, layer, state, rng, rows)


def _check_layer(
    side: Side, who: Description, layer: Layer, state: State, rng: np.random.Generator, rows: int
) -> Iterator[Finding]:
    module, is_loss = module_of(layer, who.definitions), layer.name == "loss"
    value = LOSS_VALUE if is_loss else VALUE
    inputs = tuple(taken(layer))
    shape = (rows, layer.in_features)
    example = {operand: rng.standard_normal(shape) for operand in inputs}
    if is_loss:  # rows that add up to one, which any loss takes
        example["target"] = rng.dirichlet(np.ones(layer.in_features), rows)
    example |= {key: state[f"param/{layer.name}.{key}"] for key in layer.parameters}

    def step(direction: str, without: tuple[str, ...]) -> Step:
        name = f"{layer.name}.{direction}"
        results = results_of(name, layer)

        def run(given: Operands) -> Operands:
            got = side.op(name, {of: x for of, x in given.items() if of not in without})
            return {of: np.asarray(got[of]) for of in results if of in got}

        return Step(name, run, reuses=True)  # as of a layer: it may keep its arrays for the next

    steps = [step("forward", (DY,)), step("backward", (DY,) if is_loss else ())]
    reference = Reference(lambda **tensors: applied(module, tensors), value)
    source = Source(Draw(example, inputs), scalar=is_loss)
    tried = tried_in(who.dtype, lambda: steps, reference, source, int(rng.integers(2**31)))
    for found in report_of(layer.name, tried).findings:
        yield replace(found, stage="rounding", side=who.name, tensor=found.tensor or value)
    came = {(judged.step, judged.tensor) for judged in tried.judged}
    for one in steps:
        ended = (one.name, "") in came  # a call came to nothing, which is told
        for of in results_of(one.name, layer):
            if not ended and (one.name, of) not in came:
                yield finding("rounding", who, one.name, of, Judgement(Verdict.MISSING))
