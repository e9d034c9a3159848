"""A copy of the checkout to work on: one whose modules can be taken out and added."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from config.environment import ENVIRONMENT
from tests.contract.sources import ROOT

# What Python has translated comes along: it is older than no source, and to translate it again takes seconds.
LEFT_OUT = ("*.pyc.*", "node_modules", "var", "dist", ".git", ".venv", "*.mo", ".*_cache")


@dataclass(frozen=True)
class Copy:
    """A checkout in a folder of its own, with a database of its own name beside ours.

    Attributes
    ----------
    folder : Path
        Of the checkout.
    database_url : str
        Its tests' database has this name with ``test_`` before it.
    migrated : str or None
        A database that the whole checkout migrated, and nobody uses: the tests begin with a copy of it, as does who
        takes a module's folder away, or adds one, where the platform runs. Without one they migrate from nothing.
    """

    folder: Path
    database_url: str
    migrated: str | None

    def run(self, *words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python there; what it says comes back whatever it is."""
        environment = {**os.environ, "DATABASE_URL": self.database_url, **variables}
        environment.pop("PYTEST_XDIST_WORKER", None)
        command = [sys.executable, *words]
        options = {"cwd": self.folder, "env": environment, "input": given, "timeout": 900}
        return subprocess.run(command, capture_output=True, text=True, **options)

    def manage(self, *commands: str) -> None:
        """Management commands, each with its words, in one process; all must succeed."""
        done = self.run("-m", "config.commands", given="".join(json.dumps(c.split()) + "\n" for c in commands))
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert [answer["code"] for answer in answers] == [0] * len(commands), answers

    def passes(self, *paths: str) -> str:
        """pytest there, the quick part; must be green, and must have run something."""
        with self._database() as option:
            done = self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", option, "-m", "not slow", *paths)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    @contextmanager
    def _database(self) -> Iterator[str]:
        """The database of the tests there, with pytest's option that takes it."""
        if self.migrated is None:
            yield "--create-db"
            return
        quote = connection.ops.quote_name
        name = quote(f"test_{urlsplit(self.database_url).path.removeprefix('/')}")
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {quote(self.migrated)}")
            try:
                yield "--reuse-db"
            finally:
                cursor.execute(f"DROP DATABASE {name}")


def copy_of_checkout(folder: Path, *, without: tuple[str, ...] = (), migrated: str | None = None) -> Copy:
    """Copy the checkout, leaving out modules."""
    target = folder / "checkout"

    def ignored(here: str, names: list[str]) -> set[str]:
        unwanted = set(shutil.ignore_patterns(*LEFT_OUT)(here, names))
        return unwanted | (set(without) if Path(here) == ROOT / "layers" else set())

    shutil.copytree(ROOT, target, ignore=ignored)
    address = urlsplit(ENVIRONMENT.database_url)
    name = f"{settings.DATABASES['default']['NAME']}_copy"
    return Copy(target, urlunsplit(address._replace(path=f"/{name}")), migrated)
