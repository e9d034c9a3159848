"""Why a file, a row or a value is not taken, in words: what happened, and what to do."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gis.exceptions import VectorFileError

WHOLE = {
    "empty_upload": _("文件是空的。请检查是否导出成功，再重新选择。"),
    "too_large": _("文件有 %(size)s，超过上限 %(most)s。请分成几个文件，或只导出需要的图层和范围。"),
    "too_large_unpacked": _("压缩包解开后超过上限 %(most)s，未解开。请分成几个文件再导入。"),
    "bomb": _("压缩包解开后会膨胀 %(ratio)d 倍以上，可能是有意破坏的文件，未解开。请用普通方式重新压缩。"),
    "too_many_entries": _("压缩包里的文件超过 %(most)d 个。请只保留要导入的图层文件。"),
    "bad_entry": _("压缩包里的“%(name)s”指向压缩包以外的位置，未解开。请用普通方式重新压缩。"),
    "link_entry": _("压缩包里的“%(name)s”是链接，不是文件，未解开。请把文件本身放进压缩包。"),
    "encrypted": _("压缩包有密码。请去掉密码后重新压缩。"),
    "nested_archive": _("压缩包里还有压缩包“%(name)s”。请先解开，只压缩图层文件本身。"),
    "broken_archive": _("压缩包已损坏或没有传完整。请重新压缩后再传。"),
    "nothing_inside": _("压缩包里没有可导入的文件。需要 Shapefile（.shp、.dbf、.shx、.prj）或一个受支持的文件。"),
    "several_inside": _("压缩包里有几个不同的文件：%(names)s。请一次只放一个（Shapefile 可以放几个）。"),
    "duplicate_entry": _("压缩包里有两个同名文件“%(name)s”。请删去其中一个。"),
    "incomplete_shapefile": _(
        "Shapefile 缺少 %(parts)s。请把同名的 .shp、.dbf、.shx、.prj、.cpg 一起压缩成 .zip 再导入。"
    ),
    "unknown_format": _(
        "不支持这种文件。可用：GeoJSON、压缩成 .zip 的 Shapefile、GeoPackage、KML/KMZ、DXF、CSV、XLSX。"
    ),
    "not_this_format": _("文件内容不是 %(format)s。请检查扩展名，或重新导出。"),
    "dwg": _("这是 DWG 图。请在绘图软件里另存为 DXF（2000 版或更新）再导入。"),
    "xls": _("这是旧版 Excel 文件（.xls）。请另存为 .xlsx 再导入。"),
    "rar": _("不支持 .rar 和 .7z。请改用 .zip 压缩。"),
    "topojson": _("这是 TopoJSON，不是 GeoJSON。请导出为 GeoJSON 再导入。"),
    "no_geojson": _("文件不是 GeoJSON：没有要素集合（FeatureCollection）。请导出为 GeoJSON 再导入。"),
    "broken_json": _("GeoJSON 第 %(line)d 行起无法读取，文件可能被截断或改坏。请重新导出。"),
    "broken_xml": _("文件第 %(line)d 行起无法读取，可能被截断或改坏。请重新导出。"),
    "broken_csv": _("CSV 无法读取（%(error)s）。请检查引号和换行，或改存为 XLSX。"),
    "broken_file": _("文件（%(part)s）已损坏，无法读取。请从原软件重新导出。"),
    "nested_too_deep": _("文件的层次太深，可能是有意破坏的文件，未读取。"),
    "doctype": _("文件里有文档类型声明（DOCTYPE），可能引用外部内容，未读取。请从原软件重新导出。"),
    "too_large_text": _("文件里有一段过长的文字，未读取。请拆开后再导入。"),
    "too_many_rows": _("要素超过 %(most)d 个。请按区域或类别分成几个文件。"),
    "too_many_columns": _("字段超过 %(most)d 个。请只保留需要的字段。"),
    "too_many_vertices": _("图形的顶点共 %(count)d 个，超过上限 %(most)d 个。请先简化图形或分成几个文件。"),
    "too_many_layers": _("图层超过 %(most)d 个。请只保留要导入的图层。"),
    "too_slow": _("%(seconds)d 秒内没有读完，已停止。请简化图形或分成几个文件。"),
    "too_much_memory": _("读取这个文件需要的内存超过上限，已停止。请简化图形或分成几个文件。"),
    "reader_broke_down": _("读取这个文件时出错，已停止，没有保存任何内容。请从原软件重新导出，或换一种格式。"),
    "no_layer": _("文件里没有图层“%(name)s”。请重新选择图层。"),
    "choose_layer": _("文件里有几个图层：%(names)s。请选择其中一个。"),
    "no_column": _("文件里没有字段“%(name)s”。现有字段：%(columns)s。"),
    "no_coordinates": _("没有认出坐标所在的列。请指定经度（东坐标）和纬度（北坐标）两列，或 WKT 一列。"),
    "no_table": _("这里需要表格文件（CSV 或 XLSX）。请在表格软件中另存后再选。"),
    "no_control_points": _("没有认出控制点。表格应依次有这些列：%(columns)s（高可不填）。"),
    "mixed_crs": _("文件里的图形标着不同的坐标系（%(codes)s）。请按坐标系分成几个文件。"),
    "datum_missing": _("文件没有注明坐标系，系统不会替您猜。请向提供单位问清后选择坐标系，可用下方试算作参考。"),
    "datum_unknown": _("文件注明的坐标系“%(name)s”不在可用之列。请选择坐标系；城市独立坐标系请先做坐标标定。"),
    "unknown_encoding": _("不认识文字编码“%(encoding)s”。可用：UTF-8、GBK、GB18030。"),
    "wrong_encoding": _("文字不是 %(encoding)s 编码。请换一种编码（常见为 GBK 或 UTF-8）再预览。"),
    "no_encoding": _("认不出文件的文字编码。请另存为 UTF-8 或 GBK 再导入。"),
    "cannot_write": _("无法导出为 %(format)s：%(why)s"),
}
"""Reasons for which a file is refused as a whole."""

UNWRITABLE = {
    "datum": _("KML 只能用 WGS 84 经纬度，请把坐标系选为 WGS 84。"),
    "encoding": _("“%(text)s”里有所选编码没有的字，请改选 UTF-8。"),
    "long_text": _("“%(column)s”一列有超过 254 字节的文字，请改选 GeoPackage，或缩短文字。"),
    "long_cell": _("有图形或文字超过单元格上限（32767 个字符），请改选 CSV 或 GeoPackage。"),
    "no_shapes": _("没有可以写出的图形。"),
    "failed": _("写入时出错（%(text)s），请换一种格式。"),
}
"""Why a format cannot hold the features."""

ROW = {
    "no_geometry": _("没有图形。请补画，或从文件中删去这一行。"),
    "empty_geometry": _("图形是空的。请补画，或从文件中删去这一行。"),
    "broken_geometry": _("图形无法读取。请在原软件中检查这个图形。"),
    "broken_wkt": _("“%(value)s”不是 WKT 图形。请检查括号和坐标。"),
    "no_feature": _("这一项不是要素（Feature）。请重新导出。"),
    "unknown_geometry": _("不认识图形类型“%(type)s”。请转换为点、线或面。"),
    "collection": _("一个要素里混有点、线、面。请拆成几个要素。"),
    "wrong_type": _("图形是%(type)s，这里需要%(wanted)s。请转换，或导入到相应的图层。"),
    "coordinates_unreadable": _("坐标的写法有误，应为成对的数字。请在原软件中检查这个图形。"),
    "coordinate_missing": _("“%(column)s”一列没有值。请补上坐标。"),
    "coordinate_no_number": _("“%(value)s”不是坐标。请写成数字，或写成 121°28′25.2″ 的样子。"),
    "not_finite": _("坐标里有不是数的值（NaN 或无穷大）。请在原软件中检查这个图形。"),
    "line_too_short": _("线只有一个点。请补点，或改为点。"),
    "ring_too_short": _("面的一圈少于三个不同的点。请补点，或从文件中删去这一行。"),
    "unclosed_ring": _("面有 %(rings)d 圈没有闭合（终点不是起点）。可以用直线接回起点：请在预览中核对后采用。"),
    "self_crossing": _("面的边线自相交，在 %(place)s 附近。可以拆开相交处：请在预览中核对后采用，或在原软件中改正。"),
    "invalid_shape": _("图形不合规则（%(why)s）。请在预览中核对修正后的样子，或在原软件中改正。"),
    "self_crossing_hopeless": _("面的边线自相交，在 %(place)s 附近，无法自动修正。请在原软件中改正。"),
    "invalid_shape_hopeless": _("图形不合规则（%(why)s），无法自动修正。请在原软件中改正。"),
    "axes_swapped": _("坐标 (%(x)s, %(y)s) 的两轴颠倒了：经度（东）应在前。请选择“交换两轴”后再预览。"),
    "out_of_range": _("坐标 (%(x)s, %(y)s) 超出坐标系 %(datum)s 的范围。请检查坐标系是否选对。"),
}
"""Reasons for which a row is refused."""

NOTE = {
    "heights": _("%(count)d 个图形带有高程（%(low).1f 至 %(high).1f）。地图按平面显示，原值随原始图形保留。"),
    "measures": _("%(count)d 个图形带有里程值（M），未采用。"),
    "standard_datum": _("文件没有写坐标系，这种格式规定为 WGS 84；国内网络地图导出的文件常是 GCJ-02，请核对。"),
    "no_crs": _("文件没有注明坐标系（缺 .prj 或类似说明）。请向提供单位问清后选择。"),
    "crs_unknown": _("文件注明的坐标系“%(name)s”不在可用之列，请选择。"),
    "encoding_contradicts": _("文字编码%(declared)s，按内容应为 %(guessed)s，已按后者读取。若有乱码请另选编码。"),
    "links_not_followed": _("文件引用了 %(count)d 处外部内容或影像，未读取。"),
    "blocks_as_points": _("%(count)d 个图块按插入点作为点读取，图块里的线条不展开。"),
    "unknown_entities": _("图中有 %(count)d 个不能转换的对象（标注、视口、三维实体等），未读取。"),
    "drawing_units": _("图纸单位是 %(units)s。若坐标不是米，请在绘图软件中换算后再导入。"),
    "survey_axes": _("按测量习惯，X 是北坐标、Y 是东坐标：东坐标取“%(x)s”列，北坐标取“%(y)s”列。请核对。"),
    "no_coordinate_columns": _("没有认出坐标所在的列，请指定。"),
}
"""What the user should know about a layer."""

FIXES = {
    "close_ring": _("闭合边界"),
    "make_valid": _("拆开自相交"),
}

SHAPES = {
    "Point": _("点"),
    "MultiPoint": _("多点"),
    "LineString": _("线"),
    "MultiLineString": _("多线"),
    "Polygon": _("面"),
    "MultiPolygon": _("多面"),
    "GeometryCollection": _("混合图形"),
}


class FormatError(VectorFileError):
    """A file that is refused as a whole.

    Attributes
    ----------
    reason : str
        Key of :data:`WHOLE`.
    detail : dict
        What the sentence names.
    """

    def __init__(self, reason: str, **detail: Any) -> None:
        self.reason = reason
        self.detail = detail
        values = dict(detail)
        if reason == "cannot_write":
            values["why"] = str(UNWRITABLE[values["why"]]) % values
        super().__init__(str(WHOLE[reason]) % values)


def row_text(reason: str, detail: dict[str, Any], *, hopeless: bool) -> str:
    """The sentence about a row; ``hopeless``: there is no repair to offer."""
    values = dict(detail)
    if reason in ("self_crossing", "invalid_shape"):
        x, y = values.get("x"), values.get("y")
        values["place"] = f"({_short(x)}, {_short(y)})" if x and y else gettext("某处")
        values["why"] = _rule(str(values.get("why", "")))
        if hopeless:
            reason += "_hopeless"
    return str(ROW[reason]) % values


def note_text(key: str, detail: dict[str, Any]) -> str:
    """The sentence of a note."""
    values = dict(detail)
    if key == "encoding_contradicts":
        declared = str(values.get("declared") or "")
        values["declared"] = gettext("标为 %(name)s") % {"name": declared.upper()} if declared else gettext("没有标明")
        values["guessed"] = str(values.get("guessed")).upper()
    return str(NOTE[key]) % values


def shape_names(kinds: Any) -> str:
    """Chinese names of geometry types, for a sentence."""
    return "、".join(str(SHAPES.get(kind, kind)) for kind in kinds)


def _short(value: Any) -> str:
    try:
        return f"{float(value):.8g}"
    except (TypeError, ValueError):
        return str(value)[:20]


def _rule(why: str) -> str:
    """GEOS's reason in the user's language."""
    known = {
        "Self-intersection": gettext("边线自相交"),
        "Ring Self-intersection": gettext("边线在一点上自相接"),
        "Hole lies outside shell": gettext("洞在面外"),
        "Holes are nested": gettext("洞中有洞"),
        "Interior is disconnected": gettext("面被洞隔断"),
        "Nested shells": gettext("面中有面"),
        "Duplicate Rings": gettext("边线重复"),
        "Too few points in geometry component": gettext("点数不足"),
    }
    return known.get(why, why or gettext("原因不明"))
