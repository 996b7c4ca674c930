"""What the page of a run shows beyond what its commands leave anyway: computed here, and kept in the run's folder."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from compare.experiment import data
from compare.experiment.atlas import atlas
from compare.experiment.batches import steps_per_epoch
from compare.experiment.checkpoint import Checkpoint
from compare.experiment.data import Dataset
from compare.experiment.streams import Purpose, stream
from compare.experiment.timeline import Timeline, record_first_steps
from compare.files import read_arrays, write_arrays
from compare.parity.controls import SMALL
from compare.parity.exhibits import exhibit
from compare.parity.faults import FAULTS
from compare.parity.observed import observe_step, plain
from compare.parity.outsiders import OUTSIDERS
from compare.parity.planting import Fault
from compare.parity.sides import LABELS, make_side
from compare.parity.subject import our_own
from compare.runs import Run

STEP, ATLAS, TIMELINE, EXHIBITS = (f"{part}.safetensors" for part in ("step", "atlas", "timeline", "exhibits"))


def gather(run: Run, dataset: Dataset, *, device: str, faults: bool = True) -> None:
    """Gather everything that a finished run's page shows; planting all mistakes takes the longest."""
    gather_step(run, dataset, device=device)
    gather_atlas(run, dataset, device=device)
    gather_first_steps(run, dataset, device=device)
    if faults:
        gather_faults(run, [fault for fault in FAULTS if fault not in OUTSIDERS])  # which repeat many of the others


def gather_step(run: Run, dataset: Dataset, *, device: str) -> None:
    """Observe the step that would come next, on both sides, from where the NumPy side stands."""
    checkpoint = Checkpoint.load(run.checkpoint("numpy"))
    per_epoch = steps_per_epoch(run.config, len(dataset.train_images))
    number = len(checkpoint.history) * per_epoch + checkpoint.part.steps + 1
    subject = our_own(dataset.train_images, device=device, start=dict(checkpoint.state), step=number)
    tensors, pictures = observe_step(subject, run.config, stream(Purpose.CHECK, run.config.seed, 6))
    layers = subject.ours(run.config).describe().layers
    header = {"number": number, "layers": [list(layer) for layer in layers], "tensors": plain(tensors)}
    write_arrays(run.page(STEP), pictures, header)


def gather_atlas(run: Run, dataset: Dataset, *, device: str) -> None:
    """Keep codes, places and images for the page's scatter and its inspector; the places are those of the pictures."""
    places, header = read_arrays(run.folder / "latent.safetensors")
    arrays = atlas(run.config, dataset, run.trained_sides(device=device), places, header["method"])
    write_arrays(run.page(ATLAS), arrays, {**header, "class_names": list(dataset.class_names)})


def gather_first_steps(run: Run, dataset: Dataset, *, device: str) -> None:
    """Take the run's first steps again, on each side, and add to its timeline what they look like from inside."""
    timeline = Timeline(run.page(TIMELINE), run.config, dataset)
    for name in LABELS:
        side = make_side(name, run.config, device=device)
        record_first_steps(timeline, side, run.config, dataset.train_images)
    timeline.save()


def gather_faults(run: Run, faults: Sequence[Fault]) -> None:
    """Keep what the check sees of each of some planted mistakes, on the bundled digits, and of none."""
    images = data.load("digits", Path()).train_images
    exhibits, arrays = [], {}
    for number, fault in enumerate((None, *faults)):
        found, looked = exhibit(fault, images)
        exhibits.append(asdict(found))
        if looked:
            for label, part in zip(LABELS.values(), (looked.ours, looked.reference), strict=True):
                arrays[f"{label}/{number}"] = part
            arrays[f"apart/{number}"] = np.abs(looked.ours - looked.reference)
    side = make_side("numpy", SMALL)
    layers = [list(layer) for layer in side.describe().layers]
    write_arrays(run.page(EXHIBITS), arrays, {"exhibits": exhibits, "layers": layers, "batch": SMALL.batch_size})
