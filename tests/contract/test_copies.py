"""Modules come and go as folders: on copies of the checkout, with nothing else touched."""

from __future__ import annotations

import hashlib
import re

import pytest

from layers.folders import module_keys
from tests.contract.copies import copy_of_checkout
from tests.migrated import MADE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("long")]

FIRST_MODULES = ("hotwork", "chempark")
# Import rules keep the floors below from knowing modules; these ask the registry which there are.
ASK_WHO_IS_INSTALLED = (
    *(f"command/tests/test_{name}.py" for name in ("doors", "engine", "fence_rules", "machineroom_page", "rules")),
    "twin/tests/test_live.py",
)
# Words of questions, numbers of places, and what is asked of one module that tests put in place of all others, as all
# those of OGC are: the same whoever is installed, and dear.
ASK_NOBODY = (
    "--ignore=layers/ogc",
    *(f"--ignore=layers/tests/test_{name}.py" for name in ("asking", "charts", "export", "grids", "past")),
)
# Of the framework's own tests those that read what all installed modules brought.
READ_ALL_MODULES = tuple(f"layers/tests/test_{name}.py" for name in ("api", "refusals", "screen", "search", "styles"))
# Every module is imported and every check made, and each migration finds those before it.
SOUND = """
import django
django.setup()
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
call_command("check")
MigrationLoader(None)
"""


@pytest.fixture
def migrated(request, tmp_path_factory, django_db_blocker):
    """The database that the processes which share this run copied theirs from; None where one runs alone."""
    if not hasattr(request.config, "workerinput"):
        yield None
        return
    request.getfixturevalue("django_db_setup")
    with django_db_blocker.unblock():
        yield (tmp_path_factory.getbasetemp().parent / MADE).read_text()


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_without_the_first_modules_the_platform_starts_and_passes_its_tests(tmp_path, migrated):
    copy = copy_of_checkout(tmp_path, without=FIRST_MODULES, migrated=migrated)
    assert not {path.name for path in (copy.folder / "layers").iterdir()} & set(FIRST_MODULES)
    said = copy.passes("tests/contract", "tests/test_doors.py", "layers", *ASK_NOBODY, *ASK_WHO_IS_INSTALLED)
    assert int(re.search(r"(\d+) passed", said)[1]) > 150


def test_each_module_goes_alone_where_nobody_requires_it(tmp_path):
    from layers.registry import registry

    required = {key for module in registry.modules() for key in module.requires}
    for i, key in enumerate(sorted(set(module_keys()) - required)):
        copy = copy_of_checkout(tmp_path / str(i), without=(key,))
        done = copy.run("-c", SOUND, DJANGO_SETTINGS_MODULE="config.settings")
        assert done.returncode == 0, done.stderr


def test_a_started_module_works_and_nothing_else_was_touched(tmp_path, migrated):
    copy = copy_of_checkout(tmp_path, migrated=migrated)
    before = digests(copy.folder)
    copy.manage("startlayer paper_lanterns --title 孔明灯 --title-en Lanterns")
    written = digests(copy.folder)
    assert {path: written[path] for path in before} == before
    added = sorted(set(written) - set(before))
    assert all(path.startswith("layers/paper_lanterns/") for path in added)
    names = {path.removeprefix("layers/paper_lanterns/") for path in added}
    assert names >= {
        "layer.py", "rules.py", "models.py", "admin.py", "apps.py", "migrations/0001_initial.py",
        "locale/en/LC_MESSAGES/django.po", "tests/test_paper_lanterns.py",
    }  # fmt: skip
    copy.passes("layers/paper_lanterns", "tests/contract", *READ_ALL_MODULES)
    for tool in (("ruff", "check"), ("ruff", "format", "--check")):
        done = copy.run("-m", *tool, "layers/paper_lanterns")
        assert done.returncode == 0, done.stdout
    linted = copy.run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert linted.returncode == 0, linted.stdout
