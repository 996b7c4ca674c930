"""README and docs/your-code.md show what there is: blocks run as pasted, links lead on."""

import code
import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT, environ, here

PAGES = ("README.md", "docs/your-code.md")
DOCUMENTS = (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
TWO_SCREENS = 140  # lines


def text_of(page: str) -> str:
    """Return a document's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return a document's blocks of code in one language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    return [text for of, text in found if of == language]


def promised(block: str) -> list[str]:
    """Return what the comments below each `print` say that it prints."""
    told = re.findall(r"^print\(.*\n((?:# .*\n)+)", block, re.MULTILINE)
    return [" ".join(line.removeprefix("# ") for line in said.splitlines()) for said in told]


def but_digits(line: str) -> str:
    """Leave out of how many times rounding something is the digits, which are the machine's."""
    return re.sub(r"\d(\.\d+)?(?=e\+)", "", line)


def shell() -> Iterator[tuple[str, str]]:
    """Yield each line of a shell block with its page."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            yield from ((page, line) for line in block.splitlines())


@pytest.mark.parametrize(
    ("page", "number"), [(page, i) for page in PAGES for i in range(len(blocks(page, "python")))]
)
def test_a_block_runs_as_pasted_and_prints_what_it_says(page: str, number: int) -> None:
    block = blocks(page, "python")[number]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(block, {"__name__": "__main__"})
    lines = [but_digits(line) for line in printed.getvalue().splitlines()]
    assert lines == [but_digits(line) for line in promised(block)]


def test_readmes_block_can_be_pasted_into_a_prompt_line_by_line() -> None:
    (block,) = blocks("README.md", "python")
    prompt = code.InteractiveConsole({"__name__": "__main__"})
    with (
        contextlib.redirect_stdout(io.StringIO()) as printed,
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        for line in [*block.splitlines(), ""]:
            prompt.push(line)
    assert (errors.getvalue(), len(printed.getvalue().splitlines())) == ("", 4)


def test_every_target_that_is_named_is_in_the_makefile() -> None:
    targets = [line.split()[1] for _, line in shell() if line.startswith("make ")]
    assert {"run", "learn", "bench"} <= set(targets)
    assert [t for t in targets if f"\n{t}:" not in text_of("Makefile")] == []


def commands() -> list[tuple[str, str]]:
    """Return the shell's other lines, each with how it ends by what the page says."""
    ends = {"examples.own_function:check": "it is as if each entry of y depended"}
    lines = [line for _, line in shell() if not line.startswith("make ")]
    return [(line, ends.get(line.split()[-1], "agrees with its reference")) for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize(("line", "said"), commands())
def test_a_line_for_the_shell_ends_as_the_page_says(line: str, said: str) -> None:
    python, *arguments = shlex.split(line)
    assert (python, *arguments[:2]) == (".venv/bin/python", "-m", "compare")
    ended = here(*arguments[2:], cwd=ROOT)
    assert said in " ".join(ended.out.split())
    assert ended.code == (0 if "agrees" in said else 1)


def test_the_training_that_it_names_learns_from_numpy_alone() -> None:
    assert ".venv/bin/python -m examples.train" in text_of("README.md")
    loaded = (
        "import runpy, sys; runpy.run_module('examples.train', run_name='__main__'); "
        "print(*sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", loaded],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env=environ(),
    )
    losses = [float(loss) for loss in re.findall(r"loss per image +([\d.]+)", ended.stdout)]
    assert len(losses) == 30
    assert losses[-1] < losses[0] / 3
    assert len(re.findall(r"^noisy +denoised +clean$", ended.stdout, re.MULTILINE)) == 5
    assert not {"torch", "compare"} & {
        name.split(".")[0] for name in ended.stdout.splitlines()[-1].split()
    }


def test_the_backward_that_is_shown_is_the_files_own() -> None:
    (shown,) = blocks("docs/how-it-checks.md", "python")
    assert shown in text_of("numpy_ae/layers.py")


def test_readme_takes_two_screens_at_most() -> None:
    assert len(text_of("README.md").splitlines()) <= TWO_SCREENS


def anchors(document: Path) -> set[str]:
    """Return the anchors that a code host gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading) for heading in headings)
    return {one.lower().replace(" ", "-") for one in words}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    nowhere = []
    for link in re.findall(r"\]\(([^):\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            nowhere.append(link)
    assert nowhere == []


def test_every_document_is_linked_to() -> None:
    linked = set()
    for document in DOCUMENTS:
        links = re.findall(r"\]\(([^)#:\s]+)", document.read_text(encoding="utf-8"))
        linked |= {(document.parent / link).resolve() for link in links}
    assert [d.name for d in DOCUMENTS[1:] if d.resolve() not in linked] == []
