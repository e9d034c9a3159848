"""The commands ``up``, ``down``, ``reset``, ``backup`` and ``restore``."""

from __future__ import annotations

import argparse
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher import lifecycle
from launcher.backup import ABOUT, Backup, default_path
from launcher.backup_archive import archive_folder
from launcher.commands import Runner
from launcher.configuration import PRIVATE_SERVER, Installation
from launcher.exceptions import LaunchError
from launcher.files import locked
from launcher.preparation import Administrator, Preparation, take_web_port
from launcher.procfile import parse_counts
from launcher.steps import Steps
from launcher.supervisor import read_state

BUSY = "另一条 sandtable 命令正在运行 (another sandtable command is at work)"


@contextmanager
def at_work(var: Path) -> Iterator[None]:
    """Only one command at a time changes an installation."""
    with locked(var / "run" / "launcher.lock", BUSY):
        yield


def up(var: Path, options: argparse.Namespace) -> int:
    """Make everything ready and start it; does no more than is needed."""
    installation = Installation.load(var)
    steps = Steps(installation.logs / "up.log")
    try:
        with at_work(var):
            return _up(installation, options, steps)
    except LaunchError as error:
        steps.explain(error)
        return 1


def _up(installation: Installation, options: argparse.Namespace, steps: Steps) -> int:
    apply_options(installation, options, os.environ)
    preparation = Preparation(installation, steps, Runner(steps.log))
    running = lifecycle.is_running(installation)
    preparation.machine()
    same_port = options.port in (None, installation.port("web"))
    unchanged = running and same_port and read_state(installation.var).get("prepared") == preparation.fingerprint()
    if unchanged and not lifecycle.down_processes(installation) and lifecycle.is_ready(installation):
        announce(installation, None, "沙盘已在运行 (already running)")
        return 0
    if not same_port:
        take_web_port(installation, options.port)  # refused before anything is stopped
    try:
        with steps.step("停止旧进程 (stop what runs)") as step:
            step.note = "已停止 (stopped)" if lifecycle.stop(installation) else "无 (nothing)"
        take_web_port(installation, options.port)
        installation.save()
        preparation.servers()
        preparation.content()
    except BaseException:
        lifecycle.stop(installation)  # half an installation is of no use; its logs stay
        raise
    preparation.processes()
    announce(installation, preparation.administrator, "沙盘已就绪 (ready)")
    return 0


def apply_options(installation: Installation, options: argparse.Namespace, env: os._Environ | dict[str, str]) -> None:
    """Take over what the command line and the environment say; the rest stays as remembered.

    Raises
    ------
    LaunchError
        A value cannot be what it should.
    """
    if options.city:
        if not re.fullmatch(r"\d{6}", options.city):
            raise LaunchError(f"城市代码应为六位数字 (a city's code has six digits): {options.city}")
        installation.city = options.city
    if options.demo is not None:
        installation.demo = options.demo
    installation.listen = options.listen or installation.listen
    installation.terminals = options.terminals or installation.terminals
    for name, given in (("database_url", options.database_url), ("mqtt_url", options.mqtt_url)):
        value = given or env.get(name.upper(), "")
        if value:
            setattr(installation, name, "" if value == PRIVATE_SERVER else value)
    installation.lives_with = options.lives_with
    if options.processes is not None:
        installation.processes = parse_counts(options.processes)
    installation.hosts = env.get("SANDTABLE_HOSTS", installation.hosts)
    installation.archive = env.get("SANDTABLE_ARCHIVE", installation.archive)
    installation.recordings = env.get("SANDTABLE_RECORDINGS", installation.recordings)
    installation.origins = env.get("SANDTABLE_ORIGINS", installation.origins)
    installation.video_ca = env.get("SANDTABLE_VIDEO_CA", installation.video_ca)
    if "SANDTABLE_HTTPS" in env:
        installation.https = env["SANDTABLE_HTTPS"] == "1"


def announce(installation: Installation, administrator: Administrator | None, first: str) -> None:
    """Tell where to go and how to sign in."""
    print(f"\n{first}\n  地址 (address): {installation.url}")
    if administrator and administrator.password:
        print(
            f"  账户 (user): {administrator.username}\n  口令 (password): {administrator.password}\n"
            "  口令只显示这一次，请妥善保存 (shown only this once; keep it)."
        )
    else:
        name = administrator.username if administrator else "admin"
        print(f"  重设口令 (reset the password): ./sandtable manage changepassword {name}")
    print("  状态 (status): ./sandtable status   停止 (stop): ./sandtable down")


