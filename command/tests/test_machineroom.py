"""The platform's alerts about itself: each is raised by what it is about, and ends when that is over."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client import REGISTRY

from access.models import Grant, User
from command.failures import Failures
from command.knowledge import Knowledge
from command.lifecycle import AlertAction, actions_for, advance
from command.machineroom.checks import CHECKS
from command.machineroom.meters import BrokerSays, broker_clients, dropped_total
from command.machineroom.watch import MachineWatch, watch_without_rules
from command.models import Alert, RuleSetting, RuleVersion
from command.push import connected_client
from command.rules import registry
from command.seeding import keep_settings
from devices.models import ProcessReport, ProcessSample, ShardLease
from devices.reporting.disks import backup_time, watch_backups
from devices.reporting.figures import Interval, Seen
from devices.tests.broker import running_mosquitto, wait_for
from twin.history import ensure_partitions, partition_name, upcoming_days
from twin.kinds import kind_of, kinds

pytestmark = pytest.mark.django_db

LINES = ("web", "ingest", "rules", "jobs")
QUIET = {"sandtable_broker_connected{client=web}": 1}


@pytest.fixture(autouse=True)
def outside_broker(settings):
    """No warden is expected: the broker is somebody else's."""
    settings.BROKER_DIR = None


def tell(line, ago_s=0, gauges=(), name="", counters=(), seen=()):
    """A process tells of itself, some time ago."""
    figures = Interval(5.0, dict(counters), {**QUIET, **dict(gauges)}, dict(seen)).as_json()
    at = timezone.now() - timedelta(seconds=ago_s)
    ProcessReport.objects.update_or_create(
        host="h1",
        name=name or line,
        defaults={"line": line, "pid": 7, "started_at": at, "reported_at": at, "figures": figures},
    )


def sample(line, ago_s, counters=(), gauges=(), seen=(), name=""):
    figures = Interval(30.0, dict(counters), {**QUIET, **dict(gauges)}, dict(seen)).as_json()
    at = timezone.now() - timedelta(seconds=ago_s)
    ProcessSample.objects.create(line=line, name=name or line, host="h1", at=at, figures=figures)


class Watched:
    """The platform, watched by hand; well until something is done to it."""

    def __init__(self):
        keep_settings()
        for line in LINES:
            tell(line)
        for shard in range(4):
            ShardLease.objects.create(shard=shard, owner="1@h1:7", expires_at=timezone.now() + timedelta(seconds=5))
        with connection.cursor() as cursor:
            ensure_partitions(cursor, dict.fromkeys(kinds(), upcoming_days(timezone.now().date())))

    def judge(self):
        knowledge = Knowledge(registry)
        with connection.cursor() as cursor:
            knowledge.load(cursor, {"rules"})
            MachineWatch(knowledge, Failures(), 0).judge(cursor)

    def open(self):
        """Open causes of the platform's rules, after another look."""
        self.judge()
        return {(a.rule.removeprefix("command."), a.cause) for a in Alert.objects.filter(cause_ended_at=None)}


@pytest.fixture
def platform(db):
    watched = Watched()
    assert watched.open() == set()
    return watched


def test_a_process_falls_silent_and_comes_back(platform):
    tell("ingest", ago_s=45)
    assert platform.open() == {("process_silent", "process:h1/ingest")}
    (alert,) = Alert.objects.all()
    assert (alert.subject, alert.evidence["pid"], alert.owner, alert.region) == ("ingest @ h1", "7", None, None)
    assert alert.evidence["silent_s"] >= 45
    tell("ingest")
    assert platform.open() == set()


def test_a_line_of_which_no_process_runs(platform):
    ProcessReport.objects.filter(line="jobs").delete()
    assert platform.open() == {("process_silent", "process:*/jobs")}
    tell("jobs")
    assert platform.open() == set()


def test_shards_that_nobody_takes_in(platform):
    ShardLease.objects.filter(shard__lt=2).update(expires_at=timezone.now() - timedelta(seconds=20))
    assert platform.open() == {("shard_free", "shards")}
    assert Alert.objects.get().evidence["shards"] == 2
    ShardLease.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    assert platform.open() == set()


def test_a_source_that_stops_and_comes_back(platform):
    kind = {"sandtable_ingest_kind_positions_total{kind=vehicle}": 500}
    sample("ingest", 1500, kind)
    sample("ingest", 20, {"sandtable_ingest_kind_positions_total{kind=machine}": 500})
    assert platform.open() == {("source_silent", "source:kind/vehicle")}
    assert Alert.objects.get().subject == "车辆"
    # The hour in which it was heard is over, and it is still missing.
    ProcessSample.objects.filter(figures__c__has_key=next(iter(kind))).delete()
    assert len(platform.open()) == 1
    sample("ingest", 10, {"sandtable_ingest_kind_positions_total{kind=vehicle}": 3})
    assert platform.open() == set()


def test_sources_are_not_blamed_where_the_ingest_is_gone(platform):
    sample("ingest", 1500, {"sandtable_ingest_messages_total{source=pos}": 500})
    tell("ingest", ago_s=45)
    assert {rule for rule, _cause in platform.open()} == {"process_silent"}


