"""The private database and broker for real: closed folders, killed servers, killed supervisors, backups."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from launcher import configuration, lifecycle, starting
from launcher.backup import ABOUT, SECRETS, Backup
from launcher.broker import check_broker
from launcher.cluster import client_for, psql
from launcher.commands import Runner
from launcher.configuration import Installation
from launcher.exceptions import LaunchError
from launcher.files import is_locked
from launcher.preparation import Preparation
from launcher.processes import start_ticks, working_in
from launcher.programs import platform_programs
from launcher.steps import Steps
from launcher.supervisor import lock_file, read_state
from launcher.tools import choose_postgres, find_program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers")]  # made once, not once for each process


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Servers below a folder only we may enter, with a long path of spaces and Chinese characters."""
    top = tmp_path_factory.mktemp("closed")
    top.chmod(0o700)
    installation = Installation(top / ("沙 盘 " + "很长的路径" * 8) / "var", throwaway=True)
    assert len(str(installation.var).encode()) > 140
    servers_up(installation)
    yield installation
    lifecycle.stop(installation)


def servers_up(installation):
    steps = Steps(installation.logs / "up.log")
    Preparation(installation, steps, Runner(steps.log)).servers()


def sql(installation, script):
    runner = Runner(installation.logs / "test.log")
    return psql(client_for(installation), installation.database_address(), runner, script).strip()


def row(installation, name):
    return next(row for row in read_state(installation.var)["processes"] if row["name"] == name)


def wait_for_restart(installation, name, restarts):
    deadline = time.monotonic() + 20
    while row(installation, name)["restarts"] <= restarts or row(installation, name)["state"] != "up":
        assert time.monotonic() < deadline, f"{name} did not come back"
        time.sleep(0.05)


