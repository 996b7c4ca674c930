"""The atlas keeps, of the same test images, what the page has to show together."""

import numpy as np
import pytest

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.latent_map import latent_map
from compare.sides.subject import LABELS, make_side

ROUNDING = 1e-5  # of float32, where BLAS sums few images in another order than many


@pytest.mark.parametrize("method", ["UMAP", "PCA", "latent"])
def test_codes_places_and_images_are_of_the_same_rows(
    config: Config, dataset: Dataset, method: str
) -> None:
    sides = {label: make_side(name, config) for name, label in LABELS.items()}
    test = noisy_test_images(config, dataset.test_images)
    places = {label: np.arange(80.0, dtype=np.float32).reshape(40, 2) for label in sides}
    kept = latent_map(config, dataset, sides, places, method)
    np.testing.assert_array_equal(kept["images"], dataset.test_images)
    np.testing.assert_array_equal(kept["labels"], dataset.test_labels)
    np.testing.assert_array_equal(kept["noisy"], test.noisy[:24])
    for label, side in sides.items():
        np.testing.assert_allclose(kept[f"codes/{label}"], side.encode(test.clean), atol=ROUNDING)
        np.testing.assert_allclose(
            kept[f"denoised/{label}"], side.reconstruct(test.noisy)[:24], atol=ROUNDING
        )
        np.testing.assert_array_equal(kept[f"{method}/{label}"], places[label])
        assert (f"PCA/{label}" in kept) == (method != "latent")
