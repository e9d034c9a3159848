"""Datums as people choose them on a page."""

from __future__ import annotations

from django.utils.translation import gettext

from gis.crs import city_grids, datum_names


def datum_choices() -> list[dict[str, str]]:
    """Datums by name, the usual ones with what people call them."""
    titles = {
        "wgs84": gettext("WGS 84 经纬度"),
        "cgcs2000": gettext("CGCS2000 经纬度"),
        "gcj02": gettext("GCJ-02（国测局，高德、腾讯）"),
        "bd09": gettext("BD-09（百度经纬度）"),
        "bd09mc": gettext("BD-09（百度墨卡托，米）"),
    } | {name: gettext("城市坐标系 %s") % name for name in city_grids()}
    return [{"name": name, "title": titles.get(name, name)} for name in datum_names()]
