"""``manage.py archive``: the archive of the history by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from access.audit import acting
from twin.archive.keeping import RESTORED_DAYS, archive_day, archive_due, check, expire, restore
from twin.archive.models import ArchivedDay
from twin.archive.stores import archive_store
from twin.exceptions import ArchiveError, UnknownKindError
from twin.kinds import AssetKind, kind_of, kinds


class Command(BaseCommand):
    """Lists, makes, verifies and restores archived days."""

    help = "轨迹归档：list 列出，run 归档到期的日子，verify 校验，restore 取回数据库"

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do."""
        words = parser.add_subparsers(dest="what", required=True)
        listing = words.add_parser("list", help="列出归档")
        running = words.add_parser(
            "run", help="归档到期的日子，删除过了保存期限的；指明 --kind 和 --day 则只归档那一天"
        )
        verifying = words.add_parser("verify", help="逐个读回并核对校验和与行数")
        restoring = words.add_parser("restore", help="把一天取回数据库")
        for one in (listing, running, verifying, restoring):
            is_needed = one is restoring
            one.add_argument("--kind", required=is_needed, help="类别，如 machine")
            one.add_argument("--day", type=date.fromisoformat, required=is_needed, help="日期（UTC），如 2026-11-01")
        restoring.add_argument("--for", dest="days", type=int, default=RESTORED_DAYS, help="在数据库里留多少天")

    def handle(self, *args: Any, what: str, kind: str | None, day: date | None, **options: Any) -> None:
        """Do it."""
        try:
            of = None if kind is None else kind_of(kind)
            with acting(f"archive {what}"):
                match what:
                    case "list":
                        self._list(of, day)
                    case "run":
                        self._run(of, day)
                    case "verify":
                        self._verify(of, day)
                    case "restore":
                        assert of is not None and day is not None  # the parser has seen to it
                        self._say(restore(archive_store(), of, day, options["days"]))
        except (ArchiveError, UnknownKindError, OSError) as error:
            raise CommandError(str(error)) from error

    def _list(self, of: AssetKind | None, day: date | None) -> None:
        found = list(_days(of, day))
        for archived in found:
            self._say(archived)
        rows, size = sum(a.rows for a in found), sum(a.size_bytes for a in found)
        self.stdout.write(
            _("共 %(days)d 个文件，%(rows)d 行，%(size)d 字节") % {"days": len(found), "rows": rows, "size": size}
        )

    def _run(self, of: AssetKind | None, day: date | None) -> None:
        store = archive_store()
        if (of is None) != (day is None):
            raise CommandError(_("--kind 和 --day 要一起给。"))
        if of is not None and day is not None:
            archived = archive_day(store, of, day)
            if archived is not None:
                self._say(archived)
            return
        today = timezone.now().astimezone(UTC).date()
        done, failed = archive_due(store, today)
        for archived in done:
            self._say(archived)
        for name in expire(store, today):
            self.stdout.write(_("过了保存期限，已删除：%s") % name)
        if failed:
            lines = [f"{kind.key} {day}: {reason}" for kind, day, reason in failed]
            raise CommandError(_("没有归档成，数据仍在数据库里：") + "\n" + "\n".join(lines))

    def _verify(self, of: AssetKind | None, day: date | None) -> None:
        store, damaged = archive_store(), 0
        found = list(_days(of, day))
        for archived in found:
            try:
                check(store, archived)
            except ArchiveError as error:
                damaged += 1
                self.stderr.write(_("已损坏：%s") % error)
        if damaged:
            raise CommandError(_("%(all)d 个文件中有 %(bad)d 个缺失或已损坏。") % {"all": len(found), "bad": damaged})
        self.stdout.write(_("%d 个文件完好") % len(found))

    def _say(self, archived: ArchivedDay) -> None:
        name = next((kind.key for kind in kinds() if kind.code == archived.kind), str(archived.kind))
        until: datetime | None = archived.restored_until
        restored = _("，已取回数据库，留到 %s") % f"{timezone.localtime(until):%Y-%m-%d %H:%M}" if until else ""
        self.stdout.write(
            f"{name} {archived.day} {archived.name} "
            + _("%(rows)d 行，%(size)d 字节") % {"rows": archived.rows, "size": archived.size_bytes}
            + restored
        )


def _days(of: AssetKind | None, day: date | None) -> Any:
    found = ArchivedDay.objects.all()
    if of is not None:
        found = found.filter(kind=of.code)
    return found if day is None else found.filter(day=day)
