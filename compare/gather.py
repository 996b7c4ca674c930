"""What the page of a run shows beyond what its commands leave anyway: computed here, and kept in the run's folder."""

from compare.experiment.batches import steps_per_epoch
from compare.experiment.checkpoint import Checkpoint
from compare.experiment.data import Dataset
from compare.experiment.streams import Purpose, stream
from compare.files import write_arrays
from compare.parity.observed import observe_step, plain
from compare.parity.subject import our_own
from compare.runs import Run

STEP = "step.safetensors"


def gather(run: Run, dataset: Dataset, *, device: str) -> None:
    """Gather everything that a finished run's page shows."""
    gather_step(run, dataset, device=device)


def gather_step(run: Run, dataset: Dataset, *, device: str) -> None:
    """Observe the step that would come next, on both sides, from where the NumPy side stands."""
    checkpoint = Checkpoint.load(run.checkpoint("numpy"))
    number = len(checkpoint.history) * steps_per_epoch(run.config, len(dataset.train_images)) + 1
    subject = our_own(dataset.train_images, device=device, start=dict(checkpoint.state), step=number)
    tensors, pictures = observe_step(subject, run.config, stream(Purpose.CHECK, run.config.seed, 4))
    layers = subject.ours(run.config).describe().layers
    header = {"number": number, "layers": [list(layer) for layer in layers], "tensors": plain(tensors)}
    write_arrays(run.page(STEP), pictures, header)
