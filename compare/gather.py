"""What the page of a run shows beyond what its commands leave anyway: computed here, and kept in the run's folder."""

from safetensors import safe_open

from compare.experiment.atlas import atlas
from compare.experiment.batches import steps_per_epoch
from compare.experiment.checkpoint import Checkpoint
from compare.experiment.data import Dataset
from compare.experiment.streams import Purpose, stream
from compare.files import write_arrays
from compare.parity.observed import observe_step, plain
from compare.parity.subject import our_own
from compare.runs import Run

STEP, ATLAS = "step.safetensors", "atlas.safetensors"


def gather(run: Run, dataset: Dataset, *, device: str) -> None:
    """Gather everything that a finished run's page shows."""
    gather_step(run, dataset, device=device)
    gather_atlas(run, dataset, device=device)


def gather_step(run: Run, dataset: Dataset, *, device: str) -> None:
    """Observe the step that would come next, on both sides, from where the NumPy side stands."""
    checkpoint = Checkpoint.load(run.checkpoint("numpy"))
    number = len(checkpoint.history) * steps_per_epoch(run.config, len(dataset.train_images)) + 1
    subject = our_own(dataset.train_images, device=device, start=dict(checkpoint.state), step=number)
    tensors, pictures = observe_step(subject, run.config, stream(Purpose.CHECK, run.config.seed, 4))
    layers = subject.ours(run.config).describe().layers
    header = {"number": number, "layers": [list(layer) for layer in layers], "tensors": plain(tensors)}
    write_arrays(run.page(STEP), pictures, header)


def gather_atlas(run: Run, dataset: Dataset, *, device: str) -> None:
    """Keep codes, places and images for the page's scatter and its inspector; the places are those of the pictures."""
    with safe_open(run.folder / "latent.safetensors", framework="numpy") as file:
        method = file.metadata()["method"]
        places = {label: file.get_tensor(label) for label in file.keys()}  # noqa: SIM118 - it is no dict
    arrays = atlas(run.config, dataset, run.trained_sides(device=device), places, method)
    write_arrays(run.page(ATLAS), arrays, {"method": method, "class_names": list(dataset.class_names)})
