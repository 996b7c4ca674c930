"""The page of a run: templates, style and scripts in one file that makes no requests."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from compare import machine
from compare.check.diagnosis import WHOLE
from compare.check.trajectory import PERTURBED
from compare.controls.controls import SMALL
from compare.files import as_we_wrote_it, write_text
from compare.report.page import derivation, fault_menu, step, time, verdict
from compare.report.page.decoder import decoder_data, map_data
from compare.report.page.math import formula
from compare.report.page.numbers import number, share
from compare.report.page.parts import Parts, read
from compare.report.page.rules import TESTED_IN
from compare.training.runs import Run

HERE = Path(__file__).parent
SCRIPTS = ("highlight", "arrows", "data", "decoder", "latent", "pixels", "time", "faults", "links")


def write(run: Run, path: Path) -> None:
    """Write a run's page, whole or not at all. Equal runs of equal names give equal bytes."""
    # Somebody else's run may hold NaN.
    with as_we_wrote_it(run.folder, UndefinedError), np.errstate(all="ignore"):
        text = render(read(run))
    write_text(path, text)


def render(parts: Parts) -> str:
    """Return the page of a run as HTML."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {"formula": formula, "derivation": derivation.section, "as_json": as_json}
    templates.filters |= {"number": number, "share": share}
    latent_map = map_data(parts.latent_map) if parts.latent_map else None
    decoder = decoder_data(parts.parameters, latent_map["sides"]) if latent_map else None
    times = time.time_data(parts)
    demonstrations = fault_menu.faults_data(parts.demonstrations)
    style = (HERE / "style.css").read_text(encoding="utf-8")
    script = "\n".join(
        (HERE / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS
    )
    return templates.get_template("page.html.j2").render(
        parts=parts,
        machine=machine.machine(parts.environment),
        tables=list(verdict.result_tables(parts)),
        drift=list(verdict.drift_tables(parts)),
        judged=verdict.judged(parts),
        perturbed=PERTURBED,
        version=machine.project(),
        trained_by=_trained_by(parts),
        time=times,
        charts=list(time.charts(times)) if times else [],
        pictures={name: _picture(png) for name, png in parts.pictures.items()},
        rows=step.rows(parts),
        tested_in=TESTED_IN,
        demonstrations=demonstrations,
        menu=fault_menu.menu(parts.demonstrations) if parts.demonstrations else [],
        lines=list(fault_menu.lines(parts.demonstrations)) if parts.demonstrations else [],
        small={"hidden": SMALL.hidden_dim, "latent": SMALL.latent_dim},
        all_faults=parts.demonstrations.header.get("all") if parts.demonstrations else None,
        whole=WHOLE,
        map=latent_map,
        inspected=len(parts.latent_map.arrays["noisy"]) if parts.latent_map else 0,
        decoder=decoder,
        data={
            "map-data": latent_map,
            "decoder-data": decoder,
            "time-data": times,
            "faults-data": demonstrations,
        },
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def as_json(value: Any) -> Markup:
    """Return a value as JSON that no HTML parser takes for anything else."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def _trained_by(parts: Parts) -> str:
    """Return the version that made the run, or nothing where its files do not tell."""
    version = parts.environment["packages"].get("ae-mirror")
    return f"ae-mirror {version}" if version else ""


def _picture(png: bytes) -> dict[str, Any]:
    """Return a picture's address, and the size that its header (IHDR) has."""
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    uri = "data:image/png;base64," + base64.b64encode(png).decode()
    return {"uri": uri, "width": width, "height": height}


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
