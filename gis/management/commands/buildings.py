"""``manage.py buildings``: footprints with heights become a 3D Tiles tileset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gis import basemap
from gis.exceptions import GisError
from gis.management.refusals import say_refusals
from gis.maplayers import attribution_of
from gis.tileset import Buildings, write_tileset
from gis.tileset.buildings import refuse_odd_sizes
from gis.tileset_folder import tilesets_folder
from gis.vectorfile import POLYGONS, Refusal, heights_m, read_rows


class Command(BaseCommand):
    """Writes a tileset from a file, or from the basemap's buildings; safe to run again."""

    help = "由建筑轮廓与高度生成三维瓦片（3D Tiles 1.1） / Turn building footprints into 3D Tiles."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the file and where its heights are."""
        parser.add_argument(
            "file", nargs="?", type=Path, metavar="FILE", help="GeoJSON、GeoPackage 或 Shapefile；省略时用底图中的建筑"
        )
        parser.add_argument("-o", "--output", type=Path, help="输出文件夹（默认：var/tilesets/buildings）")
        parser.add_argument("--height-field", help="高度字段（米）")
        parser.add_argument("--levels-field", help="层数字段，在没有高度时使用")
        parser.add_argument("--floor-height", type=float, default=3.0, help="层高（米，默认 %(default)s）")
        parser.add_argument(
            "--default-height", type=float, help="既无高度又无层数的建筑的高度（米）；省略时不采用这些行"
        )
        parser.add_argument("--base-height", type=float, default=0.0, help="地面的椭球高（米，默认 %(default)s）")
        parser.add_argument("--id-field", help="编号字段（默认：行号）")
        parser.add_argument("--name-field", help="名称字段")
        parser.add_argument("--datum", help="文件的坐标系，如 cgcs2000、gcj02；文件已注明时可省略")
        parser.add_argument("--layer", help="GeoPackage 中的图层")
        parser.add_argument("--encoding", help="Shapefile 的文字编码，如 GBK")
        parser.add_argument("--attribution", default="", help="数据来源说明，写入瓦片")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, write, and say what was done."""
        folder = options["output"] or tilesets_folder() / "buildings"
        refused: list[Refusal] = []
        try:
            if options["file"]:
                buildings, refused = self._from_file(options)
                attribution = options["attribution"] or options["file"].name
            else:
                buildings = Buildings(*basemap.footprints())
                attribution = options["attribution"] or attribution_of("building")
            report = write_tileset(folder, buildings, base_m=options["base_height"], attribution=attribution)
        except GisError as error:
            say_refusals(self.stderr, refused)
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{folder}：建筑 {report.buildings}，瓦片 {report.tiles}，三角形 {report.triangles}，"
            f"{report.size / 1e6:.1f} MB"
        )
        say_refusals(self.stderr, refused)

    @staticmethod
    def _from_file(options: dict[str, Any]) -> tuple[Buildings, list[Refusal]]:
        rows = read_rows(
            options["file"], POLYGONS, datum=options["datum"], layer=options["layer"], encoding=options["encoding"]
        )
        refuse_odd_sizes(rows)
        height_m = heights_m(
            rows,
            height_field=options["height_field"],
            levels_field=options["levels_field"],
            floor_m=options["floor_height"],
            default_m=options["default_height"],
            required=True,
        )
        names = rows.texts(options["name_field"]) if options["name_field"] else [""] * len(rows)
        known = rows.texts(options["id_field"]) if options["id_field"] else rows.row
        return Buildings(rows.geometry, height_m, [str(value) for value in known], list(names)), rows.refused
