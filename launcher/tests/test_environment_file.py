"""``environment.yml`` and ``pyproject.toml`` name the same packages with the same bounds."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Servers and tools conda brings where Debian's packages or the wheels do otherwise.
TOOLS = {"postgresql", "postgis", "mosquitto", "gdal", "ffmpeg", "nodejs", "pip", "python"}
# conda-forge parts what the package registry calls psycopg[binary,pool].
CONDA_ONLY = {"psycopg-c", "psycopg-pool"}


def parse(requirement: str) -> tuple[str, str]:
    match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(.*)", requirement.strip())
    assert match, requirement
    return match.group(1).lower().replace("_", "-"), match.group(2)


def conda_requirements() -> dict[str, str]:
    rows = [
        line.strip().removeprefix("- ")
        for line in (ROOT / "environment.yml").read_text(encoding="utf-8").partition("dependencies:")[2].splitlines()
        if line.strip().startswith("- ")
    ]
    parsed = [parse(row) for row in rows if not row.endswith(":")]
    assert len({name for name, _ in parsed}) == len(parsed), "a package stands twice"
    return dict(parsed)


def project_requirements() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(parse(row) for row in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]])


def test_same_packages_with_the_same_bounds():
    conda = {
        name: bound for name, bound in conda_requirements().items() if name not in TOOLS and name not in CONDA_ONLY
    }
    assert conda == project_requirements()


def test_python_and_servers_are_what_the_launcher_asks_for():
    conda = conda_requirements()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert conda["python"] == project["project"]["requires-python"]
    assert conda["postgresql"] == ">=15"
    assert conda.keys() >= TOOLS
