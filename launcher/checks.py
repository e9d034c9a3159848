"""``./sandtable test``: every check of the project, on a throwaway database and broker of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from launcher import lifecycle
from launcher.commands import Runner
from launcher.configuration import ROOT, Installation
from launcher.exceptions import LaunchError
from launcher.preparation import Preparation
from launcher.python_env import DEVELOPMENT_LOCK
from launcher.steps import Done, Steps, timed
from launcher.web_bundle import WebBundle

WORKERS = 4  # on two cores: tests wait for servers, browsers and each other half of their time
LAST_WORDS_S = 30.0
NICE = 10  # on Linux a thread's own, and of what it starts


def run_checks(var: Path, fast: bool, arguments: list[str]) -> int:
    """Run pytest with all other checks beside it; what those found comes last.

    Parameters
    ----------
    var : Path
        Folder of the throwaway servers; emptied first, kept afterwards for its logs.
    fast : bool
        Leave out the tests marked slow.
    arguments : list of str
        Further words for pytest.

    Returns
    -------
    int
        0 when everything passed; pytest's code, or 1 when only another check failed.
    """
    old = Installation(var)
    lifecycle.stop(old)
    Installation.load(var).delete_servers()
    shutil.rmtree(var, ignore_errors=True)
    installation = Installation(
        var,
        demo=False,
        throwaway=True,
        lives_with=os.getpid(),
        database_url=os.environ.get("DATABASE_URL", ""),
        mqtt_url=os.environ.get("MQTT_URL", ""),
    )
    installation.save()
    steps = Steps(installation.logs / "test.log")
    preparation = Preparation(installation, steps, Runner(steps.log))
    # Has what pytest leaves of two processors: its longest tests begin first, and all wait for those in the end.
    pool = ThreadPoolExecutor(max_workers=1, initializer=os.nice, initargs=(NICE,))
    try:
        try:
            preparation.machine(DEVELOPMENT_LOCK, testing=True)
            preparation.servers()
            with steps.step("翻译 (translations)") as step:
                step.note = f"{preparation.translations()} 个文件 (files)"
        except LaunchError as error:
            steps.explain(error)
            return 1
        # Beside the folder emptied above: what a full run proved outlives the partial runs after it.
        argv = [str(preparation.python), "-m", "pytest", "--functions-var", str(var.parent)]
        argv += ["-n", str(WORKERS), "--durations=30", "--durations-min=5", *(["-m", "not slow"] if fast else [])]
        running = {name: pool.submit(timed(check)) for name, check in static_checks(preparation).items()}
        code = run_tests([*argv, *arguments], installation.environment())
        failed = report(running, steps)  # also where tests have failed: who mends those wants to know the rest
        return code or int(bool(failed))
    finally:
        pool.shutdown(cancel_futures=True)
        lifecycle.stop(installation)


def run_tests(argv: list[str], env: Mapping[str, str]) -> int:
    """Run pytest; who interrupts it sees what failed until then, and what it started ends with it."""
    with subprocess.Popen(argv, env=env, cwd=ROOT) as pytest:
        try:
            return pytest.wait()
        except KeyboardInterrupt:  # it was told, too
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.wait(LAST_WORDS_S)
            pytest.kill()
            raise


def static_checks(preparation: Preparation) -> dict[str, Callable[[], str]]:
    """Linter, types, import rules, migrations and the web's own checks, by name."""
    python = str(preparation.python)
    env = preparation.installation.environment()
    runner = preparation.runner

    def program(*words: str, env: dict[str, str] = env, folder: Path = ROOT) -> Callable[[], str]:
        def run() -> str:
            runner.run(words, env=env, cwd=folder)
            return ""

        return run

    def web() -> str:
        npm = WebBundle(ROOT, preparation.conda, runner).ensure_packages()
        return program("npm", "run", "check", env=npm, folder=ROOT / "web")()

    return {
        "代码规范 (ruff check)": program(python, "-m", "ruff", "check", "--no-cache", "."),
        "代码格式 (ruff format)": program(python, "-m", "ruff", "format", "--no-cache", "--check", "."),
        "类型 (mypy)": program(python, "-m", "mypy", "."),
        "依赖方向 (import rules)": program(str(preparation.python.parent / "lint-imports")),
        "迁移齐全 (makemigrations --check)": program(python, "manage.py", "makemigrations", "--check", "--dry-run"),
        "网页检查 (web: types and unit tests)": web,
    }


def report(running: dict[str, Future[Done]], steps: Steps) -> list[str]:
    """Show how each check ended; returns the names of those that failed."""
    failed = []
    for name, check in running.items():
        try:
            steps.finish(name, check)
        except LaunchError as error:
            failed.append(name)
            print("\n".join(f"      {line}" for line in [str(error), *error.output.splitlines()]), flush=True)
    if failed:
        print(f"未通过 (failed): {'；'.join(failed)}。完整记录 (whole log): {steps.log}", flush=True)
    return failed