def lag(seconds):
    return {"sandtable_ingest_lag_seconds": Seen(100, 100 * seconds, seconds)}


def test_lag_is_told_when_it_lasts_and_ends_when_it_is_clearly_over(platform):
    sample("ingest", 50, seen=lag(9.0))
    assert platform.open() == set()
    sample("ingest", 20, seen=lag(8.0))
    assert platform.open() == {("ingest_lag", "lag")}
    assert Alert.objects.get().evidence["lag_s"] == 9.0
    sample("ingest", 2, seen=lag(0.3))
    assert len(platform.open()) == 1
    sample("ingest", 1, seen=lag(0.3))
    assert platform.open() == set()


def test_a_queue_is_a_lag_although_nothing_is_stored(platform):
    for ago_s in (50, 20):
        sample("ingest", ago_s, gauges={"sandtable_ingest_queue_messages": 150_000})
    assert platform.open() == {("ingest_lag", "lag")}
    ProcessSample.objects.all().delete()
    assert platform.open() == set()


def test_refusals_beyond_a_share(platform):
    sample("ingest", 60, {"sandtable_positions_received_total": 2000})
    sample("ingest", 60, {"sandtable_positions_refused_total{reason=time_in_future}": 90})
    assert platform.open() == set()
    sample("warden", 30, {"sandtable_positions_refused_total{reason=not_authorised}": 60})
    assert platform.open() == {("refusals", "refusals")}
    assert Alert.objects.get().evidence == {"refused": 150, "share_pct": 7.5, "reason": "time_in_future"}
    sample("ingest", 10, {"sandtable_positions_received_total": 2000})
    assert len(platform.open()) == 1  # 3.75 %: better, not well
    sample("ingest", 5, {"sandtable_positions_received_total": 9000})
    assert platform.open() == set()


def disk(free, size=100 << 30):
    folder = "{folder=data}"
    return {f"sandtable_disk_free_bytes{folder}": free, f"sandtable_disk_size_bytes{folder}": size}


def test_a_disk_that_fills(platform):
    tell("web", gauges=disk(11 << 30))
    assert platform.open() == set()
    tell("web", gauges=disk(9 << 30))
    assert platform.open() == {("disk_filling", "disk:h1/data")}
    assert Alert.objects.get().subject == "数据目录 @ h1"
    tell("web", gauges=disk(int(10.5 * (1 << 30))))
    assert len(platform.open()) == 1
    tell("web", gauges=disk(30 << 30))
    assert platform.open() == set()


def test_an_analyser_that_failed_one_that_is_slow_and_cameras_nobody_looks_at(platform):
    tell("gb28181", gauges={"sandtable_analysis_failed{analyser=a.b}": 1, "sandtable_analysis_failed{analyser=c.d}": 0})
    assert platform.open() == {("analyser_failed", "analyser:a.b")}
    tell("gb28181", gauges={"sandtable_analysis_blind": 2})
    assert platform.open() == {("analysis_blind", "blind")}
    assert Alert.objects.filter(rule="command.analysis_blind").get().evidence == {"tasks": 2}
    tell("gb28181")
    skipped, looked = "sandtable_analysis_skipped_total{analyser=a.b}", "sandtable_analysis_looked_total{analyser=a.b}"
    sample("gb28181", 20, counters={skipped: 40, looked: 10})
    assert platform.open() == set()  # too few to tell
    sample("gb28181", 10, counters={skipped: 20, looked: 60})
    assert platform.open() == {("analysis_slow", "slow:a.b")}
    sample("gb28181", 5, counters={looked: 400})
    assert platform.open() == set()


def test_a_partition_missing_for_tomorrow(platform):
    machine = kind_of("machine")
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{partition_name(machine, tomorrow)}"')
    assert platform.open() == {("partition_missing", "partition")}
    assert Alert.objects.get().evidence == {"kinds": str(machine.name)}
    with connection.cursor() as cursor:
        ensure_partitions(cursor, {machine: {tomorrow}})
    assert platform.open() == set()


