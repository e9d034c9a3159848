"""``manage.py loadbasemap``: a drawn basemap, or the city's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gis import basemap
from gis.exceptions import GisError
from gis.management.refusals import say_refusals
from gis.models import BaseFeature


class Command(BaseCommand):
    """Draws the basemap, or replaces one kind of it by a file; safe to run again."""

    help = "生成示意底图，或导入自有的道路、水系、绿地、街区、建筑（可重复运行） / Draw or import the basemap."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what to draw, or what to import and how to read it."""
        parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="GeoJSON、GeoPackage 或 Shapefile")
        parser.add_argument("--kind", choices=BaseFeature.Kind.values, help="类别；导入与删除时必须给出")
        parser.add_argument("--datum", help="文件的坐标系，如 cgcs2000、gcj02；文件已注明时可省略")
        parser.add_argument("--layer", help="GeoPackage 中的图层")
        parser.add_argument("--encoding", help="Shapefile 的文字编码，如 GBK")
        parser.add_argument("--name-field", help="名称字段")
        parser.add_argument("--class-field", help="细类字段（本平台、OpenStreetMap 或道路等级的名称）")
        parser.add_argument("--height-field", help="建筑高度字段（米）")
        parser.add_argument("--levels-field", help="建筑层数字段")
        parser.add_argument("--floor-height", type=float, default=3.0, help="层高（米，默认 %(default)s）")
        parser.add_argument("--attribution", default="", help="数据来源说明，显示在地图上")
        parser.add_argument("--seed", type=int, help="示意底图的随机种子")
        parser.add_argument("--redraw", action="store_true", help="重新生成（给出 --kind 时只生成该类），替换已导入的")
        parser.add_argument("--remove", action="store_true", help="删除该类的全部要素")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the three and say what was done."""
        kind, file = options["kind"], options["file"]
        if sum((file is not None, options["redraw"], options["remove"])) > 1:
            raise CommandError("--from、--redraw、--remove 只能选一个")
        if (file or options["remove"]) and not kind:
            raise CommandError("请用 --kind 指明类别")
        try:
            if options["remove"]:
                self.stdout.write(f"{BaseFeature.Kind(kind).label}：删除 {basemap.remove(kind)}")
                return
            if file:
                report = basemap.import_file(file, self._wanted(options))
            elif options["redraw"]:
                report = basemap.generate([kind] if kind else BaseFeature.Kind.values, seed=options["seed"])
            else:
                report = basemap.generate(seed=options["seed"])
        except GisError as error:
            raise CommandError(str(error)) from error
        counts = "，".join(f"{BaseFeature.Kind(name).label} {count}" for name, count in report.written.items())
        self.stdout.write("未变" if report.unchanged else counts)
        say_refusals(self.stderr, report.refused)

    @staticmethod
    def _wanted(options: dict[str, Any]) -> basemap.Wanted:
        same = ("kind", "datum", "layer", "encoding", "name_field", "class_field", "height_field", "levels_field")
        return basemap.Wanted(
            **{name: options[name] for name in (*same, "attribution")}, floor_m=options["floor_height"]
        )
