"""The faults of the page: the rows of a healthy step, and what each fault changes in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from compare.check.diagnosis import WHOLE
from compare.controls.demonstrations import ERRORS
from compare.report.page.findings import by_tensor, told
from compare.report.page.listing import Operation, operations
from compare.report.page.parts import Part
from compare.report.page.step import bar_length, layers_of, thumbnails


@dataclass(frozen=True)
class Line:
    """One tensor of the step, its name and, where that begins anew, its operation."""

    operation: Operation | None
    tensor: str


def lines(part: Part) -> Iterator[Line]:
    """Yield the table's lines, in the order of the step, and one for what is about no tensor."""
    for operation in operations(layers_of(part.header), part.header["batch"]):
        tensors = list(operation.tensors)
        if operation.kind == "Linear.backward" and not any(
            name.startswith("dact/") for name in tensors
        ):
            tensors.insert(0, "dact/input")  # no training needs it, but the check asks for it
        for i, name in enumerate(tensors):
            yield Line(None if i else operation, name)
    yield Line(None, WHOLE)


def menu(part: Part) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return the faults by number and name, grouped by the function that each is in."""
    numbered = enumerate(part.header["exhibits"])
    return [
        (operation, [(number, found["name"]) for number, found in group])
        for operation, group in groupby(numbered, key=lambda item: str(item[1]["operation"]))
    ]


def faults_data(part: Part | None) -> list[dict[str, Any]] | None:
    """Return each fault's sentence, change, pictures and, by tensor, bar and marks."""
    if part is None:
        return None
    return [_shown(part, number, found) for number, found in enumerate(part.header["exhibits"])]


def _shown(part: Part, number: int, found: Mapping[str, Any]) -> dict[str, Any]:
    marked = by_tensor((finding["tensor"], finding) for finding in found["findings"])
    tensors = {}
    for name, marks in marked.items():
        errors = [mark for mark in marks if mark.stage in ERRORS]
        tensors[name] = {
            "bar": bar_length(errors[0].ratio) if errors else None,
            "said": told(errors[0].verdict, errors[0].ratio) if errors else "",
            "failed": [str(mark) for mark in marks if not mark.held],
        }
    labels = [
        key.split("/")[0]
        for key in part.arrays
        if key.endswith(f"/{number}") and not key.startswith("apart/")
    ]
    return {
        "what": found["what"],
        "sentence": found["sentence"],
        "first": found["first"],
        "shown": found["picture"],
        "pictures": thumbnails(found["first"], part, str(number), sorted(labels)),
        "tensors": tensors,
    }
