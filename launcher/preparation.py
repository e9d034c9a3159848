"""The steps of ``up``: from a bare checkout to a page that answers."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from launcher import lifecycle
from launcher.backup import Backup
from launcher.broker import Broker, check_broker
from launcher.cluster import Cluster, applied_migrations, check_external
from launcher.commands import Runner
from launcher.configuration import ROOT, Installation
from launcher.exceptions import LaunchError
from launcher.files import fingerprint, hash_file, walk
from launcher.identity import choose_identity
from launcher.manager import Manager
from launcher.migrations import known_migrations
from launcher.packages import SystemPackages, venv_present
from launcher.ports import is_free
from launcher.programs import platform_programs
from launcher.python_env import RUNTIME_LOCK, VirtualEnvironment, check_conda, python_of
from launcher.steps import Steps, timed
from launcher.tools import conda_prefix
from launcher.web_bundle import WebBundle

READY_S = 120.0
SERVER_S = 90.0  # crash recovery of a big database takes its time
NOT_CODE = (
    ".git", ".venv", "var", "node_modules", "docs", "tests", "__pycache__", "web", "bench", "launcher",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
)  # fmt: skip

COMPILE_CATALOGUES = """
import json, sys
from pathlib import Path
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
for source, target, locale in json.loads(sys.argv[1]):
    try:
        catalogue = read_po(Path(source).open("rb"), locale=locale, abort_invalid=True)
    except Exception as error:
        sys.exit(f"{source}: {error}")
    with Path(target).open("wb") as file:
        write_mo(file, catalogue)
