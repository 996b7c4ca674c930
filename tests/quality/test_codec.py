"""What a codec is shown, and which images it is shown."""

import numpy as np
import pytest

from compare.data.batches import noisy_test_images, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality import codec as module
from compare.quality.codec import Array, look, spread_out


class Negative:
    """A codec whose latents are minus the images, and whose images are one minus the latents."""

    def encode(self, x: Array) -> Array:
        return -x

    def decode(self, z: Array) -> Array:
        return 1 - z

    def reconstruct(self, x: Array) -> Array:
        return 1 + x


def test_a_view_holds_what_the_codec_made_of_each(
    digits_config: Config, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 500)  # 1,200 images in three parts, the last one short
    test = noisy_test_images(digits_config, digits.test_images)
    view = look(Negative(), digits.train_images, test)
    wanted = (
        -to_float(digits.train_images),
        -test.clean,
        -test.noisy,
        1 + test.clean,
        1 + test.noisy,
    )
    for seen, want in zip(view, wanted, strict=True):
        assert np.array_equal(seen, want)


@pytest.mark.parametrize(("n", "most", "rows"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (1, 1, [0])])
def test_a_subset_is_spread_over_the_whole(n: int, most: int, rows: list[int]) -> None:
    assert spread_out(n, most).tolist() == rows
