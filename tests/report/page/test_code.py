"""The lines that the page shows are those of the source, with their variables marked."""

from pathlib import Path

import pytest

from compare.data.batches import uniform_batches
from compare.data.config import Config
from compare.report.page import code
from compare.report.page.listing import Operation, operations
from compare.report.page.rules import RULES
from compare.sides.numpy_side import NumpySide
from compare.sides.numpy_vae import NumpyVae

ROOT = Path(__file__).parents[3]
LAYERS = NumpySide(Config(hidden_dim=8, latent_dim=3)).describe().layers
ROWS = {of.key: of for of in operations(LAYERS, 5)}
NAMES = [layer.name for layer in LAYERS]


def shown(key: str, side: str) -> list[str]:
    """Return all lines of a row on a side, without their indent."""
    return [line.strip() for passage in getattr(ROWS[key], side) for line in passage.lines]


def test_the_rows_are_the_forward_and_its_backward_mirrored_beneath() -> None:
    forward = [f"{name}.forward" for name in (*NAMES, "loss")]
    backward = [f"{name}.backward" for name in ("loss", *reversed(NAMES))]
    assert list(ROWS) == ["data", *forward, *backward, "adam"]


def test_a_variational_ones_rows_are_all_that_a_step_of_it_computes() -> None:
    config = Config(model="vae", hidden_dim=8, latent_dim=3, batch_size=4)
    side = NumpyVae(config, 6)
    (batch,) = uniform_batches(config, (6, 6), 1)
    rows = list(operations(side.layers, 4))
    shown = {tensor for row in rows for tensor in row.tensors} - {"dact/input", "dact/noise"}
    assert shown == side.observe(batch).keys() - {"adam.step"}
    for row in rows:
        assert row.numpy and row.rules
        for passage in (*row.numpy, *row.torch):
            lines = (ROOT / passage.file).read_text(encoding="utf-8").splitlines()
            assert passage.lines[0] == lines[passage.first - 1]


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.key)
def test_every_line_stands_in_the_file_at_the_number_that_is_told(row: Operation) -> None:
    for passage in (*row.numpy, *row.torch):
        lines = (ROOT / passage.file).read_text(encoding="utf-8").splitlines()
        assert (
            tuple(lines[passage.first - 1 : passage.first - 1 + len(passage.lines)])
            == passage.lines
        )
        assert passage.where.startswith(f"{passage.file}:{passage.first}")


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.key)
def test_every_row_has_rules_code_of_both_sides_and_a_shape_for_each_tensor_it_names(
    row: Operation,
) -> None:
    untold = {rule.result for rule in RULES if rule.operation == row.kind} - {
        rule.result for rule in row.rules
    }
    # Training needs no gradient of the images.
    assert untold == ({"dx"} if row.key == "fc1.backward" else set())
    assert row.rules and row.numpy and row.tensors
    assert bool(row.torch) == (row.key != "data")
    known = {symbol.name for symbol in row.symbols}
    marked = {
        name for p in (*row.numpy, *row.torch) for mark in p.marks for name in mark.symbol.split()
    }
    # Dy of the loss is no variable of PyTorch's nor of the call.
    assert known - marked <= {"dy", "normal", "value"}
    assert {rule.result for rule in row.rules} <= known


@pytest.mark.parametrize(
    ("key", "side", "line"),
    [
        ("fc1.forward", "numpy", "y = x @ self.weight.T"),
        ("fc1.forward", "torch", 'cache["fc1"] = self.fc1(cache["input"])'),
        ("fc3.forward", "numpy", 'cache["fc3"] = self.fc3.forward(z)'),
        ("relu3.backward", "numpy", 'd["fc3"] = self.relu3.backward(d["relu3"], cache["relu3"])'),
        ("fc3.backward", "numpy", "dbias = dy.sum(axis=0)"),
        ("fc3.backward", "torch", "value.backward()"),
        ("loss.backward", "numpy", "return 2 * (y - target)"),
        ("loss.forward", "torch", 'super().__init__(reduction="sum")'),
        ("adam", "numpy", "param -= change"),
        ("adam", "torch", "optimizer.step()"),
    ],
)
def test_a_row_shows_the_line_that_does_it(key: str, side: str, line: str) -> None:
    assert line in shown(key, side)


def test_a_mark_is_the_variable_and_nothing_else() -> None:
    marked: set[tuple[str, str]] = set()
    for passage in ROWS["fc3.backward"].numpy:
        for mark in passage.marks:
            marked.add(
                (mark.symbol, passage.lines[mark.line - passage.first][mark.start : mark.end])
            )
    assert {
        ("x", 'cache["fc2"]'),
        ("x", "x"),
        ("dweight", 'd["fc3.weight"]'),
        ("weight", "self.weight"),
    } <= marked


def test_a_passage_is_html_with_its_text_escaped_and_its_indent_gone() -> None:
    y, x = (
        f'<span data-symbol="{name}">cache[&#34;{of}&#34;]</span>'
        for name, of in (("y", "fc1"), ("x", "input"))
    )
    assert ROWS["fc1.forward"].numpy[0].html() == f"{y} = self.fc1.forward({x})"


def test_a_name_that_the_source_no_longer_has_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"has no function Linear\.sideways"):
        code.body("numpy_ae/layers.py", "Linear.sideways", {})
    with pytest.raises(LookupError, match=r"does not call self\.fc5"):
        code.call("numpy_ae/model.py", "Autoencoder.encode", "self.fc5", ())
    with pytest.raises(LookupError, match="has no Tanh"):
        code.header("torch_ae/layers.py", "Tanh")
