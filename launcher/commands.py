"""Running other programs, with their output in one log and its end in the error."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from launcher.exceptions import LaunchError

LINES_SHOWN = 20


@dataclass
class Runner:
    """Runs programs and appends what they print to ``log``."""

    log: Path

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        advice: str = "",
        what: str = "",
    ) -> None:
        """Run to the end.

        Raises
        ------
        LaunchError
            The program is not there or ended with another code than 0.
        """
        result = self.attempt(argv, env=env, cwd=cwd)
        if result.returncode != 0:
            shown = "\n".join(result.stdout.splitlines()[-LINES_SHOWN:])
            name = what or " ".join(argv[:4])
            raise LaunchError(f"{name}：返回码 {result.returncode} (exit code {result.returncode})", advice, shown)

    def output(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, advice: str = ""
    ) -> str:
        """Run and return standard output alone (it may hold secrets, so it is not logged).

        Raises
        ------
        LaunchError
            The program is not there or ended with another code than 0.
        """
        try:
            result = subprocess.run(argv, env=env, cwd=cwd, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise LaunchError(f"无法运行 {argv[0]} (cannot run): {error}", advice) from error
        self.note(argv, result.stderr)
        if result.returncode != 0:
            shown = "\n".join((result.stdout + result.stderr).splitlines()[-LINES_SHOWN:])
            raise LaunchError(f"{argv[0]}：返回码 {result.returncode} (exit code {result.returncode})", advice, shown)
        return result.stdout

    def attempt(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end and return the result, standard error folded into standard output."""
        try:
            result = subprocess.run(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            result = subprocess.CompletedProcess(list(argv), 127, f"{argv[0]}: {error}", "")
        self.note(argv, result.stdout)
        return result

    def note(self, argv: Sequence[str], output: str) -> None:
        """Keep what a program printed."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"--- {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {' '.join(argv)[:300]}\n{output}")
            if output and not output.endswith("\n"):
                file.write("\n")
