"""What is wrong with the platform: pure functions of the :class:`~command.machineroom.state.Machine`.

Each yields what is wrong now. Where a limit is crossed to and fro, what is open stays open until it is clearly better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from command.machineroom.names import FOLDERS, LINES, source_name
from command.machineroom.state import Machine
from devices.reporting.figures import Interval

WINDOW_S = 600
MINUTE_S = 60
DAY_S = 86_400
GIB = 1 << 30
REFUSED = "sandtable_positions_refused_total"
RECEIVED = "sandtable_positions_received_total"
DROPPED = "sandtable_broker_dropped_messages_total"
LAG = "sandtable_ingest_lag_seconds"
QUEUE = "sandtable_ingest_queue_messages"
CONNECTED = "sandtable_broker_connected"
KINDS = "sandtable_ingest_kind_positions_total"
WAYS = "sandtable_ingest_messages_total"
FREE, SIZE = "sandtable_disk_free_bytes", "sandtable_disk_size_bytes"
REMOVED_EARLY = "sandtable_recordings_removed_early_total"
HALTED, STUCK = "sandtable_recordings_halted", "sandtable_recordings_stuck"
ANALYSER_FAILED, ANALYSIS_BLIND = "sandtable_analysis_failed", "sandtable_analysis_blind"
ANALYSIS_SKIPPED, ANALYSIS_LOOKED = "sandtable_analysis_skipped_total", "sandtable_analysis_looked_total"
BACKUP = "sandtable_backup_newest_timestamp_seconds"


@dataclass(frozen=True)
class Finding:
    """Something wrong. ``cause`` names it among those of its rule for as long as it lasts."""

    cause: str
    subject: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def find_process_silent(machine: Machine, p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Processes not heard of, and lines of which none runs."""
    for process in machine.processes:
        silent_s = machine.silent_s(process)
        if silent_s > p["silent_s"]:
            yield Finding(
                f"process:{process.host}/{process.name}"[:120],
                f"{process.name} @ {process.host}",
                {"silent_s": round(silent_s), "pid": str(process.pid)},
            )
    there = {process.line for process in machine.processes}
    for line in machine.expected:
        if line not in there:
            yield Finding(f"process:*/{line}", str(LINES[line]), {})


