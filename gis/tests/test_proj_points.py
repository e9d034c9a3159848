"""PROJ's own test points (GIGS series 5100 and 5200), through our door for PROJ strings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gis import crs

pytestmark = pytest.mark.django_db
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "conformance" / "coordinates"
needs_points = pytest.mark.skipif(not FOLDER.is_dir(), reason="no shared data beside the checkout")
# What a point of the file is compared with is a projection alone: what PROJ strings cannot say here is left out.
PLAIN = re.compile(r"\+proj=(etmerc|tmerc|utm|merc|lcc|cass|omerc|laea|aea|stere|sterea|poly)\b")


def steps(operation: str) -> list[str]:
    return [step.strip() for step in re.split(r"\+?\bstep\b", operation) if step.strip(" +")]


def points(path: Path) -> Iterator[tuple[str, float, list[float], list[float]]]:
    """Projection, tolerance in metres, degrees, metres: of the operations that go from degrees to one projection."""
    text = re.sub(r"#.*", "", path.read_text()).replace("\\\n", " ")
    projection, tolerance, given = "", 0.0, None
    for line in text.splitlines():
        word, _blank, rest = line.strip().partition(" ")
        rest = rest.strip()
        if word == "operation":
            last = steps(rest)[-1]
            first = steps(rest)[1] if len(steps(rest)) == 3 else ""
            plain = PLAIN.search(last) and "inv" not in last and re.search(r"init=epsg:\d+ .*inv", first + " ")
            projection = last.replace("+no_def", "").strip() if plain else ""
        elif word == "tolerance":
            number, unit = rest.split()[:2]
            tolerance = float(number) * {"m": 1.0, "mm": 0.001, "cm": 0.01}.get(unit, np.nan)
        elif word == "accept":
            given = [float(value) for value in rest.split()[:2]]
        elif word == "expect" and given and projection and np.isfinite(tolerance) and "failure" not in rest:
            yield projection, tolerance, given, [float(value) for value in rest.split()[:2]]


@needs_points
def test_gigs_points():
    met = 0
    for path in sorted(FOLDER.glob("proj-5*.gie")):
        for projection, tolerance, degrees, metres in points(path):
            definition = f"proj:{projection.replace('etmerc', 'tmerc')}"
            assert crs.from_wgs84(*degrees, definition) == pytest.approx(metres, abs=tolerance), (path.name, degrees)
            assert crs.to_wgs84(*metres, definition) == pytest.approx(degrees, abs=max(tolerance, 0.001) / 1e4)
            met += 1
    assert met > 40
