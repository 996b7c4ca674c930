"""docs/any-function.md: what the doors and their peers said of right functions and of mistakes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.functions.form import Form, Function
from tests.functions.functions import LESS_EXACT
from tests.functions.mistakes import Mistake
from tests.functions.verdicts import JUDGES, Verdict, Verdicts

PEERS = {
    "compare": "compare",
    "gradcheck": "torch.autograd.gradcheck",
    "assert_close": "torch.testing.assert_close",
}


@dataclass(frozen=True)
class Healthy:
    """A right form, and what was said of it with each seed."""

    function: Function
    form: Form
    verdicts: Sequence[Verdicts]

    def alarms(self, judge: str) -> list[Verdict]:
        """Return the verdicts of a judge that accuse it, and failures to give one."""
        said = (verdicts[judge] for verdicts in self.verdicts if judge in verdicts)
        return [one for one in said if one.caught or one.raised]


@dataclass(frozen=True)
class Faulty:
    """A mistake, what was said of it, and the names of all that it alters."""

    mistake: Mistake
    verdicts: Verdicts
    differing: frozenset[str]

    def named(self, judge: str) -> bool:
        """Say whether the judge names something wrong, and that first."""
        return any(is_in(name, self.mistake.wrong) for name in self.verdicts[judge].named[:1])

    @property
    def accused(self) -> tuple[str, ...]:
        """What `compare` fails though the mistake does not alter it."""
        return tuple(n for n in self.verdicts["compare"].named if not is_in(n, self.differing))


def is_in(name: str, wrong: Iterable[str]) -> bool:
    """Say whether what a judge named is among what is wrong; code that raised, by what it makes."""
    if name in ("backward", "grads"):
        return any(one.startswith("d") for one in wrong)
    if name in ("forward", "raised"):
        return any(not one.startswith("d") for one in wrong)
    return name in wrong


def document(healthy: Sequence[Healthy], faulty: Sequence[Faulty], seeds: int, peers: int) -> str:
    """Return the page."""
    times = [said["compare"].seconds for one in healthy for said in one.verdicts]
    times += [one.verdicts["compare"].seconds for one in faulty]
    alarms = [(one.form.name, said) for one in healthy for said in one.alarms("compare")]
    checks = sum(len(one.verdicts) for one in healthy)
    return "\n".join(
        [
            "# Anybody's functions",
            "",
            f"`python -m tests.functions --seeds {seeds} --markdown docs/any-function.md` writes "
            "this page. The functions and the mistakes are in `tests/functions`: each function in "
            "two right forms or more, as people write them, and mistakes that people make, each "
            "one change of a form's text. A test holds that the right forms agree with autograd, "
            "and that a mistake alters the results that it is said to alter. Whoever chose the "
            "mistakes had not seen the code that diagnoses them, but had a list of what it tries. "
            "The peers are `gradcheck` and `assert_close`, PyTorch's own checks.",
            "",
            "## Right functions",
            "",
            f"**{len({one.function.name for one in healthy})} functions in {len(healthy)} forms, "
            f"{seeds} seeds, {checks} checks in float32 and float64: {len(alarms)} alarms.** "
            f"Among them {', '.join(f'`{name}`' for name in sorted(LESS_EXACT))}, which subtract "
            "nearly equal numbers: they are less exact, and right. The peers judged the operands "
            f"of the first {peers} seeds.",
            "",
            *_table(
                ("functions", "forms", "checks", *(f"alarms: {j}" for j in JUDGES)),
                _healthy_rows(healthy),
            ),
            "",
            *(f"- {name}: {said.sentence or said.raised}\n" for name, said in alarms),
            "## Mistakes",
            "",
            _counted(faulty),
            "",
            *_table(
                ("functions", "mistakes", *(PEERS[j] for j in JUDGES)),
                _faulty_rows(faulty),
            ),
            "",
            "Each cell counts three things: mistakes caught / of which the tensor was named / of "
            "which the sentence told the kind. A tensor is named if the first one that fails is "
            "one that the mistake alters. The peers saw three draws of operands. assert_close is "
            "given the tensors by name, one after the other. gradcheck holds a backward against "
            "its own forward, and cannot judge optimizers.",
            "",
            "## Time",
            "",
            f"One check takes {median(times):.2f} s of one core in the median, {max(times):.2f} s "
            "at most.",
            "",
            "## Every mistake",
            "",
            *_table(
                ("form", "mistake", "wrong", "caught", "named", "what is said to be wrong"),
                (
                    (
                        f"`{one.mistake.form.name}`",
                        one.mistake.words,
                        ", ".join(one.mistake.wrong),
                        _yes(one.verdicts["compare"].caught),
                        _yes(one.named("compare")),
                        one.verdicts["compare"].kind or one.verdicts["compare"].raised,
                    )
                    for one in faulty
                ),
            ),
            "",
        ]
    )


def _counted(faulty: Sequence[Faulty]) -> str:
    caught = [one for one in faulty if one.verdicts["compare"].caught]
    named = sum(one.named("compare") for one in faulty)
    said = sum(bool(one.verdicts["compare"].kind) for one in caught)
    accused = [f"{one.mistake} ({', '.join(one.accused)})" for one in faulty if one.accused]
    return (
        f"**{len(faulty)} mistakes: {len(caught)} caught; the tensor named in {named} "
        f"({named / len(faulty):.1%}), the kind told in {said} ({said / len(faulty):.1%}).** A "
        f"tensor that the mistake does not alter fails in {len(accused)}{': ' if accused else ''}"
        f"{'; '.join(accused)}."
    )


def _healthy_rows(healthy: Sequence[Healthy]) -> Iterable[Sequence[str]]:
    for family in dict.fromkeys(one.function.family for one in healthy):
        ones = [one for one in healthy if one.function.family == family]
        alarms = (str(sum(len(one.alarms(judge)) for one in ones)) for judge in JUDGES)
        checks = str(sum(len(one.verdicts) for one in ones))
        yield family, str(len(ones)), checks, *alarms


def _faulty_rows(faulty: Sequence[Faulty]) -> Iterable[Sequence[str]]:
    for family in [*dict.fromkeys(one.mistake.function.family for one in faulty), "all"]:
        ones = [one for one in faulty if family in (one.mistake.function.family, "all")]
        yield family, str(len(ones)), *(_score(ones, judge) for judge in JUDGES)


def _score(ones: Sequence[Faulty], judge: str) -> str:
    having = [one for one in ones if judge in one.verdicts]
    if not having:
        return "–"
    caught = sum(one.verdicts[judge].caught for one in having)
    named = sum(one.named(judge) for one in having)
    return f"{caught} / {named} / {sum(bool(one.verdicts[judge].kind) for one in having)}"


def _yes(held: bool) -> str:
    return "yes" if held else "**no**"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    bar = r"\|"
    body = [[cell.replace("|", bar).replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]
