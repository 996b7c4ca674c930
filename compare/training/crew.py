"""Who trains: this process alone, or as the first of several workers, hired here or by torchrun."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

from compare import machine
from compare.data import datasets
from compare.data.batches import ahead, epoch_batches
from compare.data.config import Config
from compare.errors import UserError
from compare.sides.subject import make_side, torch_is_needed
from compare.training.shards import fit
from compare.training.training import Training

HIRED = "AE_MIRROR_WORKER"  # what a process that `_hired` has started is told, as JSON
SHARDS = 4  # of a batch that several workers share, so that 1, 2 and 4 of them come to the same
ORPHANED = 4.0  # seconds in which a worker whose parent is gone can say so
PARTING = 10.0  # seconds in which a worker ends that has nothing left to do


@dataclass(frozen=True)
class Crew:
    """How many workers, and which of them this process is.

    Raises `UserError` where there would be fewer shards than workers.
    """

    count: int = 1
    deadline: float = 60.0  # seconds that one may be silent
    shards: int | None = None  # of a batch; None leaves it to the run
    rank: int = 0
    by_torchrun: bool = False
    meeting: str = ""  # a file, of workers that are hired here
    parent: int = 0  # the process that has started this one
    advice: str = ""  # how to go on without a worker

    @property
    def here(self) -> int:
        """How many of them are on this machine."""
        return int(os.environ["LOCAL_WORLD_SIZE"]) if self.by_torchrun else self.count

    def threads(self, asked: int | None) -> int | None:
        """Return how many threads a worker has: as asked, or one where there are several."""
        return asked or (None if self.count == 1 else 1)

    def shards_of(self, earlier: int | None = None) -> int:
        """Return into how many shards a batch is cut: as asked, as `earlier`, or as is usual.

        Raises `UserError` where a worker would have none.
        """
        usual = 1 if self.count == 1 else max(SHARDS, self.count)
        shards = self.shards or earlier or usual
        if shards < self.count:
            few = f"{shards} shards are for {shards} workers at most"
            raise UserError(
                f"{few if shards > 1 else 'a whole batch is for one worker'}, not {self.count}; "
                f"choose --shards {max(SHARDS, self.count)} or fewer --workers"
            )
        return shards


ALONE = Crew()


def make_crew(workers: int | None, deadline: float, shards: int | None) -> Crew:
    """Return who trains, as options and the environment say.

    Raises `UserError` where torchrun has another number, or is to start workers anew by itself:
    such a worker would know nothing of the steps before.
    """
    if told := os.environ.get(HIRED):
        return Crew(**json.loads(told))
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Crew(workers or 1, deadline, shards)
    rank, count = (os.environ[name] for name in ("RANK", "WORLD_SIZE"))
    if workers not in (None, int(count)):
        raise UserError(f"torchrun has started {count} workers; leave out --workers")
    if os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        raise UserError("leave out torchrun's --max-restarts: a run goes on with --resume FOLDER")
    return Crew(int(count), deadline, shards, int(rank), by_torchrun=True, parent=os.getppid())


@contextmanager
def at_work(training: Training, crew: Crew, device: str, **source: Any) -> Iterator[None]:
    """Have the crew share the steps that a training takes meanwhile.

    `source` says where the other workers find the data set. Raises `UserError` where a worker is
    missing or fails.
    """
    if crew.count == 1:
        yield
        return
    if device == "mps":
        raise UserError("workers exchange no gradients of --device mps; leave out one of the two")
    with torch_is_needed():
        from compare.training.workers import Group
    crew = replace(crew, advice=f"go on with --resume {training.folder}")
    work = {
        "config": training.config.to_dict(),
        "begun": {
            name: [len(training.histories[name]), training.kept[name].part.steps]
            for name in training.sides
        },
        "shards": training.shards,
        "deadline": crew.deadline,
        "advice": crew.advice,
        "threads": machine.threads(),
        "images": crc32(training.dataset.train_images.tobytes()),
    }
    with (
        _hired(crew, device, **source) as (hired, children),
        Group(hired, device, children) as team,
    ):
        begun = _end_with_the_parent(hired) if crew.by_torchrun else threading.Event()
        team.hand_out(json.dumps(work))
        team.meet(crew.advice, crew.deadline)
        begun.set()
        for side in training.sides.values():
            team.share(side)
        training.team = team
        try:
            yield
        finally:
            training.team = None


def follow(crew: Crew, device: str, **source: Any) -> None:
    """Be one of the other workers: take the steps that the first one takes; write nothing.

    Raises `UserError` where a worker is missing and it falls to this one to say so.
    """
    begun = _end_with_the_parent(crew)
    with torch_is_needed():
        from compare.training.workers import Absent, Group, Released
    try:
        with Group(crew, device) as team, warnings.catch_warnings(action="ignore"):
            _take_part(team, json.loads(team.work()), begun, device, **source)
    except Absent:
        raise
    except (Released, KeyboardInterrupt, Exception):
        machine.end(2)  # the first worker says what there is to say


def _take_part(
    team: Any, work: Mapping[str, Any], begun: threading.Event, device: str, **source: Any
) -> None:
    config, threads = Config.from_dict(work["config"]), work["threads"]
    machine.set_threads(threads["blas"], threads["torch"])
    images = datasets.load(config.data, **source).train_images
    if crc32(images.tobytes()) != work["images"]:
        raise UserError("its training images are others; give every machine the same versions")
    sides = {name: make_side(name, config, device=device) for name in work["begun"]}
    team.meet(work["advice"], work["deadline"])
    begun.set()
    for side in sides.values():
        team.share(side)
    for epoch, (name, (done, steps)) in product(range(config.epochs), work["begun"].items()):
        if done <= epoch:
            start = steps if done == epoch else 0
            with closing(ahead(epoch_batches(config, images, epoch, start))) as batches:
                deque(fit(sides[name], batches, work["shards"], team), maxlen=0)


@contextmanager
def _hired(
    crew: Crew, device: str, data_root: Path, **_: Any
) -> Iterator[tuple[Crew, list[subprocess.Popen[bytes]]]]:
    """Start the other workers, unless torchrun has; none is left at the end."""
    if crew.by_torchrun:
        yield crew, []
        return
    command = [sys.executable, "-m", "compare", "train"]
    command += ["--device", device, "--data-root", str(data_root)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as children:
        crew = replace(crew, meeting=f"{folder}/store", parent=os.getpid())
        started = []
        for rank in range(1, crew.count):
            told = json.dumps(asdict(replace(crew, rank=rank)))
            environment = {**os.environ, HIRED: told}
            with machine.held_back():  # an interrupt is the first worker's
                started.append(subprocess.Popen(command, env=environment))
            children.callback(_end, started[-1])
        yield crew, started
        for child in started:
            with suppress(subprocess.TimeoutExpired):
                child.wait(PARTING)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


def _end_with_the_parent(crew: Crew) -> threading.Event:
    """Have the end of the process that has started this one end it, too, and one worker say so.

    Once the event is set, hired workers miss the first one by themselves, and have a while to.
    """
    begun = threading.Event()

    def wait() -> None:
        while os.getppid() == crew.parent:
            time.sleep(0.1)
        if begun.is_set() and not crew.by_torchrun:
            time.sleep(ORPHANED)
        elif crew.rank == (0 if crew.by_torchrun else 1):
            who = "torchrun" if crew.by_torchrun else f"worker 0 of {crew.count}"
            sys.stderr.write(f"error: {who} was killed or has crashed; {crew.advice}\n")
            sys.stderr.flush()
        os._exit(2)

    threading.Thread(target=wait, daemon=True).start()
    return begun
