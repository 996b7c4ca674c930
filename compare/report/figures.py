"""All pictures of a run, drawn from what its commands have left."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from compare.data.datasets import Dataset
from compare.files import as_we_wrote_it
from compare.quality.samples import Samples
from compare.report import architecture, curves, images, latent, style
from compare.sides.interface import Layer
from compare.sides.subject import LABELS


def draw(
    folder: Path,
    dataset: Dataset,
    layers: Sequence[Layer],
    show: Samples,
    history: Mapping[str, Any],
    check: Mapping[str, Any] | None,
    dtype: str,
) -> Iterator[Path]:
    """Write each picture into the folder; yield its path.

    `history` and `check` are the JSON of a run that trained in `dtype`.
    """
    with as_we_wrote_it(f"history.json or check.json of {folder.parent}"):
        for name, figure in _figures(dataset, layers, show, history, check, dtype):
            path = folder / f"{name}.png"
            style.save(figure, path)
            yield path


def _figures(
    dataset: Dataset,
    layers: Sequence[Layer],
    show: Samples,
    history: Mapping[str, Any],
    check: Mapping[str, Any] | None,
    dtype: str,
) -> Iterator[tuple[str, Figure]]:
    train = (dataset.train_images, dataset.train_labels, dataset.class_names)
    yield "dataset", images.dataset(*train, dataset.origin)
    yield "network", architecture.network(layers)
    about = (dataset.class_names, show.method, show.mixed)
    yield "latent", latent.latent(show.latents, show.labels, *about)
    yield "reconstructions", images.reconstructions(show.original, show.reconstructed)
    yield "denoising", images.denoising(show.original, show.noisy, show.denoised)
    yield "random_samples", images.random_samples(show.real, show.drawn)
    records = {label: history[name] for name, label in LABELS.items() if history.get(name)}
    if records:
        losses = {label: [record["loss"] for record in epochs] for label, epochs in records.items()}
        errors = {
            label: [record["test_mse"] for record in epochs] for label, epochs in records.items()
        }
        yield "losses", curves.losses(losses, errors)
    drift = history["drift"]
    if check or drift:
        steps = {
            dtype: (run["steps"], run["parameters"], run["loss"])
            for dtype, run in (check or {}).get("free_runs", {}).items()
        }
        when, parameters, loss = (
            [entry[key] for entry in drift] for key in ("epoch", "parameters", "loss")
        )
        epochs = (when, parameters, loss) if drift else None
        yield "divergence", curves.divergence(steps, epochs, dtype)
