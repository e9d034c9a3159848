"""One line a step: what it is, how it ended, how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from launcher.exceptions import LaunchError


@dataclass
class Step:
    """A running step; ``note`` is shown behind its name when it ends."""

    name: str
    note: str = ""


@dataclass
class Steps:
    """Prints steps and, when one fails, which one, why, and what to do.

    Parameters
    ----------
    log : Path
        Where the whole output of the steps is kept.
    """

    log: Path
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time one step; an error inside is shown and goes on upward."""
        current = Step(name)
        live = sys.stdout.isatty()
        if live:
            print(f"  … {name}", end="", flush=True)
        start = time.monotonic()
        try:
            yield current
        except BaseException:
            self.failed.append(name)
            self._line("✗", current, start, live)
            raise
        self._line("✓", current, start, live)

    @staticmethod
    def _line(mark: str, step: Step, start: float, live: bool) -> None:
        note = f"：{step.note}" if step.note else ""
        erase = "\r\x1b[K" if live else ""
        print(f"{erase}  {mark} {step.name}{note}  {time.monotonic() - start:.1f} s", flush=True)

    def explain(self, error: LaunchError) -> None:
        """Print a failed step's reason, last output, log file and advice on standard error."""
        where = f"「{self.failed[-1]}」" if self.failed else ""
        print(f"\n失败{where} (failed): {error}", file=sys.stderr)
        if error.output:
            print("\n".join(f"    {line}" for line in error.output.splitlines()), file=sys.stderr)
        if error.advice:
            print(f"处理办法 (what to do): {error.advice}", file=sys.stderr)
        print(f"完整记录 (whole log): {self.log}", file=sys.stderr)
        print("问题排除后可重新运行同一命令 (run the same command again afterwards).", file=sys.stderr)
