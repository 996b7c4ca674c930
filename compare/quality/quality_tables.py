"""The measurements as a person reads them: the same rows for the terminal and for a document."""

from collections.abc import Mapping

from compare.quality.codec import Error
from compare.quality.neighbours import Classes
from compare.quality.questions import Quality
from compare.tables import Table


def tables(quality: Quality) -> list[Table]:
    """Return one table or two to a question, with measured numbers to three significant digits."""
    return [
        Table(
            "Error per pixel on the test images (the Wiener filter is a full matrix: it has no bottleneck)",
            ("", "denoised: MSE", "denoised: PSNR, dB", "clean in: MSE", "clean in: PSNR, dB"),
            [
                (name, *_error(of["denoised"]), *_error(of["clean"]))
                for name, of in quality["pixels"].items()
            ],
        ),
        Table(
            "Neighbours in the latent space",
            ("", "5-NN accuracy, clean", "5-NN accuracy, noisy", "trustworthiness"),
            [
                (
                    name,
                    *map(
                        _number, (of["clean_accuracy"], of["noisy_accuracy"], of["trustworthiness"])
                    ),
                )
                for name, of in quality["neighbours"].items()
            ],
        ),
        _nearest(quality["classes"]),
        _by_codec(
            "Mean distance between the centroids of two classes, in within-class spreads",
            "classes",
            {name: of["mean_distance"] for name, of in quality["classes"].items()},
        ),
        _by_codec(
            "Distance to the nearest training image, RMS per pixel (median)",
            "images",
            {
                name: {kind: of["rms"] for kind, of in kinds.items()}
                for name, kinds in quality["samples"].items()
            },
        ),
        _by_codec(
            "The same as a share of the image's own RMS (beyond 1, plain black would be nearer)",
            "images",
            {
                name: {kind: of["relative"] for kind, of in kinds.items()}
                for name, kinds in quality["samples"].items()
            },
        ),
        Table(
            "Compression of the clean test images",
            ("", "stored as", "bytes per image", "MSE", "PSNR, dB"),
            [
                (name, form, _number(of["bytes_per_image"]), *_error(of["error"]))
                for name, forms in quality["compression"].items()
                for form, of in forms.items()
            ],
        ),
        _by_codec(
            "Anomaly detection: area under the ROC curve", "strange images", quality["anomalies"]
        ),
    ]


def _number(x: float | int | None) -> str:
    if x is None:
        return "–"
    return f"{x:#.3g}".removesuffix(".") if isinstance(x, float) else str(x)


def _error(of: Error | None) -> tuple[str, str]:
    return (_number(of["mse"]), _number(of["psnr"])) if of else ("–", "–")


def _nearest(classes: Mapping[str, Classes]) -> Table:
    """Show, in a row to each class, which other one lies nearest and how far away."""
    rows = []
    names = list(next(iter(classes.values()))["nearest"])
    for c, name in enumerate(names):
        nearest = [(of["nearest"][name], of["distances"][c]) for of in classes.values()]
        rows.append(
            (name, *(f"{near} at {_number(row[names.index(near)])}" for near, row in nearest))
        )
    return Table(
        "Nearest other class, and its distance in within-class spreads", ("class", *classes), rows
    )


def _by_codec(title: str, corner: str, values: Mapping[str, Mapping[str, float]]) -> Table:
    """Turn {codec: {row: value}} into a table with a column to each codec."""
    rows = [
        (row, *(_number(of[row]) for of in values.values())) for row in next(iter(values.values()))
    ]
    return Table(title, (corner, *values), rows)
