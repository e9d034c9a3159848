"""``manage.py analyse``: history analysis on the archive, on this machine or on a Dask cluster."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from access.audit import acting
from twin.analysis.pieces import Source
from twin.analysis.running import BY_PIECE, analyse
from twin.archive.models import ArchivedDay
from twin.archive.stores import archive_url
from twin.exceptions import AnalysisError, ArchiveError, UnknownKindError
from twin.kinds import AssetKind, kind_of, kinds
from twin.models import Asset

WRITERS = {".csv": "to_csv", ".parquet": "to_parquet"}


class Command(BaseCommand):
    """Distances, stays, meetings of two things, and things that move although they should not."""

    help = "分析归档轨迹：distances 里程，stays 停留，colocation 两个对象同处，mobile 离开常在位置的对象"

    def add_arguments(self, parser: CommandParser) -> None:
        """What, of when, and where the work is done."""
        parser.add_argument("what", choices=[*BY_PIECE, "colocation"])
        parser.add_argument("--from", dest="start", type=date.fromisoformat, required=True, help="第一天（UTC）")
        parser.add_argument("--to", dest="end", type=date.fromisoformat, required=True, help="最后一天（UTC）")
        parser.add_argument("--kind", help="只分析一个类别，如 machine")
        parser.add_argument("--assets", nargs=2, metavar="编号", help="colocation：两个对象，写作 类别:编号")
        parser.add_argument("--scheduler", help="Dask 调度器地址，如 tcp://10.0.0.5:8786；不写则用本机")
        parser.add_argument("--out", type=Path, required=True, help="结果文件，.csv 或 .parquet")

    def handle(self, *args: Any, what: str, out: Path, **options: Any) -> None:
        """Run it."""
        try:
            with acting(f"analyse {what}"):
                rows = self._rows(what, out, **options)
        except (AnalysisError, ArchiveError, UnknownKindError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("%(rows)d 行写入 %(file)s") % {"rows": rows, "file": out})

    def _rows(
        self, what: str, out: Path, start: date, end: date, kind: str | None, assets: list[str] | None,
        scheduler: str | None, **_more: Any,
    ) -> int:  # fmt: skip
        if out.suffix not in WRITERS:
            raise AnalysisError(_("结果文件的名字须以 .csv 或 .parquet 结尾。"))
        if (what == "colocation") != (assets is not None):
            raise AnalysisError(_("colocation 要用 --assets 指明两个对象，其余分析不用。"))
        two = [_asset(text) for text in assets] if assets else []
        wanted = {kind_of(asset.kind) for asset in two} if two else {kind_of(kind)} if kind else set(kinds())
        sources = self._sources(wanted, start, end)
        pair = (two[0].pk, two[1].pk) if two else None
        frame = pd.DataFrame(analyse(what, sources, scheduler, pair))
        getattr(_named(frame), WRITERS[out.suffix])(out, index=False)
        return len(frame)

    def _sources(self, wanted: set[AssetKind], start: date, end: date) -> list[Source]:
        by_code = {kind.code: kind for kind in wanted}
        found = ArchivedDay.objects.filter(kind__in=list(by_code), day__gte=start, day__lte=end)
        sources = [
            Source(archive_url(), one.name, by_code[one.kind].key, one.day, by_code[one.kind].fastest_m_s)
            for one in found
        ]
        there = {source.day for source in sources}
        days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
        if not there:
            raise AnalysisError(_("这段时间没有归档的轨迹。"))
        if missing := [str(day) for day in days if day not in there]:
            self.stderr.write(_("没有归档、未作分析的日子：%s") % "、".join(missing))
        return sources


def _asset(text: str) -> Asset:
    kind, _colon, code = text.partition(":")
    asset = Asset.objects.filter(kind=kind, code=code).first()
    if asset is None:
        raise AnalysisError(_("没有这个对象：%s") % text)
    return asset


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with codes and names for people beside the keys; of what was deleted since there are none."""
    for column in ("other", "asset"):
        if column in frame:
            known = Asset.objects.in_bulk(frame[column].unique().tolist())
            at = frame.columns.get_loc(column) + 1
            for name in ("name", "code"):
                values = [getattr(known.get(key), name, "") for key in frame[column]]
                frame.insert(at, name if column == "asset" else f"{column}_{name}", values)
    return frame
