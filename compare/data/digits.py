"""The data set that needs no download: scikit-learn's digits, drawn to look like MNIST's.

Each of the 1,797 source digits is 8 × 8 with 17 grey levels. A cubic spline through them, seen on a
finer grid, makes a smooth 28 × 28 digit; seen through a slightly shifted, turned and scaled grid,
it makes another one.
"""

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import Purpose, stream

SEED = 0  # the data set is a constant: it does not depend on the seed of an experiment
TRAIN_COPIES, TEST_COPIES = 8, 5  # of every source digit, the unchanged one included
ORIGIN = f"scikit-learn's 8 × 8 digits, as narrow there, in {TRAIN_COPIES} versions each"
TEST_EVERY = 5  # one source digit in five is a test digit
SIZE = 28
SCALE = 2.5  # the sources fill 8 rows, MNIST's digits 20
MARGIN = 2  # empty source pixels around a digit: the spline fades out in them instead of being cut
BLACK, WHITE = 0.3, 0.7  # greys beyond are cut, for strokes as full and edges as steep as MNIST's
TURN, ZOOM, SHIFT = np.radians(12), 0.1, 1.5  # the largest changes: radians, a share, pixels

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def load() -> tuple[Images, Labels, Images, Labels]:
    """Return images (n, 28, 28) and labels (n,) to train on, then those to test on.

    They are the same on every call. No source digit has copies on both sides. On each side the
    unchanged digits come first.
    """
    from scipy.ndimage import spline_filter1d
    from sklearn.datasets import load_digits

    sources, labels = load_digits(return_X_y=True)
    labels = labels.astype(np.uint8)
    padded = np.pad(sources.reshape(-1, 8, 8) / 16, [(0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)])
    splines = spline_filter1d(spline_filter1d(padded, axis=1), axis=2)  # their coefficients
    rng = stream(Purpose.DIGITS, SEED)
    test = _choose_test(labels, rng)
    return (
        _draw(splines[~test], TRAIN_COPIES, rng),
        np.tile(labels[~test], TRAIN_COPIES),
        _draw(splines[test], TEST_COPIES, rng),
        np.tile(labels[test], TEST_COPIES),
    )


def _choose_test(labels: Labels, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark one source digit in `TEST_EVERY`, at random within each class."""
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return np.isin(np.arange(len(labels)), by_class[::TEST_EVERY])


def _draw(splines: NDArray[np.float64], copies: int, rng: np.random.Generator) -> Images:
    """Return (copies · n, 28, 28): every digit unchanged, then again and again with small changes.

    `splines` are coefficients (n, 8 + 2 · MARGIN, 8 + 2 · MARGIN).
    """
    from scipy.ndimage import affine_transform

    n = copies * len(splines)
    change = np.arange(n) >= len(splines)  # 0 leaves a digit unchanged
    angle = change * rng.uniform(-TURN, TURN, n)
    zoom = 1 + change * rng.uniform(-ZOOM, ZOOM, (2, n))  # of height and width
    shift = change * rng.uniform(-SHIFT, SHIFT, (2, n))

    # an output pixel p shows the source point centre + matrix · (p − centre − shift)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])  # (2, 2, n)
    matrix = np.moveaxis(turn / (SCALE * zoom[:, None]), -1, 0)  # (n, 2, 2)
    source_centre, centre = (splines.shape[1] - 1) / 2, (SIZE - 1) / 2
    offset = source_centre - np.einsum("nij,jn->ni", matrix, centre + shift)

    images = np.empty((n, SIZE, SIZE), dtype=np.uint8)
    for i, image in enumerate(images):
        spline = splines[i % len(splines)]
        grey = affine_transform(spline, matrix[i], offset[i], image.shape, prefilter=False)
        image[...] = np.rint(255 * np.clip((grey - BLACK) / (WHITE - BLACK), 0, 1))
    return images
