"""Faults that people make in writing a network by hand: the check has to catch and to name each.

Those of the code are data, faults.toml and held_out.toml beside this file: by function and name,
what is changed in its source. Whoever judges a side never reads them.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from compare.controls.injection import Fault, wrong_code, wrong_data
from compare.data.batches import Batch


def _written(file: str) -> Iterator[Fault]:
    """Yield the faults of a file, whose texts are old, new, old, new, …."""
    content = Path(__file__).with_name(file).read_text(encoding="utf-8")
    for operation, named in tomllib.loads(content).items():
        for name, texts in named.items():
            yield wrong_code(name, operation, *zip(texts[::2], texts[1::2], strict=True))


def _other_noise(batch: Batch) -> Batch:
    noise = np.random.default_rng(0).standard_normal(batch.noisy.shape)
    noisy = np.clip(batch.clean + 0.3 * noise, 0, 1).astype(batch.noisy.dtype)
    return batch.but(input=noisy)


def _through_float16(batch: Batch) -> Batch:
    return batch.but(input=batch.noisy.astype(np.float16).astype(batch.noisy.dtype))


def _by_256(batch: Batch) -> Batch:
    return batch.each(lambda x: x * x.dtype.type(255 / 256))


def _in_plus_minus_1(batch: Batch) -> Batch:
    return batch.but(target=2 * batch.clean - 1)


def _reversed(batch: Batch) -> Batch:
    return batch.each(lambda x: x[::-1])


DATA = (
    wrong_data("noise differs between the sides", "the same images with other noise", _other_noise),
    wrong_data("divided by 256", "255 → 256", _by_256),
    wrong_data("target in ±1", "target → 2 target − 1", _in_plus_minus_1),
    wrong_data("order differs between the sides", "rows reversed", _reversed),
    wrong_data("input through float16", "noisy → float16 and back", _through_float16),
)
KNOWN = (*_written("faults.toml"), *DATA)
FAULTS = (*KNOWN, *_written("held_out.toml"))
