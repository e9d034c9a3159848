"""Procfile, addresses, metrics, locks, and the words before a command."""

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest

from launcher.__main__ import command_parser, split
from launcher.broker import connect_packet, is_line_of, password_line
from launcher.cluster import settings
from launcher.database_url import DatabaseAddress
from launcher.exceptions import LaunchError
from launcher.files import fingerprint, is_locked, locked, tail
from launcher.logs import KEPT, RotatingLog
from launcher.procfile import expand, instances, line_of, parse_counts, parse_procfile, wanted_processes
from launcher.status import Reading, parse_counters, rate
from launcher.tools import Postgres, installed_postgres, node_supported

ROOT = Path(__file__).resolve().parents[2]


def test_procfile_keeps_order_and_quotes():
    assert parse_procfile("# first\nweb: python -m a --x 'b c'\n\njobs: run\n") == {
        "web": ["python", "-m", "a", "--x", "b c"],
        "jobs": ["run"],
    }


@pytest.mark.parametrize("text", ["web python", "Web: x", "web:", "a: x\na: y", "a: 'x"])
def test_procfile_refuses_what_it_cannot_mean(text):
    with pytest.raises(LaunchError):
        parse_procfile(text)


def test_a_variable_with_spaces_stays_one_word():
    assert expand(["$VAR/demo", "${VAR}x", "plain"], {"VAR": "/沙 盘"}) == ["/沙 盘/demo", "/沙 盘x", "plain"]
    with pytest.raises(LaunchError, match="MISSING"):
        expand(["$MISSING"], {})


def test_warden_and_simulator_run_only_where_they_have_something_to_do():
    everything = wanted_processes(ROOT / "Procfile", private_broker=True, demo=True)
    assert list(everything) == ["web", "ingest", "rules", "warden", "jt808", "gb28181", "jobs", "simulator"]
    assert list(wanted_processes(ROOT / "Procfile", private_broker=False, demo=False)) == [
        "web",
        "ingest",
        "rules",
        "jt808",
        "gb28181",
        "jobs",
    ]


def test_database_address_survives_odd_passwords():
    address = DatabaseAddress("u", "p@:/ ü", "db.example", 5433, "沙盘", (("sslmode", "require"),))
    assert DatabaseAddress.parse(address.url() + "?sslmode=require") == address
    env = address.environment()
    assert (env["PGPASSWORD"], env["PGSSLMODE"]) == ("p@:/ ü", "require")


@pytest.mark.parametrize("url", ["mysql://a/b", "postgres://host", "nonsense"])
def test_database_address_refuses_others(url):
    with pytest.raises(LaunchError):
        DatabaseAddress.parse(url)


def test_counters_are_summed_over_labels():
    text = (
        '# HELP x y\nx_total{reason="a b"} 2\nx_total{reason="c"} 3.5\nx_created{reason="c"} 1e9\nbroken\ny 1 1700000\n'
    )
    assert parse_counters(text) == {"x_total": 5.5, "x_created": 1e9, "y": 1.0}


def test_a_restarted_counter_counts_from_zero():
    assert rate(Reading(0.0, {"x": 100.0}), Reading(2.0, {"x": 300.0}), "x") == 100.0
    assert rate(Reading(0.0, {"x": 100.0}), Reading(2.0, {"x": 30.0}), "x") == 15.0
    assert rate(Reading(0.0, {}), Reading(1.0, {}), "x") == 0.0


@pytest.mark.parametrize(
    ("version", "supported"),
    [((18, 19), False), ((20, 18), False), ((20, 19), True), ((21, 7), False), ((22, 11), False), ((22, 12), True),
     ((24, 0), True), ((0, 0), False)],
)  # fmt: skip
def test_node_versions_the_bundler_runs_on(version, supported):
    assert node_supported(version) is supported


def test_the_password_line_is_mosquittos_own_format(tmp_path):
    line = password_line("platform", "secret", bytes(range(12)))
    user, rest = line.strip().split(":")
    _, seven, iterations, salt, key = rest.split("$")
    assert (user, seven, iterations, base64.b64decode(salt)) == ("platform", "7", "101", bytes(range(12)))
    assert base64.b64decode(key) == hashlib.pbkdf2_hmac("sha512", b"secret", bytes(range(12)), 101, 64)
    assert is_line_of(password_line("platform", "secret"), "secret")
    assert not is_line_of(line, "other")
    assert not is_line_of("", "secret")