def test_postgis_and_own_databases_for_the_application(installation):
    assert sql(installation, "SELECT postgis_lib_version()").startswith("3.")
    sql(installation, "DROP DATABASE IF EXISTS own;\nCREATE DATABASE own;\n\\c own\nSELECT postgis_lib_version();\n")
    assert sql(installation, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "f"


def test_neither_server_has_roots_rights(installation):
    for name in ("postgres", "broker"):
        folder = Path("/proc", str(row(installation, name)["pid"]))
        lines = (folder / "status").read_text(encoding="utf-8").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        uid_map = (folder / "uid_map").read_text(encoding="utf-8").split()
        # Another account, or root's files in a namespace where it is another account and nobody is root.
        assert status["Uid"].split()[1] != "0" or (uid_map[0] != "0" and status["CapEff"].strip() == "0" * 16)


def test_both_listen_on_loopback_only(installation):
    wanted = {installation.port("postgres"), installation.port("broker")}
    listening = {}
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text(encoding="utf-8").splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if state == "0A" and int(port, 16) in wanted:
                listening.setdefault(int(port, 16), set()).add(address)
    assert listening == {port: {"0100007F"} for port in wanted}


def test_passwords_are_asked_for(installation):
    address = installation.database_address()
    wrong = type(address)(address.user, "wrong", address.host, address.port, address.name)
    with pytest.raises(LaunchError):
        psql(client_for(installation), wrong, Runner(installation.logs / "test.log"), "SELECT 1")
    with pytest.raises(LaunchError):
        check_broker(f"mqtt://platform:wrong@127.0.0.1:{installation.port('broker')}")
    with pytest.raises(LaunchError):
        check_broker(f"mqtt://127.0.0.1:{installation.port('broker')}")


def test_secrets_are_only_for_the_owner(installation):
    for path in (installation.var / "installation.json", installation.broker_folder / "passwords"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_killed_postmaster_with_a_busy_backend_comes_back(installation):
    sql(installation, "CREATE TABLE IF NOT EXISTS kept (n int);\nINSERT INTO kept VALUES (1);\n")
    before = row(installation, "postgres")
    env = {**os.environ, **installation.database_address().environment()}
    busy = subprocess.Popen(
        [client_for(installation).program("psql"), "-c", "SELECT count(*) FROM generate_series(1, 1e12)"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while (
        sql(installation, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%1e12%' AND state = 'active'") < "2"
    ):
        assert time.monotonic() < deadline
    os.kill(before["pid"], signal.SIGKILL)
    wait_for_restart(installation, "postgres", before["restarts"])
    assert busy.wait(10) != 0
    assert sql(installation, "SELECT count(*) FROM kept") >= "1"


def test_a_killed_broker_comes_back_on_its_port_with_clients_on_it(installation):
    before = row(installation, "broker")
    check_broker(installation.broker_address())
    os.kill(before["pid"], signal.SIGKILL)
    wait_for_restart(installation, "broker", before["restarts"])
    check_broker(installation.broker_address())


def test_the_broker_keeps_devices_in_its_password_file_over_a_restart(installation):
    passwords = installation.broker_folder / "passwords"
    device = "machine/1/d:$7$101$AAAAAAAAAAAAAAAA$AAAA\n"
    passwords.write_text(passwords.read_text() + device)
    lifecycle.stop(installation)
    servers_up(installation)
    assert passwords.read_text().endswith(device)
    check_broker(installation.broker_address())


def test_a_killed_supervisor_leaves_nothing_that_is_in_the_way(installation):
    state = read_state(installation.var)
    os.kill(state["pid"], signal.SIGKILL)
    lifecycle._started.pop(state["pid"]).wait(10)
    pids = [row["pid"] for row in state["processes"]]
    assert any(start_ticks(pid) for pid in pids), "the servers should have outlived their supervisor"
    assert lifecycle.stop(installation)
    assert not any(start_ticks(pid) for pid in pids)
    servers_up(installation)
    assert sql(installation, "SELECT 1") == "1"


def test_a_stale_pid_file_of_another_process_does_not_stop_it(installation):
    lifecycle.stop(installation)
    (installation.database_folder / "data" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{installation.database_folder / 'data'}\n1\n{installation.port('postgres')}\n\n127.0.0.1\n"
    )
    servers_up(installation)
    assert sql(installation, "SELECT 1") == "1"


def test_stop_stops_everything(installation):
    lifecycle.stop(installation)
    assert not is_locked(lock_file(installation.var))
    assert working_in(installation.database_folder / "data") == working_in(installation.broker_folder) == []
    assert lifecycle.stop(installation) is False
    servers_up(installation)


def test_what_ended_with_the_process_it_lived_with_can_be_backed_up(installation, tmp_path):
    lifecycle.stop(installation)
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    installation.lives_with = ended.pid
    installation.save()
    assert starting.backup(installation.var, tmp_path / "backup.tar", archive=False) == 0
    assert not is_locked(lock_file(installation.var))
    installation.lives_with = 0
    servers_up(installation)


def test_a_backup_brings_rows_keys_and_files_back(installation, tmp_path):
    sql(installation, "CREATE TABLE place (id serial PRIMARY KEY, at geometry(Point, 4326));\n"
        "INSERT INTO place (at) VALUES (ST_SetSRID(ST_MakePoint(121.47, 31.23), 4326));\n")  # fmt: skip
    (installation.var / "demo" / "devices.json").write_text("{}")
    keys = dict(installation.secrets)
    day = installation.var / "archive" / "machine" / "2026" / "machine-20261101-0a.parquet"
    day.parent.mkdir(parents=True)
    day.write_bytes(b"a day")
    files = {
        "machine/2026/machine-20261101-0a.parquet": hashlib.sha256(b"a day").hexdigest(), "gone.parquet": "0" * 64
    }  # fmt: skip
    rows = ", ".join(f"('{name}', 5, '{checksum}')" for name, checksum in files.items())
    sql(
        installation,
        "CREATE TABLE twin_archivedday (name text, size_bytes bigint, sha256 text);\n"
        f"INSERT INTO twin_archivedday VALUES {rows};\n",
    )
    path = tmp_path / "backup.tar"
    runner = Runner(installation.logs / "test.log")
    Backup(installation, runner).write(path, archive=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        about, secrets = (json.load(archive.extractfile(name)) for name in (ABOUT, SECRETS))
    assert about["city"] == "310000"
    assert {file["name"]: file["sha256"] for file in about["archived"]} == files
    assert set(secrets) == {"secret_key", "data_key"}

    sql(installation, "DELETE FROM place;\nCREATE TABLE later (n int);\n")
    (installation.var / "demo" / "devices.json").write_text("other")
    (installation.var / "demo" / "later").write_text("other")
    installation.secrets.update(data_key="lost", secret_key="lost")
    day.write_bytes(b"A day")
    assert Backup(installation, runner).restore(path) == ["gone.parquet"]
    assert sql(installation, "SELECT ST_AsText(at) FROM place") == "POINT(121.47 31.23)"
    assert sql(installation, "SELECT to_regclass('later') IS NULL") == "t"
    assert [path.name for path in (installation.var / "demo").iterdir()] == ["devices.json"]
    assert day.read_bytes() == b"a day"
    assert Installation.load(installation.var).secrets == keys
    assert sql(installation, "INSERT INTO place DEFAULT VALUES RETURNING id").split()[0] == "2"


def test_a_backup_can_go_to_an_existing_database(installation, tmp_path):
    sql(installation, "CREATE TABLE moved (n int);\nINSERT INTO moved VALUES (7);\n")
    path = tmp_path / "backup.tar"
    runner = Runner(installation.logs / "test.log")
    Backup(installation, runner).write(path)
    sql(
        installation,
        "DROP DATABASE IF EXISTS elsewhere;\nCREATE DATABASE elsewhere;\n\\c elsewhere\nCREATE TABLE old (n int);\n",
    )
    address = installation.database_address()
    url = type(address)(address.user, address.password, address.host, address.port, "elsewhere").url()
    other = Installation(tmp_path / "other", database_url=url)
    other.save()
    Backup(other, runner).restore(path)
    assert sql(other, "SELECT n FROM moved") == "7"
    assert sql(other, "SELECT to_regclass('old') IS NULL") == "t"


def test_a_damaged_backup_is_refused_before_anything_is_lost(installation, tmp_path):
    path = tmp_path / "broken.tar"
    path.write_bytes(b"x" * 4096)
    sql(installation, "CREATE TABLE IF NOT EXISTS precious (n int);\n")
    with pytest.raises(LaunchError):
        Backup(installation, Runner(installation.logs / "test.log")).restore(path)
    assert sql(installation, "SELECT to_regclass('precious') IS NOT NULL") == "t"


def test_inside_conda_only_its_own_programs_run(tmp_path, monkeypatch):
    prefix = tmp_path / "conda 环境"
    (prefix / "bin").mkdir(parents=True)
    for program in choose_postgres().bin.iterdir():
        (prefix / "bin" / program.name).symlink_to(program)
    (prefix / "bin" / "mosquitto").symlink_to(find_program("mosquitto"))
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    installation = Installation(tmp_path / "var", throwaway=True)
    try:
        servers_up(installation)
        for name in ("postgres", "broker"):
            command = Path("/proc", str(row(installation, name)["pid"]), "cmdline").read_bytes().split(b"\0")
            assert Path(command[0].decode()).parent == prefix / "bin"
        assert sql(installation, "SELECT postgis_lib_version()").startswith("3.")
        assert all(Path(program.argv[0]).parent == prefix / "bin" for program in platform_programs(installation))
    finally:
        lifecycle.stop(installation)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_without_user_namespaces_the_account_is_really_changed(tmp_path_factory, monkeypatch):
    # Containers may forbid user namespaces: an unshare that fails stands for them.
    top = tmp_path_factory.mktemp("open", numbered=True)
    programs = top / "bin"
    programs.mkdir()
    (programs / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (programs / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    installation = Installation(top / "var", throwaway=True)
    closed = any(not folder.stat().st_mode & 0o001 for folder in top.parents)
    monkeypatch.setattr(configuration, "SYSTEM_FOLDER", Path("/var/lib/sandtable-test"))
    try:
        servers_up(installation)
        for name in ("postgres", "broker"):
            assert Path("/proc", str(row(installation, name)["pid"])).stat().st_uid != 0
        check_broker(installation.broker_address())
        # pytest's folders are root's alone, as a checkout in root's home is.
        assert bool(installation.servers) == closed
    finally:
        lifecycle.stop(installation)
        installation.delete_servers()


def test_reset_needs_a_yes_and_keeps_the_backups(installation, capsys):
    """The last: what all the others shared goes with it."""
    (installation.var / "backups").mkdir()
    with pytest.raises(LaunchError, match="全部数据"):
        starting.reset(installation.var, yes=False)
    assert read_state(installation.var)
    assert starting.reset(installation.var, yes=True) == 0
    assert not is_locked(lock_file(installation.var))
    assert sorted(path.name for path in installation.var.iterdir()) == ["backups", "run"]
    assert "备份保留" in capsys.readouterr().out
