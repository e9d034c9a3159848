"""What was saved is a datum like any other, at every door."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from gis import crs
from gis.calibration import store
from gis.calibration.table import lines_of_file, parse
from gis.exceptions import CalibrationError, UnknownDatumError
from gis.formats import FormatError

pytestmark = pytest.mark.django_db
SHIFT = (
    "+proj=pipeline +step +proj=affine +xoff={} +yoff=3400000 "
    "+step +inv +proj=tmerc +lat_0=0 +lon_0=121.5 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)


def save(name="城市2000", xoff=500_000):
    empty = {"source": {}, "points": [], "quality": {}, "middle_x": 0.0, "middle_y": 50_000.0}
    return store.save_version(
        name, model="similarity", pipeline=SHIFT.format(xoff), degrees=False, created_by="p", **empty
    )


@pytest.fixture(autouse=True)
def _fresh():
    store.forget()
    yield
    store.forget()


def test_a_name_is_its_active_version_and_older_ones_stay():
    first, second = save(), save(xoff=500_100)
    assert (first.version, second.version) == (1, 2) and "城市2000" in crs.datum_names()
    lon, lat = crs.to_wgs84([0.0], [53_000.0], "城市2000")
    old_lon, _lat = crs.to_wgs84([0.0], [53_000.0], "城市2000@1")
    assert lon[0] != old_lon[0] and old_lon[0] == pytest.approx(121.5)
    back = crs.from_wgs84(lon, lat, "城市2000")
    assert np.abs(np.subtract(back, [[0.0], [53_000.0]])).max() < 1e-6
    assert store.retire("城市2000") == 1 and "城市2000" not in crs.datum_names()
    # What refers to it goes on working.
    assert crs.to_wgs84([0.0], [53_000.0], "城市2000@2")[0] == crs.to_wgs84([0.0], [53_000.0], "城市2000")[0] == lon
    with pytest.raises(UnknownDatumError):
        crs.to_wgs84(0.0, 53_000.0, "城市2000@3")


def test_far_from_its_points_it_means_nothing_and_taken_names_are_refused():
    save()
    with pytest.raises(crs.OutOfRangeError):
        crs.to_wgs84(600_000.0, 0.0, "城市2000")
    with pytest.raises(CalibrationError, match="已有坐标系"):
        save(name="WGS84")


def test_an_event_loop_asks_the_database_in_a_thread_beside():
    async def ask():
        return store._off_the_loop(threading.get_ident)

    assert asyncio.run(ask()) != threading.get_ident()
    assert store._off_the_loop(threading.get_ident) == threading.get_ident()


def test_control_points_pasted_and_from_files(tmp_path):
    text = "点名\t源东\t源北\t目标东\t目标北\t源高\t目标高\nA\t1\t2\t121.4\t31.2\t3\t14\nB 10,20;121.5，31.3\n"
    text += "C\t1\t2\t121.4\t31.2\nD 1 x 3 4\nE 1 2\nA 5 6 121 31\nF 7 8 521 31\n"
    found = parse(text, "wgs84")
    assert found.points.names == ("A", "B") and found.points.source.tolist() == [[1, 2], [10, 20]]
    assert found.points.target_height_m[0] == 14 and not found.points.has_heights
    assert [number for number, _text in found.refusals] == [4, 5, 6, 7, 8]
    assert "源坐标与“A”相同" in found.refusals[0][1] and "超出坐标系" in found.refusals[4][1]
    north = parse("A 2 1 31.2 121.4", "wgs84", source_north_first=True, target_north_first=True)
    assert north.points.source.tolist() == [[1, 2]] and north.points.target.tolist() == [[121.4, 31.2]]
    path = tmp_path / "points.csv"
    path.write_bytes("点名,源东,源北,目标东,目标北\nA,1.5,2,121.4,31.2\nB,3,4,121.5,31.3\n".encode("gbk"))
    from_file = parse(lines_of_file(path, path.name), "wgs84").points
    assert from_file.names == ("A", "B") and from_file.source.tolist() == [[1.5, 2], [3, 4]]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FormatError, match="没有认出控制点"):
        lines_of_file(path, path.name)
