"""The page is one file, makes no requests, tells what a run lacks, and trusts no name."""

import re
import shutil
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import pytest

from compare import machine
from compare.controls.faults import FAULTS
from compare.files import read_json, write_json
from compare.report.page.page import as_json, write
from compare.training.runs import DEMONSTRATIONS, LATENT_MAP, STEP, TIMELINE, Run
from tests.report.page.conftest import INJECTED
from tests.running import exit_code

SECTIONS = ["verdict", "step", "derivation", "faults", "time", "pixels", "latent"]
LARGEST = 8_000_000  # bytes
ADDRESSES = {"href", "src", "srcset", "data", "action", "poster"}


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))


def test_the_page_has_its_seven_parts_in_their_order_and_a_link_to_each(page: Path) -> None:
    elements = Reader(page).elements
    assert [of["id"] for tag, of in elements if tag == "section"] == SECTIONS
    links = [of["href"] for tag, of in elements if tag == "a"]
    assert [link for link in dict.fromkeys(links) if link and link[1:] in SECTIONS] == [
        f"#{name}" for name in SECTIONS
    ]
    ids = [of["id"] for _, of in elements if "id" in of]
    assert len(set(ids)) == len(ids)
    assert {link[1:] for link in links if link} <= set(ids)


def test_the_page_asks_nothing_of_any_network(page: Path) -> None:
    for tag, attributes in Reader(page).elements:
        for name in attributes.keys() & ADDRESSES:
            assert (attributes[name] or "").startswith(("#", "data:image/png;base64,")), (tag, name)
        assert tag not in ("link", "iframe", "object", "form", "base")
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|\bimport\s*\(", text)
    assert "default-src 'none'" in text


def test_every_picture_has_a_text_alternative_and_a_size(page: Path) -> None:
    for tag, attributes in Reader(page).elements:
        assert tag != "img" or all(attributes[name] for name in ("alt", "width", "height"))


def test_a_page_of_the_whole_network_is_small_enough(page: Path) -> None:
    assert page.stat().st_size < LARGEST


def test_the_same_run_gives_the_same_bytes(run: Run, page: Path, tmp_path: Path) -> None:
    write(run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_a_run_named_like_a_script_is_text(run: Run, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert run.folder.name not in text
    assert "&lt;script&gt;alert(1)&lt;" in text


def test_json_in_the_page_ends_no_element_and_holds_no_nan() -> None:
    assert as_json({"name": "</script><!--"}) == '{"name":"\\u003c/script>\\u003c!--"}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(float("nan"))


def test_the_page_names_the_version_that_made_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count(f"made by {machine.project()}</p>") == 1
    assert machine.project() == f"ae-mirror {version('ae-mirror')}"


def test_the_page_says_how_many_of_all_faults_it_shows(page: Path) -> None:
    shown, of = len(INJECTED), sum(fault.model == "autoencoder" for fault in FAULTS)
    assert f"among {shown} of the {of} faults in this network" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (f"page/{STEP}", "no observed step"),
        (f"page/{LATENT_MAP}", "no latents of test images"),
        (f"page/{TIMELINE}", "no record of its training from inside"),
        (f"page/{DEMONSTRATIONS}", "no injected faults"),
        ("check.json", "no check"),
        ("quality.json", "no table of quality"),
        ("figures", "no pictures"),
        ("torch.safetensors", "checkpoints are gone"),
    ],
)
def test_a_part_that_a_run_lacks_is_told_in_one_line(
    run: Run, tmp_path: Path, lost: str, said: str
) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "older"))
    shutil.rmtree(folder / lost) if (folder / lost).is_dir() else (folder / lost).unlink()
    write(Run.open(folder), tmp_path / "page.html")
    missing = re.findall(
        r'<p class="missing">(.+)</p>', (tmp_path / "page.html").read_text(encoding="utf-8")
    )
    assert 1 <= len(missing) <= 2  # codes are shown in one part and inspected in another
    assert said in missing[-1]


def test_what_is_drawn_has_its_table_and_its_caveat_but_in_runs_before_it_was_judged(
    run: Run, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "older"))
    write(run, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Decoded random latents, beside real images</caption>" in page
    assert '<p class="note">No single number tells' in page
    quality = read_json(folder / "quality.json")
    del quality["classifier"]
    write_json(folder / "quality.json", quality)
    write(Run.open(folder), tmp_path / "older.html")
    page = (tmp_path / "older.html").read_text(encoding="utf-8")
    assert "Error per pixel" in page and "No single number tells" not in page


def test_report_writes_beside_the_run_or_where_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "report.html").unlink()
    assert exit_code(monkeypatch, "report", folder) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    assert exit_code(monkeypatch, "report", folder, "--out", folder / "other.html") == 0
    assert (folder / "other.html").read_bytes() == (folder / "report.html").read_bytes()


def test_report_opens_what_it_wrote(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    assert exit_code(monkeypatch, "report", folder, "--open") == 0
    assert opened == [str(folder / "report.html")]


def test_a_part_that_is_no_part_ends_in_2_with_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "page" / STEP).write_bytes(b"no safetensors")
    assert exit_code(monkeypatch, "report", folder) == 2
    assert re.fullmatch(r"error: cannot read [^\n]+\n", capsys.readouterr().err)