"""


@dataclass
class Administrator:
    """The account ``ensureadmin`` reports; no password when it was there before."""

    username: str
    password: str | None


class Preparation:
    """Makes one installation ready, step by step.

    Parameters
    ----------
    installation : Installation
        What to make ready.
    steps : Steps
        Where the steps are shown.
    runner : Runner
        Runs the programs.
    """

    def __init__(self, installation: Installation, steps: Steps, runner: Runner) -> None:
        self.installation = installation
        self.steps = steps
        self.runner = runner
        self.conda = conda_prefix()
        self.python = python_of(ROOT, self.conda)
        self.administrator: Administrator | None = None
        self.manager = Manager(self.python, installation.environment, runner)

    def fingerprint(self) -> str:
        """Stands for the code and every setting (but ports) the processes are given."""
        installation = self.installation
        settings = [
            installation.city, installation.demo, installation.listen, installation.hosts, installation.https,
            installation.database_url, installation.mqtt_url, installation.secrets, installation.processes,
            installation.terminals, installation.archive,
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        digest.update(fingerprint(ROOT, (*NOT_CODE, installation.var.name)).encode())
        digest.update(fingerprint(ROOT / "launcher", ("tests", "__pycache__")).encode())
        digest.update(hash_file(ROOT / "web" / "dist" / ".sandtable-stamp").encode())
        return digest.hexdigest()

    def machine(self, lock: str = RUNTIME_LOCK, *, testing: bool = False) -> None:
        """Packages, Python and the web bundle: everything that belongs to the checkout, not to the installation."""
        packages = SystemPackages(
            self.runner,
            database=self.installation.private_database,
            broker=self.installation.private_broker,
            testing=testing,
        )
        bundle = WebBundle(ROOT, self.conda, self.runner)
        environment = VirtualEnvironment(ROOT, self.runner)

        def system() -> str:
            if self.conda:
                return f"使用 conda 环境 {self.conda} (from conda)"
            return " ".join(packages.ensure()) or "已齐备 (complete)"

        def python() -> str:
            if self.conda:
                check_conda(self.python, self.runner)
                return ""
            done_by = environment.ensure(lock)
            if not done_by:
                return "未变化 (unchanged)"
            if testing:
                self._translate_tests()
            return f"已由 {done_by} 安装 (installed by it)"

        with ThreadPoolExecutor() as beside:
            # Each waits for the network and for one processor; begun at once, unless it needs what comes before it.
            works = [
                ("系统软件包 (system packages)", system, True),
                ("Python 依赖 (Python packages)", python, bool(self.conda) or venv_present()),
                ("网页 (web bundle)", bundle.ensure, bundle.has_node),
            ]
            begun = {name: beside.submit(timed(work)) for name, work, is_ready in works if is_ready}
            for name, work, _ in works:
                self.steps.finish(name, begun.get(name) or beside.submit(timed(work)))

    def _translate_tests(self) -> None:
        """Let one process translate all to byte code; else each that shares the tests does, at the same time.

        What is wrong with the tests they say themselves.
        """
        argv = [str(self.python), "-m", "pytest", "--collect-only", "-q"]
        self.runner.attempt(argv, env=self.installation.environment(), cwd=ROOT)

    def servers(self) -> None:
        """Start the supervisor with the private servers, or look at the existing ones."""
        installation = self.installation
        identity = choose_identity() if installation.private_database or installation.private_broker else None
        if identity and not identity.can_enter(installation.var.parent):
            installation.move_servers()
        with self.steps.step("数据库 (database)") as step:
            cluster = broker = None
            if identity and installation.private_database:
                cluster = Cluster(installation, identity, self.runner)
                cluster.clear_remains()
            if identity and installation.private_broker:
                broker = Broker(installation, identity)
                broker.clear_remains()
            installation.leave_taken_ports()
            platform_programs(installation)  # chooses their ports, so that the supervisor need not write
            if cluster and cluster.ensure_data():
                step.note = "新建 (created)"
                installation.prepared = ""
            if broker:
                broker.ensure_files()
            installation.save()
            lifecycle.start_services(installation)
            if cluster:
                lifecycle.wait_until_up(installation, "postgres", SERVER_S)
                cluster.ensure_database()
            else:
                version = check_external(installation.database_address(), self.runner)
                step.note = f"外部数据库，PostGIS {version} (existing server)"
        with self.steps.step("消息服务 (broker)") as step:
            if installation.private_broker:
                lifecycle.wait_until_up(installation, "broker", 15.0)
            else:
                check_broker(installation.mqtt_url)
                step.note = "外部服务 (existing server)"

    def content(self) -> None:
        """Migrations, translations, static files, the city and the administrator; skipped when all are as they were."""
        wanted = self.fingerprint()
        if self.installation.prepared == wanted and self.installation.private_database:
            with self.steps.step("数据与程序 (data and code)") as step:
                step.note = "未变化 (unchanged)"
            return
        self.installation.prepared = ""
        self.installation.save()
        try:
            self._content()
        finally:
            self.manager.close()
        self.installation.prepared = wanted
        self.installation.save()

    def _content(self) -> None:
        with self.steps.step("翻译 (translations)") as step:
            step.note = f"{self.translations()} 个文件 (files)"
        with self.steps.step("数据库结构 (migrations)") as step:
            step.note = self.migrate()
        with self.steps.step("静态文件 (static files)"):
            self.manager.run("collectstatic", "--noinput", "-v", "0")
        with self.steps.step(f"城市 {self.installation.city} (city)"):
            self.manager.run("loadcity", advice="检查行政区划代码 (check the city's six-digit code).")
        if self.installation.demo:
            with self.steps.step("示意底图与建筑 (generated basemap and buildings)"):
                self.manager.run("loadbasemap")
                self.manager.run("buildings")
            with self.steps.step("演示数据 (demo data)"):
                self.manager.run("loaddemo")
                self.manager.run("loadlayers")
                self.manager.run("loadduty")
                if self.installation.private_broker:
                    self.manager.run("warden", "--once")  # else the demo's devices call before the broker knows them
        with self.steps.step("管理员 (administrator)"):
            self.ensure_administrator()

    def migrate(self) -> str:
        """Migrate, after a backup when there is something to lose.

        Raises
        ------
        LaunchError
            The database has been through migrations this code does not know.
        """
        applied = applied_migrations(self.installation, self.runner)
        environment = self.installation.environment()
        if applied and (newer := sorted(set(applied) - known_migrations(self.python, environment, self.runner))):
            raise LaunchError(
                f"数据库由更新的程序建立 (the database belongs to newer code): {', '.join(newer[:5])}",
                "换回较新的程序，或 ./sandtable restore 旧备份 (use the newer code, or restore an older backup); "
                f"{self._last_backup()}",
            )
        note = "已建立 (made)"
        if applied:
            if self.manager.attempt("migrate", "--check")[0] == 0:
                return "未变化 (unchanged)"
            note = "已更新 (migrated)"
            path = self.installation.var / "backups" / f"before-migration-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
            Backup(self.installation, self.runner).write(path)
            note += f"，迁移前备份 (backup before): {path}"
        self.manager.run("migrate", "--noinput", advice=f"./sandtable restore {self._last_backup()}")
        return note

    def translations(self) -> int:
        """Compile the catalogues whose source is newer; returns how many."""
        pairs = [(source, source.with_suffix(".mo")) for source in walk(ROOT, NOT_CODE) if source.suffix == ".po"]
        old = [
            (str(source), str(target), source.parent.parent.name)
            for source, target in pairs
            if not target.exists() or target.stat().st_mtime_ns < source.stat().st_mtime_ns
        ]
        if old:
            argv = [str(self.python), "-c", COMPILE_CATALOGUES, json.dumps(old)]
            self.runner.run(argv, cwd=ROOT, what="编译翻译 (compile translations)")
        return len(old)

    def ensure_administrator(self) -> None:
        """Make the first administrator, or learn that there is one."""
        text = self.manager.run("ensureadmin", secret=True)
        try:
            values = json.loads(text)
            self.administrator = Administrator(values["username"], values["password"])
        except (ValueError, KeyError, TypeError) as error:
            raise LaunchError(f"ensureadmin 的输出无法识别 (unexpected output): {error}") from error

    def processes(self) -> None:
        """Start the Procfile's processes and wait until the page answers."""
        with self.steps.step("启动各进程 (processes)"):
            lifecycle.start_platform(self.installation)
            lifecycle.wait_until_ready(self.installation, READY_S)

    def _last_backup(self) -> str:
        backups = sorted((self.installation.var / "backups").glob("*.tar"))
        return str(backups[-1]) if backups else ""


def take_web_port(installation: Installation, asked: int | None) -> None:
    """Settle the web port: the one asked for, the remembered one, or another when that is taken.

    Raises
    ------
    LaunchError
        The port asked for is in use.
    """
    port = asked or installation.port("web")
    if is_free(port, installation.listen):
        installation.ports["web"] = port
        return
    if asked:
        raise LaunchError(
            f"端口 {port} 已被占用 (port in use)", "换一个端口：./sandtable up --port N (choose another)."
        )
    del installation.ports["web"]
    installation.port("web")
