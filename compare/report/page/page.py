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
from compare.report.page.parts import Parts, read
from compare.report.page.rules import TESTED_IN
from compare.training.runs import Run

HERE = Path(__file__).parent
SCRIPTS = ("highlight", "data", "decoder", "latent", "pixels", "time", "faults")


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
    templates.filters |= {"number": number}
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
        drifted=verdict.drifted(parts),
        perturbed=2 * PERTURBED,
        time=times,
        charts=list(time.charts(times)) if times else [],
        pictures={name: _uri(png) for name, png in parts.pictures.items()},
        rows=step.rows(parts),
        tested_in=TESTED_IN,
        demonstrations=demonstrations,
        menu=fault_menu.menu(parts.demonstrations) if parts.demonstrations else [],
        lines=list(fault_menu.lines(parts.demonstrations)) if parts.demonstrations else [],
        small={"hidden": SMALL.hidden_dim, "latent": SMALL.latent_dim},
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


def number(value: float) -> Markup:
    """Return a number to two digits, a small or a large one as a power of ten."""
    if value == 0 or 0.01 <= abs(value) < 10000:
        return Markup(f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}")
    digits, power = f"{value:.1e}".split("e")
    return Markup(f"{digits} · 10<sup>{int(power)}</sup>".replace("-", "−"))


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
