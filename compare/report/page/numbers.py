"""How the page writes numbers: in one notation, which is also that of the check's sentences."""

from math import floor


def number(value: float) -> str:
    """Return a number to two digits, a small or a large one as 2.3e-06."""
    if value == 0 or 0.001 <= abs(value) < 10000:
        return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:.1e}"


def share(ratio: float) -> str:
    """Return an error in units of what is allowed; what is below 1 is not written as 1."""
    written = number(ratio)
    return str(floor(1e4 * ratio) / 1e4) if ratio < 1 and written == "1" else written
