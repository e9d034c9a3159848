"""Which migrations the checkout's code knows, asked of Django without touching a database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from launcher.commands import Runner
from launcher.configuration import ROOT

SCRIPT = """
import json, django
django.setup()
from django.db.migrations.loader import MigrationLoader
loader = MigrationLoader(None, ignore_no_migrations=True)
known = set(loader.disk_migrations)
for migration in loader.disk_migrations.values():
    known.update(tuple(name) for name in migration.replaces)
print(json.dumps(sorted(f"{app}.{name}" for app, name in known)))
"""


def known_migrations(python: Path, env: Mapping[str, str], runner: Runner) -> set[str]:
    """Names ``app.migration`` of every migration of the code, squashed ones' originals included."""
    return set(json.loads(runner.output([str(python), "-c", SCRIPT], env=env, cwd=ROOT)))
