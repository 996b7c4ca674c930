"""The rules of the house, read off the source."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MIRRORED = ("layers", "loss", "model", "optim", "train", "vae")
# An adapter, a type, a comparison of signatures, the engine of the doors, variants, the child that
# downloads.
SEE_TORCH = {
    *(
        f"compare/sides/{name}.py"
        for name in ("first_calls", "torch_modules", "torch_network", "torch_side", "torch_vae")
    ),
    *(f"compare/check/{name}.py" for name in ("layer", "network_in_torch", "surface")),
    *(f"compare/check/{name}.py" for name in ("optimizer_runs", "other_optimizers")),
    *(f"compare/check/{name}.py" for name in ("recording", "reference", "replay")),
    *(f"compare/check/candidates/{n}.py" for n in ("contributions", "rewritten", "substitutes")),
    *(f"compare/bench/{name}.py" for name in ("torch_variants", "graphs", "article")),
    "compare/data/download.py",
    "compare/quality/classifier.py",
    "compare/training/workers.py",
}
FORBIDDEN = {"print", "open", "errstate", "seterr", "manual_seed", "set_default_dtype"}
UNPICKLERS = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "pandas",
    "yaml",
}
RUNNERS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "importlib.import_module",
    "runpy.run_path",
    "runpy.run_module",
}
# The text of our own functions with a fault injected; an exercise as somebody has written it; the
# module that --side names.
RUN_TEXT = {
    "compare/controls/injection.py": {"exec", "compile"},
    "compare/learn/misfits.py": {"eval"},
    "compare/learn/work.py": {"exec", "compile"},
    "compare/sides/user.py": {"importlib.import_module"},
}
NOT_ON_THE_WAY = {
    "abs",
    "absolute",
    "fabs",
    "vdot",
    "norm",
    "float",
    "dtype",
    "astype",
    "float32",
    "float64",
}

networks = pytest.mark.parametrize("package", ["numpy_ae", "torch_ae"])


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def files(package: str) -> list[Path]:
    """Return the source files of a package."""
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the top-level names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path} imports relatively"
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def attributes(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield every `value.attr` below a node."""
    return (child for child in ast.walk(node) if isinstance(child, ast.Attribute))


def words(node: ast.AST) -> set[str]:
    """Return every name and attribute below a node."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in attributes(node)
    }


def public(body: list[ast.stmt]) -> list[str]:
    """Return the public classes and functions that statements define, in order."""
    return [
        n.name
        for n in body
        if isinstance(n, ast.ClassDef | ast.FunctionDef) and not n.name.startswith("_")
    ]


def classes(path: Path) -> dict[str, list[str]]:
    """Return the public methods of every class of a file, in order."""
    found = [node for node in tree(path).body if isinstance(node, ast.ClassDef)]
    return {node.name: public(node.body) for node in found}


def names(path: Path) -> list[str]:
    """Return what a file offers, in order: its `__all__`, or its public classes and functions."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return public(tree(path).body)


@pytest.mark.parametrize(("package", "library"), [("numpy_ae", "numpy"), ("torch_ae", "torch")])
def test_a_network_imports_its_library_the_standard_library_and_itself(
    package: str, library: str
) -> None:
    for path in files(package):
        assert imports(path) <= {package, library} | sys.stdlib_module_names, path


def test_few_files_of_compare_see_torch() -> None:
    see = {"torch", "torchvision", "torch_ae"}
    assert {
        path.relative_to(ROOT).as_posix() for path in files("compare") if imports(path) & see
    } <= SEE_TORCH


@networks
def test_below_compare_nothing_is_printed_opened_silenced_or_drawn_from_a_global_generator(
    package: str,
) -> None:
    for path in files(package):
        assert not imports(path) & {"os", "pathlib", "io", "warnings", "random", "logging"}, path
        assert not words(tree(path)) & FORBIDDEN, path
        from_numpy = {
            node.attr for node in attributes(tree(path)) if ast.unparse(node.value) == "np.random"
        }
        assert from_numpy <= {"Generator"}, path


def test_forward_and_backward_name_no_dtype_and_use_nothing_that_breaks_the_complex_step() -> None:
    passes = [
        node
        for path in files("numpy_ae")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and node.name in ("forward", "backward", "encode", "decode")
    ]
    assert len(passes) == 21
    for node in passes:
        assert not words(node) & NOT_ON_THE_WAY, node.name


@networks
def test_a_network_is_six_files(package: str) -> None:
    # What keeps the lesson fast and its errors clear.
    beside = {"support"} if package == "numpy_ae" else set()
    assert {path.stem for path in files(package)} == {"__init__", *MIRRORED, *beside}


@pytest.mark.parametrize("file", [f"{name}.py" for name in (*MIRRORED, "__init__")])
def test_the_two_files_of_a_name_offer_the_same_in_the_same_order(file: str) -> None:
    ours, theirs = (ROOT / package / file for package in ("numpy_ae", "torch_ae"))
    assert names(ours) == names(theirs)
    assert names(ours)
    our_classes, their_classes = classes(ours), classes(theirs)
    for name in our_classes.keys() & their_classes.keys():
        shared = set(our_classes[name]) & set(their_classes[name])
        assert [m for m in our_classes[name] if m in shared] == [
            m for m in their_classes[name] if m in shared
        ]


@pytest.mark.parametrize("package", ["numpy_ae", "torch_ae", "compare"])
def test_every_file_says_what_it_is_for(package: str) -> None:
    for path in files(package):
        assert not path.stat().st_size or ast.get_docstring(tree(path)), path


@pytest.mark.parametrize("package", ["numpy_ae", "torch_ae", "compare", "examples"])
def test_nothing_unpickles_and_no_text_is_run_but_what_is_to_be_judged(package: str) -> None:
    for path in files(package):
        # What our own child sends.
        unpickles = {path.relative_to(ROOT).as_posix()} & {"compare/sides/process.py"}
        assert unpickles or not imports(path) & UNPICKLERS, path
        calls = [
            ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)
        ]
        assert not {"np.load", "torch.load", "torch.jit.load", "torch.hub.load"} & set(calls), path
        run = {name.removeprefix("builtins.") for name in calls} & RUNNERS
        assert run == RUN_TEXT.get(path.relative_to(ROOT).as_posix(), set()), path
