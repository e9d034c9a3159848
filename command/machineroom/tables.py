"""Tables and figures of the page, as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext

from command.machineroom.charts import Chart, by_minute, chart, rate_of, worst_of
from command.machineroom.findings import BACKUP, KINDS, LAG, QUEUE, RECEIVED, REFUSED, WAYS, away, disks
from command.machineroom.names import FOLDERS, LINES, STAGES, source_name
from command.machineroom.state import FRESH_S, Machine, Process
from devices.reasons import hint_of, name_of
from devices.reporting.figures import Interval

STORED = "sandtable_positions_stored_total"
AGE = "sandtable_live_age_seconds"
SENT, SENT_BYTES = "sandtable_live_frames_sent_total", "sandtable_live_sent_bytes_total"
SOCKETS = "sandtable_live_sockets"
STAGE = "sandtable_ingest_stage_seconds"


def tiles(machine: Machine) -> list[dict[str, str]]:
    """The figures that matter most, of now."""
    ingest, web = [p.did for p in machine.living("ingest")], [p.did for p in machine.living("web")]
    lags = [did.seen[LAG].p95 for did in ingest if LAG in did.seen]
    return [
        _tile(gettext("每秒收到"), figure(_rate(ingest, RECEIVED)), gettext("个位置")),
        _tile(gettext("每秒入库"), figure(_rate(ingest, STORED)), gettext("个位置")),
        _tile(gettext("入库延迟"), seconds(max((lag for lag in lags if lag is not None), default=None)), "p95"),
        _tile(gettext("排队"), figure(_sum(ingest, QUEUE)), gettext("条消息")),
        _tile(gettext("拒收"), figure(machine.count(REFUSED)), gettext("近一小时")),
        _tile(gettext("打开的屏幕"), figure(_sum(web, SOCKETS)), gettext("个连接")),
    ]


def charts(machine: Machine) -> list[Chart]:
    """The last hour by the minute."""
    return [
        chart(gettext("每秒入库（位置）"), by_minute(machine, rate_of(STORED)), figure),
        chart(gettext("入库延迟（p95）"), by_minute(machine, worst_of(LAG)), seconds),
        chart(gettext("每秒拒收"), by_minute(machine, rate_of(REFUSED)), figure),
        chart(gettext("推送到屏幕（每秒字节）"), by_minute(machine, rate_of(SENT_BYTES)), size),
    ]


def processes(machine: Machine) -> list[dict[str, Any]]:
    """Every process that told of itself, and those that should be there and are not."""
    rows = [_process(machine, process) for process in machine.processes]
    there = {process.line for process in machine.processes}
    for line in machine.expected:
        if line not in there:
            rows.append({"well": False, "state": gettext("没有运行"), "name": line, "purpose": LINES[line]})
    return rows


def _process(machine: Machine, process: Process) -> dict[str, Any]:
    silent_s = machine.silent_s(process)
    well = silent_s <= FRESH_S
    state = gettext("正常") if well else gettext("失联 %s") % timesince(process.reported_at, machine.now, depth=1)
    if well and away(process.did):
        well, state = False, gettext("连不上消息服务")
    return {
        "well": well,
        "state": state,
        "name": process.name,
        "purpose": LINES.get(process.line, process.line),
        "host": process.host,
        "since": timezone.localtime(process.started_at),
        "lasted": timesince(process.started_at, machine.now, depth=1),
        "revision": process.revision[:10] + ("+" if process.revision.endswith("-dirty") else ""),
        "cpu": f"{100 * process.did.rate('process_cpu_seconds_total'):.0f}%",
        "memory": size(process.did.gauges.get("process_resident_memory_bytes")),
    }


def stages(machine: Machine) -> list[dict[str, str]]:
    """Where the time of storing goes: milliseconds of a batch, and share of a second, over the last five minutes."""
    rows = []
    samples = [s for s in machine.since(300) if s.line == "ingest"]
    whole_s = max(sum(s.did.seconds for s in samples), 1e-9)
    for key, name in STAGES.items():
        seen = [s.did.seen[f"{STAGE}{{stage={key}}}"] for s in samples if f"{STAGE}{{stage={key}}}" in s.did.seen]
        count, total_s = sum(one.count for one in seen), sum(one.sum for one in seen)
        mean = f"{1000 * total_s / count:.1f} ms" if count else "—"
        rows.append({"name": str(name), "mean": mean, "share": f"{100 * total_s / whole_s:.1f}%"})
    return rows


def sources(machine: Machine) -> list[dict[str, str]]:
    """What came by kind and by way in the last hour."""
    rows = []
    for what, counter in (("kind", KINDS), ("way", WAYS)):
        lately = machine.by(counter, 60)
        last = {name: s.at for s in machine.samples for name in s.did.by(counter)}
        for name, count in sorted(machine.by(counter).items(), key=lambda row: -row[1]):
            rows.append(
                {
                    "name": source_name(what, name),
                    "what": gettext("类别") if what == "kind" else gettext("方式"),
                    "hour": figure(count),
                    "rate": figure(lately.get(name, 0.0) / 60),
                    "last": timezone.localtime(last[name]).strftime("%H:%M:%S"),
                }
            )
    return rows


def refusals(machine: Machine) -> list[dict[str, str]]:
    """What was refused in the last hour by reason, the most frequent first."""
    found = sorted(machine.by(REFUSED).items(), key=lambda row: -row[1])
    return [{"code": code, "name": name_of(code), "count": figure(n), "hint": hint_of(code)} for code, n in found]


def shards(machine: Machine) -> list[dict[str, Any]]:
    """Every shard: who takes it in, how much comes, how late it is stored."""
    rates: dict[str, float] = {}
    lags: dict[str, float] = {}
    for process in machine.living("ingest"):
        for shard, count in process.did.by("sandtable_ingest_shard_positions_total").items():
            rates[shard] = rates.get(shard, 0.0) + count / max(process.did.seconds, 1e-9)
            lags[shard] = process.did.gauges_by("sandtable_ingest_shard_lag_seconds").get(shard, 0.0)
    return [
        {
            "number": lease.shard,
            "well": not lease.free_s,
            "owner": lease.owner.partition("@")[0] if not lease.free_s else "",
            "where": lease.owner,
            "rate": figure(rates.get(str(lease.shard), 0.0)),
            "lag": seconds(lags.get(str(lease.shard))),
        }
        for lease in machine.leases
    ]


def screens(machine: Machine) -> list[dict[str, str]]:
    """Each web process: its screens, what it got and sent, and who was too slow."""
    return [
        {
            "name": f"{process.name} @ {process.host}",
            "sockets": figure(process.did.gauges.get(SOCKETS, 0.0)),
            "heard": figure(process.did.rate("sandtable_live_frames_received_total")),
            "sent": figure(process.did.rate(SENT)),
            "bytes": size(process.did.rate(SENT_BYTES)),
            "age": seconds(process.did.seen[AGE].p95 if AGE in process.did.seen else None),
            "merged": figure(_hour(machine, process, "sandtable_live_merged_total")),
            "let_go": figure(_hour(machine, process, "sandtable_live_let_go_total")),
        }
        for process in machine.living("web")
    ]


def things(machine: Machine) -> list[tuple[str, str]]:
    """What the processes stand on: database, history, broker, jobs, disks, backup."""
    database = machine.database
    rules = [process.did.gauges for process in machine.living("rules")]
    gauges = rules[0] if rules else {}
    backup = max((process.did.gauges.get(BACKUP, 0.0) for process in machine.living()), default=0.0)
    rows = [
        (gettext("数据库大小"), size(database.size_bytes)),
        (gettext("数据库连接"), f"{database.connections} / {database.most_connections}"),
        (gettext("历史分区"), f"{_day(database.oldest_day)} – {_day(database.newest_day)}"),
        (gettext("消息服务连接"), figure(gauges.get("sandtable_broker_clients"))),
        (gettext("消息服务暂存"), figure(gauges.get("sandtable_broker_stored_messages"))),
        (gettext("消息服务丢弃（近一小时）"), figure(machine.count("sandtable_broker_dropped_messages_total"))),
        (gettext("等待的作业"), figure(machine.jobs.waiting)),
        (gettext("失败的作业"), ", ".join(f"{job.task} ×{job.times}" for job in machine.jobs.failing) or "0"),
        (gettext("规则判断出错（近一小时）"), figure(machine.count("sandtable_rule_faults_total"))),
    ]
    for (host, folder), (free, whole) in disks(machine).items():
        rows.append((f"{FOLDERS.get(folder, folder)} @ {host}", gettext("剩余 %s，共 %s") % (size(free), size(whole))))
    newest = datetime.fromtimestamp(backup, timezone.get_current_timezone()) if backup else None
    rows.append((gettext("最近的备份"), f"{newest:%Y-%m-%d %H:%M}" if newest else gettext("没有保留备份")))
    return rows


def figure(value: float | None) -> str:
    """A number for people; a dash for none."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """Seconds for people."""
    if value is None:
        return "—"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def size(value: float | None) -> str:
    """Bytes for people."""
    return "—" if value is None else filesizeformat(value)


def _tile(title: str, value: str, unit: str) -> dict[str, str]:
    return {"title": title, "value": value, "unit": unit}


def _rate(intervals: Iterable[Interval], counter: str) -> float:
    return sum(did.rate(counter) for did in intervals)


def _sum(intervals: Iterable[Interval], gauge: str) -> float:
    return sum(did.gauges.get(gauge, 0.0) for did in intervals)


def _hour(machine: Machine, process: Process, counter: str) -> float:
    return sum(sample.did.count(counter) for sample in machine.samples if sample.key == process.key)


def _day(day: str | None) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else "—"