def find_shard_free(machine: Machine, p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Shards that nobody takes in."""
    free = [lease for lease in machine.leases if lease.free_s > p["free_s"]]
    if free:
        evidence = {"shards": len(free), "longest_s": round(max(lease.free_s for lease in free))}
        yield Finding("shards", gettext("接入分片"), evidence)


def find_source_silent(machine: Machine, p: Mapping[str, Any], held: frozenset[str]) -> Iterator[Finding]:
    """Kinds and ways that brought positions within the hour and no longer do."""
    if not machine.living("ingest"):
        return  # then a process is silent, not its sources
    for what, counter in (("kind", KINDS), ("way", WAYS)):
        total: dict[str, float] = {}
        last_s: dict[str, float] = {}
        for sample in machine.samples:
            for name, count in sample.did.by(counter).items():
                total[name] = total.get(name, 0.0) + count
                last_s[name] = (machine.now - sample.at).total_seconds()
        silent = {name: s for name, s in last_s.items() if s > p["silent_min"] * MINUTE_S}
        for name, silent_s in silent.items():
            if total[name] >= p["at_least"]:
                cause = f"source:{what}/{name}"
                yield Finding(cause, source_name(what, name), {"silent_min": round(silent_s / MINUTE_S)})
        # Beyond the hour that is remembered a source that is known to be silent stays so until it is heard.
        prefix = f"source:{what}/"
        for cause in held:
            name = cause.removeprefix(prefix)
            if cause.startswith(prefix) and (name not in last_s or (name in silent and total[name] < p["at_least"])):
                yield Finding(cause, source_name(what, name), {})


def find_ingest_lag(machine: Machine, p: Mapping[str, Any], held: frozenset[str]) -> Iterator[Finding]:
    """Positions wait too long, or too many of them."""
    enough = any if "lag" in held else all
    worst_s, queue = 0.0, 0.0
    late = False
    for samples in machine.last_samples("ingest", 2).values():
        lags = [(s.did.seen[LAG].p95 or 0.0) if LAG in s.did.seen else 0.0 for s in samples]
        queues = [s.did.gauges.get(QUEUE, 0.0) for s in samples]
        crossed = [lag > p["limit_s"] or q > p["queue"] for lag, q in zip(lags, queues, strict=True)]
        late |= len(crossed) > 1 and enough(crossed)
        worst_s, queue = max(worst_s, *lags), max(queue, *queues)
    if late:
        yield Finding("lag", gettext("位置入库"), {"lag_s": round(worst_s, 1), "queue": round(queue)})


def find_refusals(machine: Machine, p: Mapping[str, Any], held: frozenset[str]) -> Iterator[Finding]:
    """Too large a share of the last ten minutes was refused."""
    by_reason = machine.by(REFUSED, WINDOW_S)
    refused, received = sum(by_reason.values()), machine.count(RECEIVED, WINDOW_S)
    share_pct = 100 * refused / max(received, refused, 1.0)
    limit_pct = p["share_pct"] / 2 if "refusals" in held else p["share_pct"]
    if refused >= p["at_least"] and share_pct >= limit_pct:
        reason = max(by_reason, key=lambda name: by_reason[name])
        evidence = {"refused": round(refused), "share_pct": round(share_pct, 1), "reason": reason}
        yield Finding("refusals", gettext("终端消息"), evidence)


def find_disk(machine: Machine, p: Mapping[str, Any], held: frozenset[str]) -> Iterator[Finding]:
    """Too little room on a disk."""
    for (host, folder), (free, size) in disks(machine).items():
        cause = f"disk:{host}/{folder}"
        more = 1.1 if cause in held else 1.0
        free_pct = 100 * free / size
        if free_pct < p["free_pct"] * more or free < p["free_gb"] * GIB * more:
            subject = f"{FOLDERS.get(folder, folder)} @ {host}"
            yield Finding(cause, subject, {"free_pct": round(free_pct, 1), "free_gb": round(free / GIB, 1)})


def disks(machine: Machine) -> dict[tuple[str, str], tuple[float, float]]:
    """Free and whole bytes of each machine's folders, as the newest process there told."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for process in sorted(machine.living(), key=lambda process: process.reported_at):
        sizes = process.did.gauges_by(SIZE)
        for folder, free in process.did.gauges_by(FREE).items():
            if sizes.get(folder):
                found[process.host, folder] = free, sizes[folder]
    return found


def find_partition(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """No room in the history for tomorrow."""
    if machine.missing_partitions:
        evidence = {"kinds": "、".join(source_name("kind", key) for key in machine.missing_partitions)}
        yield Finding("partition", gettext("轨迹历史"), evidence)


def find_job_failing(machine: Machine, p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Jobs that failed several times since they last went well."""
    for job in machine.jobs.failing:
        if job.times >= p["times"]:
            yield Finding(f"job:{job.task}"[:120], job.task, {"times": job.times})


def find_broker_dropping(machine: Machine, p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """The broker dropped messages in the last ten minutes."""
    dropped = machine.count(DROPPED, WINDOW_S)
    if dropped >= p["limit"]:
        yield Finding("dropping", gettext("消息服务"), {"dropped": round(dropped)})


def find_broker_away(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Processes without the broker for half a minute."""
    last = {sample.key: sample for sample in machine.samples}
    for process in machine.living():
        sample = last.get(process.key)
        if away(process.did) and sample is not None and away(sample.did):
            yield Finding(f"broker:{process.host}/{process.name}"[:120], f"{process.name} @ {process.host}")


def away(did: Interval) -> bool:
    """Whether a process that wants the broker does not have it."""
    return 0 in did.gauges_by(CONNECTED).values()


def find_backup(machine: Machine, p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Backups are kept, and the newest is old."""
    newest = max((process.did.gauges.get(BACKUP, 0.0) for process in machine.living()), default=0.0)
    age_days = (machine.now.timestamp() - newest) / DAY_S
    if newest and age_days > p["days"]:
        yield Finding("backup", gettext("备份"), {"age_days": round(age_days, 1)})


def find_recordings_halted(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Nothing is recorded, for the disk is full."""
    for process in machine.living():
        if process.did.gauges.get(HALTED):
            yield Finding(f"recordings:{process.host}"[:120], process.host)


def find_recordings_removed(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Recordings were deleted before their time within the hour."""
    if removed := machine.count(REMOVED_EARLY):
        yield Finding("removed", gettext("录像"), {"segments": round(removed)})


def find_recordings_stuck(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Channels that should be recorded give nothing that can be kept."""
    stuck = sum(process.did.gauges.get(STUCK, 0.0) for process in machine.living())
    if stuck:
        yield Finding("stuck", gettext("录像"), {"channels": round(stuck)})


def find_analyser_failed(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Analysers of pictures that threw, died or did not answer."""
    for process in machine.living():
        for analyser, failed in process.did.gauges_by(ANALYSER_FAILED).items():
            if failed:
                yield Finding(f"analyser:{analyser}"[:120], analyser)


def find_analysis_blind(machine: Machine, _p: Mapping[str, Any], _held: frozenset[str]) -> Iterator[Finding]:
    """Cameras that should be looked at give no pictures, or their analyser does not come to them."""
    if blind := sum(process.did.gauges.get(ANALYSIS_BLIND, 0.0) for process in machine.living()):
        yield Finding("blind", gettext("识别任务"), {"tasks": round(blind)})


def find_analysis_slow(machine: Machine, p: Mapping[str, Any], held: frozenset[str]) -> Iterator[Finding]:
    """Analysers that skip too large a share of their pictures, within the last ten minutes."""
    skipped, looked = machine.by(ANALYSIS_SKIPPED, WINDOW_S), machine.by(ANALYSIS_LOOKED, WINDOW_S)
    for analyser, count in skipped.items():
        cause = f"slow:{analyser}"[:120]
        share_pct = 100 * count / (count + looked.get(analyser, 0.0))
        limit_pct = p["share_pct"] / 2 if cause in held else p["share_pct"]
        if count >= p["at_least"] and share_pct >= limit_pct:
            yield Finding(cause, analyser, {"skipped": round(count), "share_pct": round(share_pct, 1)})
