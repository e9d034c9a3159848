"""Many management commands in one process (``python -m config.commands``): starting Django takes longer than most.

A line of JSON in, the command's words; a line of JSON out: its exit code and what it said. What programs that it starts
print goes to standard error, so that nothing stands between the answers.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback

from django.core.management import ManagementUtility

from config.start import set_up


def run(words: list[str]) -> dict[str, object]:
    """Run one command as ``manage.py`` would.

    Returns
    -------
    dict
        ``code``, ``said`` (standard output) and ``errors`` (standard error).
    """
    said, errors = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            ManagementUtility(["manage.py", *words]).execute()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:
            traceback.print_exc()
            code = 1
    return {"code": code, "said": said.getvalue(), "errors": errors.getvalue()}


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    set_up()
    for line in sys.stdin:
        answers.write(json.dumps(run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