def test_connect_packet_lengths():
    packet = connect_packet("u", "p" * 200, "c")
    assert packet[0] == 0x10
    assert (packet[1] & 0x7F) + 128 * packet[2] == len(packet) - 3


def test_database_settings_follow_the_machine():
    small = settings(5, False, 2048, 8000)
    assert "shared_buffers = 256MB" in small
    assert "shared_buffers = 1024MB" in settings(5, False, 24000, 8000)
    assert "fsync" not in small
    assert "fsync = off" in settings(5, True, 2048, 8000)
    assert "dynamic_shared_memory_type = mmap" in settings(5, False, 2048, 64)
    assert "listen_addresses = '127.0.0.1'" in small


def test_a_lock_is_seen_and_refused_while_it_is_held(tmp_path):
    path = tmp_path / "lock"
    assert not is_locked(path)
    with locked(path, "busy"):
        assert is_locked(path)
        with pytest.raises(LaunchError, match="busy"), locked(path, "busy"):
            pass
    assert not is_locked(path)


def test_fingerprint_changes_with_names_and_contents_only(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "node_modules").mkdir()
    first = fingerprint(tmp_path, ("node_modules",))
    (tmp_path / "node_modules" / "x").write_text("1")
    (tmp_path / "a").touch()
    assert fingerprint(tmp_path, ("node_modules",)) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert fingerprint(tmp_path, ("node_modules",)) != first


def test_tail_skips_the_hole_at_a_logs_start(tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.seek(1 << 20)
        file.write(b"\none\ntwo\n")
    assert tail(path, 2) == "one\ntwo"


def test_logs_turn_over_and_old_ones_go(tmp_path):
    log = RotatingLog(tmp_path / "x.log", limit=100)
    for number in range(40):
        log.write(f"{number:040d}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", *(f"x.log.{n}" for n in range(1, KEPT + 1))]
    assert "39" in (tmp_path / "x.log").read_text()
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())


def test_words_behind_a_command_are_left_alone():
    words = ["chaos", "--json", "--var"]
    assert split(["--var", "/x", "bench", *words]) == ("bench", words, Path("/x"))
    command, rest, _ = split(["up", "--city", "440300"])
    assert (command, command_parser("up").parse_args(rest).city) == ("up", "440300")
    options, further = command_parser("test").parse_known_args(["--fast", "-k", "name", "gis/tests"])
    assert options.fast
    assert further == ["-k", "name", "gis/tests"]


def test_the_stub_works_from_another_folder_through_a_link(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    link = tmp_path / "link"
    link.symlink_to(ROOT / "sandtable")
    result = subprocess.run([link, "--var", tmp_path / "沙 盘", "down"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "未在运行" in result.stdout


def test_several_of_one_process():
    assert parse_counts("ingest=2, web=3") == {"ingest": 2, "web": 3}
    assert parse_counts("") == {}
    assert instances("web", 1) == ["web"]
    assert instances("ingest", 3) == ["ingest", "ingest.2", "ingest.3"]
    assert {line_of(name) for name in instances("ingest", 3)} == {"ingest"}


@pytest.mark.parametrize("text", ["ingest", "ingest=", "ingest=0", "ingest=17", "ingest=-1", "warden=2", "nothing=1"])
def test_a_number_of_processes_that_cannot_be(text):
    with pytest.raises(LaunchError, match=text):
        parse_counts(text)


def test_a_server_that_is_linked_into_the_path_is_where_its_other_programs_are(tmp_path, monkeypatch):
    server, linked = tmp_path / "15" / "bin" / "postgres", tmp_path / "local" / "postgres"
    for folder in (server.parent, linked.parent):
        folder.mkdir(parents=True)
    server.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.18'\n")
    server.chmod(0o755)
    linked.symlink_to(server)
    monkeypatch.setenv("PATH", str(linked.parent), prepend=":")
    assert installed_postgres(debian=tmp_path) == [Postgres(server.parent, 15)]
