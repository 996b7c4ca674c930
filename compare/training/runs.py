"""A run's folder: what lies in it, and how it is made and found again."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from compare import machine
from compare.data.config import Config
from compare.errors import Interrupted, UserError
from compare.files import made, read_json, refusals_told, remove_partials, require_own, write_json
from compare.sides.interface import AutoencoderSide
from compare.sides.subject import LABELS, make_side
from compare.training.checkpoint import Checkpoint, DriftRecord, EpochRecord, previous

CONFIG = "config.json"  # what a run's folder holds first
COPYING = "copying"  # in it, until they are there: where the run's first checkpoints come from
LOCK = ".ae-mirror.lock"
PAGE, FIGURES = "page", "figures"  # folders of a run
STEP, TIMELINE = "step.safetensors", "timeline.safetensors"  # what the page shows besides
LATENT_MAP, DEMONSTRATIONS = "atlas.safetensors", "exhibits.safetensors"  # as they were once called
NAMES = {PAGE, FIGURES, "history.json", "check.json", "quality.json", "quality.md", "report.html"}
WRITTEN = {".html", ".json", ".md", ".png", ".safetensors"}  # how the names of its files end
CHECKED = {"held", "sentence", "findings", "exactness", "free_runs"}  # what check.json says

# Words of JSON that a version before 0.4 wrote, and today's.
KEYS = {"tier": "stage", "undecided": "inconclusive", "twin": "perturbed"}
VERDICTS = {"off": "fail", "suspect": "borderline", "undecided": "inconclusive"}


def modern(value: Any) -> Any:
    """Return a JSON value, of whatever version of this project, in today's words."""
    if isinstance(value, list):
        return [modern(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {KEYS.get(key, key): modern(item) for key, item in value.items()}
    if isinstance(verdict := renamed.get("verdict"), str):
        renamed["verdict"] = VERDICTS.get(verdict, verdict)
    return renamed


def new_folder(kind: str) -> Path:
    """Return a name for a new folder under runs/, with date and time."""
    return Path("runs") / f"{datetime.now():%Y-%m-%d-%H%M%S}-{kind}"


@contextmanager
def claimed(folder: Path, first: str) -> Iterator[None]:
    """Keep every other process from training into a folder.

    The folder is made if need be, and removed again if it stays empty. Raises `UserError` where
    another process trains into it. The system frees the folder however the process ends. An
    interrupt becomes an `Interrupted` that says how to go on, once the file `first` is written.
    """
    lock = FileLock(folder / LOCK)
    with ExitStack() as stack:
        with refusals_told(folder):
            stack.enter_context(made(folder))
            require_own(folder, [LOCK])
            try:
                lock.acquire(blocking=False)
            except Timeout as error:
                raise UserError(
                    f"another process is at work in {folder}; "
                    "wait for its end, or choose another --out"
                ) from error
            stack.callback(lock.release)
            stack.callback((folder / LOCK).unlink, missing_ok=True)
            tidy(folder)
        try:
            yield
        except KeyboardInterrupt:
            how = "nothing had begun yet"
            if (folder / first).exists():
                how = f"go on with --resume {folder}"
            raise Interrupted(f"interrupted; {how}") from None


def _places(folder: Path) -> list[Path]:
    """Return a run's folder, its page's and its figures', where they are there."""
    return [place for place in (folder, folder / PAGE, folder / FIGURES) if place.is_dir()]


def tidy(folder: Path) -> None:
    """Remove the partial files that a killed process left in a run's folder."""
    for place in _places(folder):
        if not place.is_symlink():
            remove_partials(place)


def require_own_files(folder: Path) -> None:
    """Raise `UserError` where a file that a command would read or write is a link out of it."""
    require_own(folder, [PAGE, FIGURES])
    entries = [entry for place in _places(folder) for entry in sorted(place.iterdir())]
    own = [str(entry.relative_to(folder)) for entry in entries if entry.suffix in WRITTEN]
    require_own(folder, own)


@dataclass(frozen=True)
class Run:
    """One experiment on disk: config.json, and whatever the commands have added to it."""

    folder: Path
    config: Config

    @classmethod
    def plan(cls, config: Config, folder: Path | None) -> "Run":
        """Name a new run's folder, by default one under runs/.

        Raises `UserError` where a run, or a file that a run would write over, is in it already.
        """
        folder = folder or new_folder(config.data)
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file, not a folder; choose another --out")
        if (folder / CONFIG).exists():
            raise UserError(
                f"{folder} holds a run already; continue it with --resume, or choose another --out"
            )
        names = [path.name for path in (folder.iterdir() if folder.exists() else ())]
        if stray := sorted(
            name for name in names if name in NAMES or name.endswith(".safetensors")
        ):
            raise UserError(
                f"{folder} holds {stray[0]} and no config.json; choose another --out, or remove it"
            )
        return cls(folder, config)

    def sides(self) -> tuple[str, ...]:
        """Return whom the run has trained; nobody where it is new, or its config does not say.

        Raises `UserError` for a broken config.json.
        """
        path = self.folder / CONFIG
        names = read_json(path).get("sides") if path.exists() else None
        return tuple(name for name in LABELS if isinstance(names, list) and name in names)

    def environment(self) -> dict[str, Any]:
        """Return what the run began with. Raises `UserError` for a broken config.json."""
        found = read_json(self.folder / CONFIG).get("environment")
        return found if isinstance(found, dict) else {}

    def begin(
        self, sides: Iterable[str] = (), shards: int = 1, copying: Path | None = None
    ) -> "Run":
        """Make the folder and write the config, and whom the run trains and how; return the run.

        It comes after all that can fail: from here on there is something to resume. `copying` is
        the checkpoint file that the sides are still to be copied from.
        """
        names = {*sides, *self.sides()}
        value = {
            "config": self.config.to_dict(),
            "sides": [name for name in LABELS if name in names],
            "environment": {**machine.describe(), "shards": shards},
        }
        if copying:
            value[COPYING] = str(copying)
        write_json(self.folder / CONFIG, value)
        return self

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Find a run again. Raises `UserError` where there is none."""
        path = folder / CONFIG
        if not path.exists():
            raise UserError(
                f"there is no run in {folder} (no config.json); give the folder of an earlier run"
            )
        require_own_files(folder)
        value = read_json(path)
        if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
            raise UserError(f"{path} is not the config of a run; restore it or start a new run")
        return cls(folder, Config.from_dict(value["config"]))

    def history(self) -> dict[str, Any]:
        """Return what history.json holds, or an empty history where there is none yet.

        Raises `UserError` for another file.
        """
        path = self.folder / "history.json"
        history = read_json(path) if path.exists() else {"drift": []}
        try:
            for name in LABELS:
                [EpochRecord(**record) for record in history.get(name, [])]
            [DriftRecord(**record) for record in history["drift"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is not the history of a run ({error}); "
                "restore it, or delete it to go on without"
            ) from error
        return dict(history)

    def latest_history(self) -> dict[str, Any]:
        """Return `history`; of each side that has a checkpoint, the records in that.

        history.json waits until all sides have finished an epoch; after a kill it may lag behind.
        """
        paths = {name: path for name in LABELS if (path := self.checkpoint(name)).exists()}
        newer = {
            name: [asdict(record) for record in Checkpoint.load(path).history]
            for name, path in paths.items()
        }
        return {**self.history(), **newer}

    def check(self) -> dict[str, Any] | None:
        """Return what check.json holds, in today's words, or None where there is none yet.

        Raises `UserError` for another file.
        """
        path = self.folder / "check.json"
        if not path.exists():
            return None
        check = modern(read_json(path))
        if isinstance(check, dict) and check.keys() >= CHECKED:
            return check
        raise UserError(
            f"{path} is not the check of a run; restore it, or delete it to go on without"
        )

    def checkpoints(self) -> dict[str, Checkpoint]:
        """Return the checkpoints that are there, by side.

        Raises `UserError` for one that is not this run's, or is gone.
        """
        found, history = {}, self.history()
        for name in LABELS:
            path = self.checkpoint(name)
            if path.exists():
                found[name] = checkpoint = Checkpoint.load(path)
                if checkpoint.side != name:
                    raise UserError(
                        f"{path} is of the side {checkpoint.side}; "
                        "restore the file, or start a new run"
                    )
                if replace(checkpoint.config, epochs=self.config.epochs) != self.config:
                    raise UserError(
                        f"{path} is not of the config in config.json; "
                        "restore that, or start a new run"
                    )
            elif history.get(name) or previous(path).exists():
                raise UserError(
                    f"{path} is gone; put it back ({previous(path)} is the one before), "
                    "or start a new run"
                )
        return found

    def unfinished_copies(self) -> dict[str, Checkpoint]:
        """Return, by side, the checkpoint that a killed process was about to copy into the run.

        Raises `UserError` where it is no longer there, or is another.
        """
        file = read_json(self.folder / CONFIG).get(COPYING)
        if not isinstance(file, str):
            return {}
        start = Checkpoint.load(Path(file))
        if replace(start.config, epochs=self.config.epochs) != self.config:
            raise UserError(f"{file} is not of the config of {self.folder}; start a new run")
        return dict.fromkeys(self.sides(), start)

    def checkpoint(self, side: str) -> Path:
        """Return where a side's checkpoint lies, or will lie."""
        return self.folder / f"{side}.safetensors"

    def page(self, part: str) -> Path:
        """Return where a part of what the page shows lies, or will lie."""
        return self.folder / PAGE / part

    def trained_sides(self, *, device: str = "cpu") -> dict[str, AutoencoderSide]:
        """Return the sides that have a checkpoint, as it left them, by label."""
        sides: dict[str, AutoencoderSide] = {}
        for name, checkpoint in self.checkpoints().items():
            label = LABELS[name]
            sides[label] = make_side(name, checkpoint.config, device=device)
            sides[label].load(dict(checkpoint.state))
        if not sides:
            raise UserError(
                f"{self.folder} has no checkpoint yet; train first, with --resume {self.folder}"
            )
        return sides
