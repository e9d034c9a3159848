"""Which revision of the code this checkout is."""

from __future__ import annotations

import subprocess

from launcher.configuration import ROOT


def revision() -> str:
    """The checkout's commit, with ``-dirty`` when files differ; ``unknown`` outside git."""
    argv = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(argv, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return result.stdout.strip() or "unknown"
