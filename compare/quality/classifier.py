"""A small classifier, trained on a data set's own images, to judge what a decoder draws.

It is of torch's parts, whatever it judges, and torch is imported late: where that is absent, what
the classifier would say is left out. Trained once for a data set, it is kept in the user's cache,
`~/.cache/ae-mirror` or that of XDG_CACHE_HOME; a file there that is not whole is made anew.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from compare.data.batches import to_float
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.files import read_arrays, write_arrays
from compare.quality.codecs import Array
from compare.sides.subject import torch_is_needed

if TYPE_CHECKING:
    import torch

STEPS, BATCH, SEED = 1500, 128, 0  # three epochs of MNIST
FEATURES = 64  # the widest layer's before the classes: what images are compared in
CHUNK = 1000  # images judged at one time
RECIPE = f"1 {STEPS} {BATCH} {SEED}"  # the first is raised with what else changes the weights


class Seen(NamedTuple):
    """What the classifier makes of images."""

    features: Array  # (n, FEATURES), of its last hidden layer
    probabilities: Array  # (n, classes)


class Classifier:
    """Two convolutions and two linear layers, for images (n, height · width) in [0, 1]."""

    def __init__(self, dataset: Dataset) -> None:
        self._shape = dataset.train_images.shape[1:]
        self._net = network(self._shape, len(dataset.class_names))
        path = place(dataset)
        if path is None or not self._load(path):
            self._train(dataset)
            if path is not None:
                with suppress(UserError):  # a full disk, or a home that may not be written in
                    write_arrays(path, self._state())

    def __call__(self, images: Array) -> Seen:
        """Return what it makes of images (n, pixels)."""
        import torch

        with torch.no_grad():
            features = [self._net[:-1](x) for x in self._inputs(images)]
            probabilities = [self._net[-1](of).softmax(1) for of in features]
        return Seen(torch.cat(features).numpy(), torch.cat(probabilities).numpy())

    def _inputs(self, images: Array) -> Iterator["torch.Tensor"]:
        import torch

        x = torch.from_numpy(np.ascontiguousarray(images, np.float32))
        yield from x.reshape(-1, 1, *self._shape).split(CHUNK)  # type: ignore[no-untyped-call]

    def _train(self, dataset: Dataset) -> None:
        import torch

        images = torch.from_numpy(to_float(dataset.train_images)).reshape(-1, 1, *self._shape)
        labels = torch.from_numpy(dataset.train_labels.astype(np.int64))
        optimizer = torch.optim.Adam(self._net.parameters())
        rng = torch.Generator().manual_seed(SEED)
        epochs = (
            torch.randperm(len(images), generator=rng).split(BATCH)  # type: ignore[no-untyped-call]
            for _ in count()
        )
        for rows in islice(chain.from_iterable(epochs), STEPS):
            loss = torch.nn.functional.cross_entropy(self._net(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def _state(self) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self._net.state_dict().items()}

    def _load(self, path: Path) -> bool:
        """Take over a file's weights; return whether it has them, whole and finite."""
        import torch

        try:
            arrays, _ = read_arrays(path)
        except UserError:  # absent, or not as it was written
            return False
        form = {name: (of.shape, of.dtype) for name, of in self._state().items()}
        if {name: (of.shape, of.dtype) for name, of in arrays.items()} != form:
            return False
        if not all(np.isfinite(of).all() for of in arrays.values()):
            return False
        self._net.load_state_dict({name: torch.from_numpy(of) for name, of in arrays.items()})
        return True


def available() -> bool:
    """Return whether there is a torch to make a classifier of."""
    with suppress(UserError), torch_is_needed():
        import torch  # noqa: F401

        return True
    return False


def network(shape: tuple[int, ...], classes: int) -> "torch.nn.Sequential":
    """Return the network at its start, which is the same each time, for images (height, width)."""
    import torch
    from torch.nn import Conv2d, Flatten, Linear, ReLU, Sequential

    from compare.sides import first_calls  # noqa: F401 - before torch computes

    height, width = (-(-side // 4) for side in shape)  # two strides of 2, rounded up
    with torch.random.fork_rng(devices=[]):  # the weights are drawn from torch's global stream
        torch.manual_seed(SEED)
        return Sequential(
            *(Conv2d(1, 16, 5, stride=2, padding=2), ReLU()),
            *(Conv2d(16, 32, 5, stride=2, padding=2), ReLU()),
            *(Flatten(), Linear(32 * height * width, FEATURES), ReLU()),
            Linear(FEATURES, classes),
        )


def place(dataset: Dataset) -> Path | None:
    """Return where the classifier of a data set is kept: by its images and labels, not its name."""
    digest = hashlib.sha256(RECIPE.encode())
    digest.update(np.ascontiguousarray(dataset.train_images).data)
    digest.update(np.ascontiguousarray(dataset.train_labels).data)
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # there is no home
        return None
    return cache / "ae-mirror" / f"classifier-{digest.hexdigest()[:16]}.safetensors"