def down(var: Path) -> int:
    """Stop everything."""
    with at_work(var):
        stopped = lifecycle.stop(Installation.load(var))
    print("沙盘已停止 (stopped)" if stopped else "沙盘未在运行 (was not running)")
    return 0


def reset(var: Path, yes: bool) -> int:
    """Stop everything and delete all data but the backups."""
    if not yes:
        raise LaunchError(
            f"将删除 {var} 中的全部数据（备份除外）(this deletes all data in it but the backups)",
            "确认请运行 ./sandtable reset --yes (to confirm).",
        )
    with at_work(var):
        installation = Installation.load(var)
        lifecycle.stop(installation)
        for path in sorted(var.iterdir()):
            if path.name in ("backups", "run"):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        installation.delete_servers()
    print(f"已重置 (reset): {var}")
    if (var / "backups").exists():
        print(f"备份保留 (backups kept): {var / 'backups'}")
    if not installation.private_database:
        print("外部数据库未改动 (the existing database was left alone)")
    return 0


def backup(var: Path, file: Path | None, *, archive: bool) -> int:
    """Write a backup, with the archived days of the history or without; starts the servers for it when none runs."""
    installation = Installation.load(var)
    path = file.absolute() if file else default_path(installation)
    steps = Steps(installation.logs / "backup.log")
    runner = Runner(steps.log)
    try:
        servers = _servers(installation, Preparation(installation, steps, runner))
        with at_work(var), servers, steps.step("备份 (backup)") as step:
            Backup(installation, runner).write(path, archive=archive)
            step.note = f"{path}（{path.stat().st_size / 1e6:.1f} MB）"
            about = Backup.about(path)
    except LaunchError as error:
        steps.explain(error)
        return 1
    if about["archived"] and not about["archive"]:
        size = sum(file["size_bytes"] for file in about["archived"])
        print(
            f"备份不含轨迹归档：{len(about['archived'])} 个文件共 {size / 1e6:.1f} MB，须从"
            f" {installation.archive or installation.var / 'archive'} 另行复制"
            f" (the archived history is not in it: copy it from there); 清单 (listed in): {ABOUT}"
        )
    print("备份含密钥与个人信息，请妥善保管 (it holds keys and personal data: keep it safe).")
    return 0


def restore(var: Path, file: Path) -> int:
    """Put a backup back; everything else is stopped for it and stays so."""
    installation = Installation.load(var)
    steps = Steps(installation.logs / "restore.log")
    runner = Runner(steps.log)
    preparation = Preparation(installation, steps, runner)
    try:
        with at_work(var):
            about = Backup.about(file)
            print(f"备份 (backup): {about['created_at']}，版本 (revision) {about['revision']}")
            preparation.machine()
            work = Backup(installation, runner)
            with steps.step("核对程序版本 (the code fits)"):
                work.check_code(about)
            with steps.step("停止进程 (stop)"):
                lifecycle.stop(installation)
            with _servers(installation, preparation), steps.step("恢复 (restore)"):
                missing = work.restore(file)
    except LaunchError as error:
        steps.explain(error)
        return 1
    if about.get("archived") and archive_folder(installation) is None:
        print(
            "轨迹归档在外部存储中，启动后请运行 ./sandtable manage archive verify 核对"
            " (the archive is on other storage: verify it once it runs)."
        )
    print("已恢复，请运行 ./sandtable up (restored; now start it).")
    if missing:
        print(
            f"但有 {len(missing)} 天的轨迹归档缺失或已损坏 (archived days are missing or damaged):\n  "
            + "\n  ".join(missing)
            + f"\n把这些文件从原处复制到 {archive_folder(installation)}；在此之前，查询那些天会答复“缺失或已损坏”"
            " (copy them there; until then questions about those days are refused)."
        )
    return int(bool(missing))


@contextmanager
def _servers(installation: Installation, preparation: Preparation) -> Iterator[None]:
    """Have the database running: as it is, or started and stopped again."""
    if lifecycle.is_running(installation):
        yield
        return
    installation.lives_with = os.getpid()  # be this command killed; whoever it lived with before may have ended
    try:
        preparation.servers()
        yield
    finally:
        lifecycle.stop(installation)
