"""What an installation remembers, and what its processes are told."""

import asyncio
import json
import shutil
import socket
import stat
from pathlib import Path

import pytest

from launcher import configuration, readiness
from launcher.__main__ import command_parser
from launcher.configuration import Installation
from launcher.exceptions import LaunchError
from launcher.lifecycle import is_ready
from launcher.ports import choose_port, is_free
from launcher.preparation import take_web_port
from launcher.programs import platform_programs
from launcher.starting import apply_options


def options(*words):
    return command_parser("up").parse_args(words)


@pytest.fixture
def taken():
    """A port somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_an_installation_is_remembered_and_closed_to_others(tmp_path):
    installation = Installation(tmp_path / "var")
    ports = [installation.port(name) for name in ("web", "postgres", "broker")]
    assert len(set(ports)) == 3
    again = Installation.load(tmp_path / "var")
    assert (again.ports, again.secrets) == (installation.ports, installation.secrets)
    assert stat.S_IMODE((tmp_path / "var" / "installation.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_damaged_file_is_no_new_installation(tmp_path):
    (tmp_path / "installation.json").write_text("{")
    with pytest.raises(LaunchError, match=r"installation\.json"):
        Installation.load(tmp_path)


def test_options_are_remembered_and_the_rest_stays(tmp_path):
    installation = Installation(tmp_path)
    apply_options(installation, options("--city", "440300", "--no-demo", "--listen", "192.0.2.7"), {})
    apply_options(installation, options(), {})
    assert (installation.city, installation.demo, installation.listen) == ("440300", False, "192.0.2.7")
    apply_options(installation, options("--demo"), {})
    assert installation.demo
    with pytest.raises(LaunchError, match="44"):
        apply_options(installation, options("--city", "44"), {})


def test_several_processes_share_a_port_and_have_their_own_names(tmp_path):
    installation = Installation(tmp_path / "var")
    apply_options(installation, options("--processes", "ingest=2,web=2"), {})
    apply_options(installation, options(), {})
    installation.save()
    programs = {program.name: program for program in platform_programs(Installation.load(tmp_path / "var"))}
    names = [name for name in programs if name.partition(".")[0] in ("web", "ingest")]
    assert names == ["web", "web.2", "ingest", "ingest.2"]
    assert programs["web"].argv == programs["web.2"].argv
    assert [programs[name].argv[-2:] for name in names[2:]] == [["--name", "1"], ["--name", "2"]]
    assert len({programs[name].env["SANDTABLE_METRICS_PORT"] for name in names}) == 4
    assert [programs[name].env["SANDTABLE_PROCESS"] for name in names] == names
    apply_options(installation, options("--processes", ""), {})
    assert installation.processes == {}


def test_existing_servers_come_from_the_environment_or_the_command_line(tmp_path):
    installation = Installation(tmp_path)
    assert installation.private_database
    apply_options(installation, options("--mqtt-url", "mqtt://a:b@c"), {"DATABASE_URL": "postgres://d/e"})
    apply_options(installation, options(), {})
    assert not installation.private_database
    assert not installation.private_broker
    env = installation.environment({})
    assert (env["DATABASE_URL"], env["MQTT_URL"], env["SANDTABLE_BROKER_DIR"]) == ("postgres://d/e", "mqtt://a:b@c", "")
    apply_options(installation, options("--database-url", "private", "--mqtt-url", "private"), {})
    assert installation.private_database
    assert installation.private_broker


def test_a_taken_port_is_left_alone(tmp_path, taken):
    assert not is_free(taken)
    installation = Installation(tmp_path, ports={"web": taken, "postgres": taken, "broker": 12000})
    installation.leave_taken_ports()
    assert installation.ports["postgres"] != taken
    with pytest.raises(LaunchError, match=str(taken)):
        take_web_port(installation, taken)
    take_web_port(installation, None)
    assert installation.ports["web"] != taken


def test_ports_stay_out_of_linux_own_range():
    for seed in ("a", "b", "/srv/沙盘/var"):
        for name in ("web", "postgres", "broker", "metrics:web"):
            assert 1024 < choose_port(name, (), seed=seed) < 32768


def test_two_installations_that_start_together_choose_different_web_ports(tmp_path):
    ports = {Installation(tmp_path / name).port("web") for name in ("a", "b", "c")}
    assert len(ports) == 3


def test_another_installation_s_answer_on_our_port_is_not_ours(tmp_path):
    ours, theirs = Installation(tmp_path / "a"), Installation(tmp_path / "b")

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        text = json.dumps({"status": "ok", "installation": theirs.name})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        writer.close()

    async def ask():
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for installation in (ours, theirs):
                installation.ports["web"] = port
            url = f"http://127.0.0.1:{port}/healthz"
            found = [await readiness.answers(url, installation.name) for installation in (ours, theirs)]
            return found, [await asyncio.to_thread(is_ready, installation) for installation in (ours, theirs)]

    assert asyncio.run(ask()) == ([False, True], [False, True])


def test_processes_get_their_words_ports_and_secrets(tmp_path):
    installation = Installation(tmp_path / "沙 盘")
    programs = {program.name: program for program in platform_programs(installation)}
    web = programs["web"]
    assert web.argv[0].endswith("/bin/python")
    assert web.argv[web.argv.index("--port") + 1] == str(installation.port("web"))
    assert programs["simulator"].argv[-1] == f"{installation.var}/demo/devices.json"
    ports = [program.env["SANDTABLE_METRICS_PORT"] for program in programs.values()]
    assert len(set(ports)) == len(programs)
    assert installation.secrets["broker"] in web.env["MQTT_URL"]
    assert json.loads((installation.var / "installation.json").read_text())["ports"] == installation.ports


def test_what_was_set_outside_does_not_leak_in(tmp_path):
    env = Installation(tmp_path).environment({"SANDTABLE_DEBUG": "1", "PYTHONPATH": "/x", "PATH": "/bin", "HOME": "/h"})
    assert "SANDTABLE_DEBUG" not in env
    assert "PYTHONPATH" not in env
    assert env["PATH"].endswith(":/bin")
    assert env["HOME"] == "/h"


@pytest.mark.parametrize(
    ("listen", "hosts", "expected"),
    [("127.0.0.1", "", "127.0.0.1,localhost,[::1]"), ("192.0.2.7", "a.example", "192.0.2.7,a.example")],
)
def test_hosts_the_web_process_answers_to(tmp_path, listen, hosts, expected):
    assert Installation(tmp_path, listen=listen, hosts=hosts).allowed_hosts().endswith(expected)


def test_servers_move_where_their_account_cannot_enter_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "SYSTEM_FOLDER", tmp_path / "system")
    installation = Installation(tmp_path / "home" / "var")
    installation.move_servers()
    again = Installation.load(installation.var)
    assert again.database_folder == installation.database_folder
    assert again.database_folder.is_relative_to(tmp_path / "system")
    assert again.broker_folder.parent == again.database_folder.parent
    again.delete_servers()
    assert not Path(again.servers).exists()


def test_a_checkout_that_was_deleted_and_cloned_again_meets_no_data_with_other_passwords(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "SYSTEM_FOLDER", tmp_path / "system")
    old = Installation(tmp_path / "home" / "var")
    old.move_servers()
    (old.database_folder / "data").mkdir(parents=True)
    shutil.rmtree(tmp_path / "home")
    new = Installation(tmp_path / "home" / "var")
    new.move_servers()
    assert not (new.database_folder / "data").exists()
    assert (old.database_folder / "data").exists()


def test_servers_with_data_stay_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "SYSTEM_FOLDER", tmp_path / "system")
    installation = Installation(tmp_path / "var")
    (installation.database_folder / "data").mkdir(parents=True)
    installation.move_servers()
    assert installation.database_folder == tmp_path / "var" / "postgres"
