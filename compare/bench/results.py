"""What a benchmark found, as plain values: for JSON, and for the tables and plots made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

import numpy as np

from compare.errors import UserError

VERSION = 2  # of the JSON; without one, it is 0.3's
RENAMED = {"lane": "variant", "turns": "rounds"}  # since then
CONFIDENCE = 0.95
RESAMPLES = 2000
FEWEST = 4  # rounds of which an interval says anything
TRAFFIC = 7 / 3  # Adam reads four numbers and writes three a parameter; a + b → a moves three

R = TypeVar("R", "Row", "TrainingRow")


@dataclass(frozen=True)
class Row:
    """One variant in one setting. Times are milliseconds a step; `rounds` are medians of rounds."""

    variant: str
    label: str
    threads: int
    batch_size: int
    hidden_dim: int
    latent_dim: int
    cannot: str = ""  # why it did not run here
    agreement: float | None = None  # the first step's worst error, in units of what rounding allows
    prepare_seconds: float = 0.0  # to the end of the first step: compilation, capture
    p10: float = 0.0
    median: float = 0.0
    p90: float = 0.0
    update: float | None = None  # the optimizer alone
    rounds: list[float] = field(default_factory=list)
    device: str = "cpu"
    held: bool = True  # false where its first step failed, and of our own variants where it did

    @property
    def place(self) -> tuple[str, int, int, int, int]:
        """Its setting and its device: what it may be compared in with a lower bound."""
        return self.device, self.threads, self.batch_size, self.hidden_dim, self.latent_dim

    @property
    def cost(self) -> float:
        """Microseconds an image."""
        return 1e3 * self.median / self.batch_size


@dataclass(frozen=True)
class TrainingRow:
    """One whole training: seconds and test error by epoch, and the process's peak memory."""

    variant: str
    label: str
    data: str
    threads: int
    seconds: list[float] = field(default_factory=list)  # of each epoch, without the error's
    test_mse: list[float] = field(default_factory=list)
    peak_megabytes: float = 0.0  # of the process, its libraries included, while it trains
    cannot: str = ""
    prepare_seconds: float | None = None  # compilation, capture, images brought to the device
    device_megabytes: float | None = None  # on a GPU, besides

    def epochs_until(self, mse: float) -> int | None:
        """Return how many epochs it took until the test error was below `mse`, if it ever was."""
        errors = enumerate(self.test_mse, start=1)
        return next((epoch for epoch, error in errors if error < mse), None)


@dataclass
class Results:
    """A whole benchmark, and the machine it ran on."""

    environment: dict[str, Any]
    device: str
    rows: list[Row] = field(default_factory=list)
    trainings: list[TrainingRow] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether every variant's first step was within rounding, and none of our own failed."""
        return all(row.held for row in self.rows)

    @property
    def thread_counts(self) -> list[int]:
        """With how many threads steps were timed, in order."""
        return sorted({row.threads for row in self.rows})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, value: Any) -> "Results":
        """Return what `to_dict` gave, or an earlier version's. Raises `UserError` for all else."""
        try:
            rows = [_read(Row, row) for row in value["rows"]]
            trainings = [_read(TrainingRow, row) for row in value["trainings"]]
            return cls(value["environment"], value["device"], rows, trainings)
        except (AttributeError, KeyError, TypeError) as error:
            raise UserError(
                f"this is no benchmark's JSON ({error}); make one with `bench --json FILE`"
            ) from error


def _read(kind: type[R], values: Mapping[str, Any]) -> R:
    """Return a record of plain values, under the names of any version.

    Raises `TypeError`, naming the field, unless each field holds what it is declared to.
    """
    record = kind(**{RENAMED.get(name, name): value for name, value in values.items()})
    for f in fields(record):
        value, listed = getattr(record, f.name), get_origin(f.type) is list
        kinds, items = get_args(f.type) or (f.type,), value if listed else [value]
        if isinstance(value, list) is not listed or any(type(v) not in kinds for v in items):
            raise TypeError(f"{f.name} is {value!r}")
    return record


class Ratio(NamedTuple):
    """One variant's time over another's, with a confidence interval; a tie where that holds 1."""

    value: float
    low: float
    high: float

    @property
    def tie(self) -> bool:
        """Whether the two cannot be told apart."""
        return self.low <= 1 <= self.high

    @property
    def told(self) -> bool:
        """Whether there were rounds enough for an interval."""
        return self.low > -np.inf


def ratio(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """Return the median ratio of paired rounds, and the bootstrap's interval for it."""
    from scipy.stats import bootstrap

    pairs = np.divide(a, b)
    median = float(np.median(pairs))
    if len(pairs) < FEWEST:
        return Ratio(median, -np.inf, np.inf)
    if np.ptp(pairs) == 0:
        return Ratio(median, median, median)
    low, high = bootstrap(
        (pairs,),
        np.median,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Ratio(median, float(low), float(high))


class LowerBounds(NamedTuple):
    """What no variant of a setting can be faster than, in milliseconds.

    On CUDA also `launches`: as many kernels as there are products, and Adam's, with nothing to do.
    """

    products: float  # each by the faster library
    own: float | None  # by the library of the variant itself
    full: float | None  # the products, and Adam's traffic besides
    launches: float | None


def lower_bounds(results: Results, row: Row) -> LowerBounds | None:
    """Return the lower bounds of a row's setting, as measured on its device."""
    here = (r for r in results.rows if r.place == row.place and not r.cannot)
    times = {r.variant: r.median for r in here}
    names = {name: f"products-{name}" for name in ("numpy", "torch")}
    products = [times[name] for name in names.values() if name in times]
    if not products:
        return None
    own = times.get(names["torch" if row.variant.startswith("torch") else "numpy"])
    full = min(products) + TRAFFIC * times["in-place"] if "in-place" in times else None
    return LowerBounds(min(products), own, full, times.get("launches"))
