"""The platform's rules about itself: what each is called, how grave it is, what may be set, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from command.facts import Facts, Verdicts
from command.machineroom.findings import (
    Finding,
    find_analyser_failed,
    find_analysis_blind,
    find_analysis_slow,
    find_backup,
    find_broker_away,
    find_broker_dropping,
    find_disk,
    find_ingest_lag,
    find_job_failing,
    find_partition,
    find_process_silent,
    find_recordings_halted,
    find_recordings_removed,
    find_recordings_stuck,
    find_refusals,
    find_shard_free,
    find_source_silent,
)
from command.machineroom.state import Machine
from command.rules import Evidence, Grade, Parameter, Rule, Text, Trigger

Judge = Callable[[Machine, Mapping[str, Any], frozenset[str]], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """A rule about the platform, and how it is judged: by the machine, the parameters, and the causes still open."""

    rule: Rule
    judge: Judge


def _nothing(_facts: Facts, _parameters: object) -> Verdicts:
    return Verdicts.none()


def _check(
    key: str,
    title: Text,
    grade: Grade,
    judge: Judge,
    advice: Text,
    parameters: tuple[Parameter, ...] = (),
    evidence: tuple[Evidence, ...] = (),
) -> Check:
    return Check(
        Rule(
            id=f"command.{key}",
            title=title,
            grade=grade,
            on=Trigger.PLATFORM,
            judge=_nothing,
            escalate_after_s=1800,
            parameters=parameters,
            evidence=evidence,
            advice=advice,
        ),
        judge,
    )


CHECKS = (
    _check(
        "process_silent",
        _("平台进程失联"),
        Grade.ORANGE,
        find_process_silent,
        _("在该主机运行 ./sandtable status，用 ./sandtable logs 看该进程的日志；进程会自动重启，仍失联时检查主机。"),
        (Parameter("silent_s", _("失联时限"), "int", 30, minimum=15, maximum=3600, unit="s"),),
        (Evidence("silent_s", _("失联时长"), "s"), Evidence("pid", _("进程号"))),
    ),
    _check(
        "shard_free",
        _("分片无人接收"),
        Grade.ORANGE,
        find_shard_free,
        _("这些分片的位置暂不入库，终端会保留并补传。检查接入进程（ingest）是否运行、能否连上数据库。"),
        (Parameter("free_s", _("无人接收时限"), "int", 15, minimum=10, maximum=3600, unit="s"),),
        (Evidence("shards", _("分片数")), Evidence("longest_s", _("最长"), "s")),
    ),
    _check(
        "source_silent",
        _("数据来源中断"),
        Grade.YELLOW,
        find_source_silent,
        _("此前一直有数据的来源不再上报。先看本页其他项是否正常；都正常时联系来源方，检查其网络与程序。"),
        (
            Parameter("silent_min", _("中断时限"), "int", 10, minimum=2, maximum=55, unit="min"),
            Parameter("at_least", _("此前一小时至少"), "int", 100, minimum=1, maximum=1_000_000),
        ),
        (Evidence("silent_min", _("中断时长"), "min"),),
    ),
    _check(
        "ingest_lag",
        _("入库延迟过大"),
        Grade.ORANGE,
        find_ingest_lag,
        _("大屏上的位置是旧的。看“入库各阶段”：写入慢查磁盘与数据库，围栏慢查区域数；都慢则增加接入进程。"),
        (
            Parameter("limit_s", _("延迟上限（95 分位）"), "float", 5.0, minimum=0.5, maximum=3600, unit="s"),
            Parameter("queue", _("排队上限"), "int", 100_000, minimum=100, maximum=10_000_000),
        ),
        (Evidence("lag_s", _("延迟"), "s"), Evidence("queue", _("排队消息"))),
    ),
    _check(
        "refusals",
        _("拒收过多"),
        Grade.YELLOW,
        find_refusals,
        _("打开拒收记录，按原因处理：每条都写明原因和怎么办。大批终端时间超前时先查平台时钟。"),
        (
            Parameter("share_pct", _("占收到的比例"), "float", 5.0, minimum=0.1, maximum=100, unit="%"),
            Parameter("at_least", _("十分钟内至少"), "int", 100, minimum=1, maximum=10_000_000),
        ),
        (
            Evidence("refused", _("十分钟内拒收")),
            Evidence("share_pct", _("占收到的比例"), "%"),
            Evidence("reason", _("最多的原因")),
        ),
    ),
    _check(
        "disk_filling",
        _("磁盘将满"),
        Grade.ORANGE,
        find_disk,
        _("磁盘写满后停止入库。移走旧备份，缩短历史保留天数，或扩大磁盘。"),
        (
            Parameter("free_pct", _("剩余比例下限"), "float", 10.0, minimum=1, maximum=90, unit="%"),
            Parameter("free_gb", _("剩余容量下限"), "float", 2.0, minimum=0.1, maximum=100_000, unit="GiB"),
        ),
        (Evidence("free_pct", _("剩余"), "%"), Evidence("free_gb", _("剩余容量"), "GiB")),
    ),
    _check(
        "partition_missing",
        _("缺少明天的历史分区"),
        Grade.YELLOW,
        find_partition,
        _("作业进程（jobs）每十分钟建好今后三天的分区。检查它是否运行、作业 twin.tasks.keep_partitions 是否失败。"),
        evidence=(Evidence("kinds", _("类别")),),
    ),
    _check(
        "job_failing",
        _("作业反复失败"),
        Grade.YELLOW,
        find_job_failing,
        _("用 ./sandtable logs jobs 查看该作业的错误；修复后它会在下一次运行时恢复。"),
        (Parameter("times", _("连续失败次数"), "int", 3, minimum=1, maximum=100),),
        (Evidence("times", _("连续失败次数")),),
    ),
    _check(
        "broker_dropping",
        _("消息服务丢弃消息"),
        Grade.ORANGE,
        find_broker_dropping,
        _("有订阅者收得太慢，队列已满。有编号的终端会补传；看接入进程的排队与延迟，必要时增加接入进程。"),
        (Parameter("limit", _("十分钟内丢弃上限"), "int", 100, minimum=1, maximum=10_000_000),),
        (Evidence("dropped", _("十分钟内丢弃")),),
    ),
    _check(
        "broker_away",
        _("连不上消息服务"),
        Grade.ORANGE,
        find_broker_away,
        _("检查消息服务是否运行、地址与口令是否正确：./sandtable status、./sandtable logs broker。"),
    ),
    _check(
        "recordings_halted",
        _("录像停止：磁盘已满"),
        Grade.RED,
        find_recordings_halted,
        _("磁盘剩余不足，录像已停止，已有录像未删除。扩大磁盘，缩短录像计划的留存，或把录像移到对象存储。"),
    ),
    _check(
        "recordings_removed",
        _("录像提前删除"),
        Grade.YELLOW,
        find_recordings_removed,
        _("磁盘将满，允许提前删除的录像在到期前被删除。扩大磁盘，或减少录像的通道与留存天数。"),
        evidence=(Evidence("segments", _("一小时内删除的片段")),),
    ),
    _check(
        "recordings_stuck",
        _("应录未录"),
        Grade.YELLOW,
        find_recordings_stuck,
        _("这些通道按计划应录像，但收不到可保存的画面。检查设备是否在线、码流是否为 H.264 或 H.265。"),
        evidence=(Evidence("channels", _("通道数")),),
    ),
    _check(
        "analyser_failed",
        _("视频分析器故障"),
        Grade.ORANGE,
        find_analyser_failed,
        _("该分析器暂不能判断：已有预警保持不变，新情况可能未报。原因见“识别结果”页；检查模型文件、标签和输出格式。"),
    ),
    _check(
        "analysis_blind",
        _("应识别未识别"),
        Grade.YELLOW,
        find_analysis_blind,
        _("这些识别任务在时段内，却没有画面可看。检查摄像机是否在线、分析器是否启用、是否跟不上。"),
        evidence=(Evidence("tasks", _("任务数")),),
    ),
    _check(
        "analysis_slow",
        _("视频分析跟不上"),
        Grade.BLUE,
        find_analysis_slow,
        _("分析器来不及看，旧画面被新画面代替。延长识别任务的间隔，减少摄像机，或换用更小的模型。"),
        (
            Parameter("share_pct", _("略过的比例"), "float", 30.0, minimum=1, maximum=100, unit="%"),
            Parameter("at_least", _("十分钟内至少"), "int", 50, minimum=1, maximum=1_000_000),
        ),
        (Evidence("skipped", _("十分钟内略过的画面")), Evidence("share_pct", _("略过的比例"), "%")),
    ),
    _check(
        "backup_old",
        _("备份过旧"),
        Grade.BLUE,
        find_backup,
        _("运行 ./sandtable backup，并把备份移到别的机器上；可放入 cron 每天运行。"),
        (Parameter("days", _("最长间隔"), "float", 7.0, minimum=0.5, maximum=365, unit="d"),),
        (Evidence("age_days", _("距上次备份"), "d"),),
    ),
)
