"""Devices report in calibrated degrees, too; never in metres of a plane."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from devices.datums import check_datum, datum_choices
from gis.calibration import store

SAME = "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=unitconvert +xy_in=rad +xy_out=deg"


def test_calibrated_degrees_can_be_chosen(db):
    store.forget()
    values = {"model": "bursa_wolf", "source": {}, "points": [], "quality": {}, "created_by": "p"}
    values |= {"pipeline": SAME, "middle_x": 0, "middle_y": 0}
    store.save_version("城市80", degrees=True, **values)
    store.save_version("城市平面", degrees=False, **values)
    names = [name for name, _label in datum_choices()]
    assert names == ["wgs84", "cgcs2000", "gcj02", "bd09", "城市80"]
    check_datum("城市80")
    for wrong, said in (("城市平面", "只有经纬度"), ("cgcs2000-gk3-40", "只有经纬度"), ("火星", "未知的坐标系")):
        with pytest.raises(ValidationError, match=said):
            check_datum(wrong)
    store.forget()
