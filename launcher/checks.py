"""``./sandtable test``: every check of the project, on a throwaway database and broker of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from launcher import lifecycle
from launcher.commands import Runner
from launcher.configuration import ROOT, Installation
from launcher.exceptions import LaunchError
from launcher.preparation import Preparation
from launcher.python_env import DEVELOPMENT_LOCK, RUNTIME_LOCK
from launcher.steps import Steps
from launcher.web_bundle import WebBundle

WORKERS = 3  # on two cores: tests wait for servers and browsers a third of their time


def run_checks(var: Path, fast: bool, arguments: list[str]) -> int:
    """Run all checks, then pytest, whose summary comes last.

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
        database_url=os.environ.get("DATABASE_URL", ""),
        mqtt_url=os.environ.get("MQTT_URL", ""),
    )
    installation.save()
    steps = Steps(installation.logs / "test.log")
    preparation = Preparation(installation, steps, Runner(steps.log))
    try:
        try:
            preparation.machine(RUNTIME_LOCK, DEVELOPMENT_LOCK, testing=True)
            preparation.servers()
        except LaunchError as error:
            steps.explain(error)
            return 1
        failed = run_static_checks(preparation, steps)
        # Beside the folder emptied above: what a full run proved outlives the partial runs after it.
        argv = [str(preparation.python), "-m", "pytest", "--functions-var", str(var.parent)]
        argv += ["-n", str(WORKERS), "--durations=30", "--durations-min=5", *(["-m", "not slow"] if fast else [])]
        code = subprocess.run([*argv, *arguments], env=installation.environment(), cwd=ROOT).returncode
        return code or int(bool(failed))
    finally:
        lifecycle.stop(installation)


def run_static_checks(preparation: Preparation, steps: Steps) -> list[str]:
    """Linter, types, import rules, migrations and the web's own checks; returns the names of those that failed."""
    python = str(preparation.python)
    env = preparation.installation.environment()
    runner = preparation.runner

    def program(*words: str, env: dict[str, str] = env, folder: Path = ROOT) -> Callable[[], None]:
        return lambda: runner.run(words, env=env, cwd=folder)

    def translate() -> None:
        preparation.translations()

    def web() -> None:
        npm = WebBundle(ROOT, preparation.conda, runner).ensure_packages()
        program("npm", "run", "check", env=npm, folder=ROOT / "web")()

    checks: dict[str, Callable[[], None]] = {
        "类型 (mypy)": program(python, "-m", "mypy", "."),
        "代码规范 (ruff check)": program(python, "-m", "ruff", "check", "--no-cache", "."),
        "代码格式 (ruff format)": program(python, "-m", "ruff", "format", "--no-cache", "--check", "."),
        "依赖方向 (import rules)": program(str(preparation.python.parent / "lint-imports")),
        "迁移齐全 (makemigrations --check)": program(python, "manage.py", "makemigrations", "--check", "--dry-run"),
        "翻译 (translations)": translate,
        "网页检查 (web: types and unit tests)": web,
    }
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:  # types on one processor, meanwhile all the rest on the other
        running = {name: pool.submit(check) for name, check in checks.items()}
        for name, check_running in running.items():
            try:
                with steps.step(name):
                    check_running.result()
            except LaunchError as error:
                failed.append(name)
                print("\n".join(f"      {line}" for line in [str(error), *error.output.splitlines()]), flush=True)
    if failed:
        print(f"未通过 (failed): {'；'.join(failed)}。完整记录 (whole log): {steps.log}", flush=True)
    return failed