def ended(task, how, ago_s):
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, priority)
               VALUES ('default', %s, %s, '{}', 0) RETURNING id""",
            [task, how],
        )
        (key,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO procrastinate_events (job_id, type, at) VALUES (%s, %s, now() - make_interval(secs => %s))",
            [key, how, ago_s],
        )


def test_a_job_that_fails_again_and_again(platform):
    ended("a.job", "failed", 9000)
    ended("a.job", "succeeded", 8000)
    for ago_s in (300, 200):
        ended("a.job", "failed", ago_s)
    assert platform.open() == set()
    ended("a.job", "failed", 100)
    assert platform.open() == {("job_failing", "job:a.job")}
    assert Alert.objects.get().evidence == {"times": 3}
    ended("a.job", "succeeded", 5)
    assert platform.open() == set()


def test_a_broker_that_drops(platform):
    sample("rules", 100, {"sandtable_broker_dropped_messages_total": 99})
    assert platform.open() == set()
    sample("rules", 20, {"sandtable_broker_dropped_messages_total": 1})
    assert platform.open() == {("broker_dropping", "dropping")}
    ProcessSample.objects.update(at=timezone.now() - timedelta(minutes=11))
    assert platform.open() == set()


def test_a_process_without_its_broker(platform):
    tell("web", gauges={"sandtable_broker_connected{client=web}": 0})
    assert platform.open() == set()  # it may just be starting
    sample("web", 5, gauges={"sandtable_broker_connected{client=web}": 0})
    assert platform.open() == {("broker_away", "broker:h1/web")}
    tell("web")
    assert platform.open() == set()


def test_a_backup_that_is_old_where_backups_are_kept(platform, tmp_path):
    watch_backups(tmp_path)
    try:
        assert REGISTRY.get_sample_value("sandtable_backup_newest_timestamp_seconds") == 0
        file = tmp_path / "sandtable-20260101T000000Z.tar"
        file.touch()
        old = timezone.now().timestamp() - 8 * 86_400
        os.utime(file, (old, old))
        tell("jobs", gauges={"sandtable_backup_newest_timestamp_seconds": backup_time.collect()[0].samples[0].value})
        assert platform.open() == {("backup_old", "backup")}
        assert Alert.objects.get().evidence == {"age_days": pytest.approx(8.0, abs=0.2)}
        (tmp_path / "sandtable-20260109T000000Z.tar").touch()
        tell("jobs", gauges={"sandtable_backup_newest_timestamp_seconds": backup_time.collect()[0].samples[0].value})
        assert platform.open() == set()
    finally:
        watch_backups(tmp_path / "nowhere")


def test_limits_are_set_on_the_desk_and_versioned(platform):
    setting = RuleSetting.objects.get(rule="command.process_silent")
    assert setting.parameters == {"silent_s": 30}
    tell("ingest", ago_s=45)
    setting.parameters = {"silent_s": 60}
    setting.save()
    assert platform.open() == set()
    tell("ingest", ago_s=90)
    assert len(platform.open()) == 1
    assert (Alert.objects.get().rule_version, Alert.objects.get().parameters) == (2, {"silent_s": 60})
    assert [v.parameters["silent_s"] for v in RuleVersion.objects.filter(setting=setting)] == [60, 30]
    setting.enabled = False
    setting.save()
    assert platform.open() == set()


def test_a_check_that_throws_says_so_and_keeps_what_is_open(platform, monkeypatch):
    tell("ingest", ago_s=45)
    platform.open()
    broken = next(check for check in CHECKS if check.rule.id == "command.process_silent")

    def judge(*_):
        raise ZeroDivisionError("no")

    monkeypatch.setitem(broken.__dict__, "judge", judge)
    tell("ingest")
    assert platform.open() == {("process_silent", "process:h1/ingest"), ("rule_failed", "rule:command.process_silent")}


def test_administrators_and_the_city_handle_the_platforms_alerts(platform):
    tell("ingest", ago_s=45)
    platform.open()
    alert = Alert.objects.get()
    people = {role: User.objects.create_user(role) for role in ("administrator", "city", "planner")}
    for role, user in people.items():
        Grant.objects.create(user=user, role=role)
    assert AlertAction.ACKNOWLEDGE in actions_for(alert, people["administrator"])
    assert AlertAction.ACKNOWLEDGE in actions_for(alert, people["city"])
    assert actions_for(alert, people["planner"]) == []
    advance(alert.pk, AlertAction.ACKNOWLEDGE, people["administrator"])
    disposed = advance(alert.pk, AlertAction.DISPOSE, people["administrator"], text="重启")
    assert AlertAction.VERIFY not in actions_for(disposed, people["administrator"])
    assert AlertAction.VERIFY in actions_for(disposed, people["city"])


def test_somebody_watches_the_watcher(platform):
    tell("rules", ago_s=45)
    with connection.cursor() as cursor:
        assert len(watch_without_rules(cursor)) == 1
    assert Alert.objects.get().cause == "process:h1/rules"
    tell("rules")
    tell("ingest", ago_s=45)
    with connection.cursor() as cursor:
        assert watch_without_rules(cursor) == []


def test_the_broker_tells_of_itself(tmp_path):
    with running_mosquitto(tmp_path, "sys_interval 1\nallow_anonymous true\n") as broker:
        says = BrokerSays()
        client = connected_client(f"mqtt://127.0.0.1:{broker.port}", says.follow)
        try:
            wait_for(lambda: broker_clients._value.get() >= 1)
            wait_for(lambda: says._dropped is not None)
        finally:
            client.disconnect()
            client.loop_stop()


def test_what_was_dropped_before_is_nobodys_news():
    says, before = BrokerSays(), dropped_total._value.get()
    for value in (b"50", b"53", b"x", b"2"):
        says._heard(
            None, None, type("Message", (), {"topic": "$SYS/broker/publish/messages/dropped", "payload": value})
        )
    assert dropped_total._value.get() - before == 3 + 2
