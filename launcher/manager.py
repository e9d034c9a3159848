"""``manage.py``, started once for many commands: starting Django takes longer than most of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from launcher.commands import LINES_SHOWN, Runner
from launcher.configuration import ROOT
from launcher.exceptions import LaunchError


class Manager:
    """Runs Django commands with an installation's settings; to be closed.

    Parameters
    ----------
    python : Path
        The platform's interpreter.
    environment : callable
        Gives the variables when the first command is run.
    runner : Runner
        In whose log everything is kept.
    """

    def __init__(self, python: Path, environment: Callable[[], dict[str, str]], runner: Runner) -> None:
        self._python, self._environment, self._runner = python, environment, runner
        self._process: subprocess.Popen[str] | None = None

    def run(self, *words: str, advice: str = "", secret: bool = False) -> str:
        """Run one; returns what it said on standard output, which is not logged where it is ``secret``.

        Raises
        ------
        LaunchError
            It ended with another code than 0.
        """
        code, said, errors = self.attempt(*words, secret=secret)
        if code:
            shown = "\n".join((said + errors).splitlines()[-LINES_SHOWN:])
            raise LaunchError(f"manage.py {words[0]}：返回码 {code} (exit code {code})", advice, shown)
        return said

    def attempt(self, *words: str, secret: bool = False) -> tuple[int, str, str]:
        """Run one that may fail; returns its exit code, standard output and standard error."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(words) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process = None
            return process.wait() or 1, "", f"Django 未能启动或中途退出，见 {self._runner.log} (it ended; see the log)"
        answer = json.loads(line)
        self._runner.note(("manage.py", *words), ("" if secret else answer["said"]) + answer["errors"])
        return answer["code"], answer["said"], answer["errors"]

    def close(self) -> None:
        """End the process, if one was started."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._runner.note(("config.commands",), "")
        pipe = subprocess.PIPE
        with self._runner.log.open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                [str(self._python), "-m", "config.commands"],
                env=self._environment(), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=log, text=True,
            )  # fmt: skip
