"""Arrays as small PNG pictures, one pixel an entry; the browser makes them larger."""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHADES = 96  # of a picture's values: few enough for small files, too many for the eye to count
FARTHEST = 10  # decades below the largest entry at which the scale of differences begins
# Colours the colour-blind tell apart.
NEGATIVE, ZERO, POSITIVE = (118, 42, 131), (247, 247, 247), (27, 120, 55)
# Of differences: exactly none, small, large.
NONE, LITTLE, MUCH = (24, 24, 38), (120, 50, 110), (255, 214, 110)


def gray(image: NDArray[np.floating]) -> str:
    """Return an image in [0, 1], black to white, as a data URI."""
    return png(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8))


def signed(values: NDArray[np.floating], largest: float) -> str:
    """Return values from −largest (purple) over zero (white) to largest (green) as a data URI."""
    share = np.clip(values / (largest or 1.0), -1, 1)
    return _shaded((share + 1) / 2, (NEGATIVE, ZERO, POSITIVE))


def apart(differences: NDArray[np.floating], largest: float) -> str:
    """Return absolute differences as a data URI, by logarithm, down to 10⁻¹⁰ of the largest."""
    with np.errstate(divide="ignore"):
        decades = np.log10(differences / (largest or 1.0))
    share = np.clip(1 + decades / FARTHEST, 0, 1)
    return _shaded(share, (NONE, LITTLE, MUCH))


def png(pixels: NDArray[np.uint8]) -> str:
    """Return gray (height, width) or RGB (height, width, 3) bytes as a PNG in a data URI."""
    return uri(Image.fromarray(pixels))


def uri(image: Image.Image) -> str:
    """Return an image as a data URI."""
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _shaded(share: NDArray[np.floating], colours: tuple[tuple[int, int, int], ...]) -> str:
    """Colour shares of the way, in [0, 1], from the first colour to the last."""
    stops = np.linspace(0, 1, len(colours))
    steps = np.linspace(0, 1, SHADES)
    palette = np.stack(
        [np.interp(steps, stops, channel) for channel in zip(*colours, strict=True)], axis=1
    )
    image = Image.fromarray(np.rint(np.nan_to_num(share) * (SHADES - 1)).astype(np.uint8), "P")
    image.putpalette(np.rint(palette).astype(np.uint8).ravel().tolist())
    return uri(image)
