"""One line a step: what it is, how it ended, how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from launcher.exceptions import LaunchError


@dataclass
class Step:
    """A running step; ``note`` is shown behind its name when it ends, with ``seconds`` if not its own."""

    name: str
    note: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Done:
    """How something ended that ran beside the steps."""

    seconds: float
    note: str = ""
    error: LaunchError | None = None


def timed(work: Callable[[], str]) -> Callable[[], Done]:
    """The same work (which returns a note), measured, its error kept."""

    def run() -> Done:
        start = time.monotonic()
        try:
            note = work()
        except LaunchError as error:
            return Done(time.monotonic() - start, error=error)
        return Done(time.monotonic() - start, note)

    return run


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

    def finish(self, name: str, begun: Future[Done]) -> None:
        """Wait for something that was begun beside the steps, and show it as one.

        Raises
        ------
        LaunchError
            It failed with that.
        """
        with self.step(name) as step:
            done = begun.result()
            step.note, step.seconds = done.note, done.seconds
            if done.error is not None:
                raise done.error

    @staticmethod
    def _line(mark: str, step: Step, start: float, live: bool) -> None:
        note = f"：{step.note}" if step.note else ""
        erase = "\r\x1b[K" if live else ""
        seconds = time.monotonic() - start if step.seconds is None else step.seconds
        print(f"{erase}  {mark} {step.name}{note}  {seconds:.1f} s", flush=True)

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
