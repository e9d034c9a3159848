import gzip
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from devices.replay import formats
from devices.replay.read import Choices, read_tracks
from devices.replay.words import TrackFileError

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "trajectories"

CSV = "id,time,lon,lat\na,2026-01-01T00:00:00Z,121.5,31.2\na,2026-01-01T00:00:10Z,121.6,31.3\n"
GPX = """<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">
<wpt lat="1" lon="1"><name>not a track</name><time>2020-01-01T00:00:00Z</time></wpt>
<trk><name>巡查</name><trkseg>
<trkpt lat="31.2" lon="121.5"><ele>4.5</ele><time>2026-01-01T00:00:00Z</time><speed>3</speed><course>90</course></trkpt>
<trkpt lat="31.3" lon="121.6"><time>2026-01-01T00:00:10.500Z</time></trkpt>
<trkpt lat="31.4" lon="121.7"></trkpt>
</trkseg></trk>
<trk><trkseg><trkpt lat="31.5" lon="121.8"><time>2026-01-01T00:00:20Z</time></trkpt></trkseg></trk></gpx>"""


def write(tmp_path: Path, content: str | bytes, name: str = "track.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def seconds(tracks) -> list[float]:
    return ((tracks.time_us - tracks.time_us[0]) / 1e6).tolist()


def said(tracks) -> str:
    return "\n".join(map(str, tracks.said))


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared track files are not on this machine")
class TestRealFiles:
    @pytest.mark.parametrize(
        ("name", "rows", "tracks", "refused"),
        [
            ("geolife_small.csv", 5908, 5, {}),
            ("pneuma_athens_vehicles_1hz.csv", 23293, 50, {}),
            ("xian-map-matching/example_gps.csv", 2241, 12, {}),
            ("liverpool_bus_route14.csv", 1533, 8, {}),
            ("evergiven_ais_positions.csv", 21832, 256, {"repeated_time": 455}),
            ("adsb_zurich_airport_onground.json.gz", 14834, 10, {"repeated_time": 2298}),
            ("adsb_border_surveillance.json.gz", 1465, 1, {}),
            ("adsb_survey_fontainebleau.json.gz", 1930, 1, {}),
            ("adsb_noisy_time_issue.json.gz", 8294, 1, {}),
            ("hike_korita-zbevnica.gpx", 513, 2, {"no_time": 358}),
            ("car_around-visnjan.gpx", 104, 1, {}),
        ],
    )
    def test_every_position_is_read_or_accounted_for(self, name, rows, tracks, refused):
        found = read_tracks(REAL / name)
        assert (len(found), len(set(found.track)), dict(found.refused)) == (rows, tracks, refused)
        assert (np.diff(found.time_us) >= 0).all()
        assert np.abs(found.lon).max() <= 180
        assert "时间列" in said(found)

    def test_times_come_out_as_written(self):
        ever = read_tracks(REAL / "evergiven_ais_positions.csv")
        assert str(np.datetime64(int(ever.time_us[0]), "us")) == "2021-03-20T00:00:00.000000"
        athens = read_tracks(REAL / "pneuma_athens_vehicles_1hz.csv")
        assert athens.time_us[0] == 0
        geolife = read_tracks(REAL / "geolife_small.csv")
        assert str(np.datetime64(int(geolife.time_us[0]), "us")).startswith("2008-12-11T04:42:14")

    def test_units_of_aviation_are_converted(self):
        zurich = read_tracks(REAL / "adsb_border_surveillance.json.gz")
        assert zurich.alt_m[0] == pytest.approx(125 * 0.3048)
        assert zurich.speed_m_s[0] == pytest.approx(36 * 1852 / 3600)

    @pytest.mark.parametrize(
        "name", ["ais_nmea_sample.txt", "px4_hardware_bench.ulg", "xian-map-matching/modifiedConn_link.shp"]
    )
    def test_other_formats_are_refused_by_name_with_what_would_do(self, name):
        with pytest.raises(TrackFileError, match=r"不支持.*GPX"):
            read_tracks(REAL / name)


class TestCsv:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
    def test_separators_and_encodings(self, tmp_path, delimiter, encoding):
        text = 'ID,时间,经度,纬度,备注\n甲,2026-01-01 00:00:00,121.5,31.2,"x"\n甲,2026-01-01 00:00:10,121.6,31.3,y\n'
        tracks = read_tracks(write(tmp_path, text.replace(",", delimiter).encode(encoding)))
        assert (list(tracks.track), seconds(tracks), tracks.lon.tolist()) == (["甲", "甲"], [0, 10], [121.5, 121.6])

    @pytest.mark.parametrize(
        ("first", "second", "gap_s"),
        [
            ("2026-01-01T00:00:00+08:00", "2026-01-01T00:00:30+08:00", 30),
            ("2026-01-01T00:00:00+08:00", "2025-12-31T16:01:00Z", 60),
            ("2026-01-01 00:00:00.5", "2026-01-01 00:00:01", 0.5),
            ("31/12/2025 23:59", "01/01/2026 00:00", 60),
            ("12/31/2025 23:59:30", "01/01/2026 00:00:00", 30),
            ("2026/1/1 8:00", "2026/1/1 8:01", 60),
            ("31.12.2025 23:59", "01.01.2026 00:00", 60),
            ("20251231235930", "20260101000000", 30),
            ("2025年12月31日 23:59:30", "2026年01月01日 00:00:00", 30),
            ("1767225600", "1767225660", 60),
            ("1767225600000", "1767225660000", 60),
            ("1767225600000000", "1767225660000000", 60),
            ("1767225600000000000", "1767225660000000000", 60),
            ("0", "12.5", 12.5),
        ],
    )
    def test_times(self, tmp_path, first, second, gap_s):
        text = f"id,t,x,y\na,{first},121.5,31.2\na,{second},121.6,31.3\n"
        assert seconds(read_tracks(write(tmp_path, text))) == pytest.approx([0, gap_s], abs=1e-3)

    def test_day_or_month_first_is_asked_when_both_could_be(self, tmp_path):
        file = write(tmp_path, "id,time,lon,lat\na,01/02/2026 00:00,1,2\na,02/02/2026 00:00,1,2\n")
        with pytest.raises(TrackFileError, match="--time-format"):
            read_tracks(file)
        assert seconds(read_tracks(file, Choices(time_format="%d/%m/%Y %H:%M"))) == [0, 86_400]
        assert seconds(read_tracks(file, Choices(time_format="%m/%d/%Y %H:%M"))) == [0, 31 * 86_400]

    def test_a_number_unit_can_be_given(self, tmp_path):
        file = write(tmp_path, "id,t,x,y\na,0,1,2\na,500,1,2\n")
        assert seconds(read_tracks(file)) == [0, 500]
        assert seconds(read_tracks(file, Choices(time_unit="ms"))) == [0, 0.5]

    def test_two_likely_columns_are_asked_about(self, tmp_path):
        file = write(tmp_path, "id,time,timestamp,lon,lat\na,1,2,3,4\na,2,3,3,4\n")
        with pytest.raises(TrackFileError, match=r"time、timestamp"):
            read_tracks(file)
        assert "timestamp" in said(read_tracks(file, Choices({"time": "timestamp"})))

    def test_columns_that_cannot_be_guessed_are_listed(self, tmp_path):
        file = write(tmp_path, "wer,wann,ost,nord\na,1,3,4\n")
        with pytest.raises(TrackFileError, match=r"time.*wer、wann、ost、nord"):
            read_tracks(file)
        with pytest.raises(TrackFileError, match="没有列 'wo'"):
            read_tracks(file, Choices({"time": "wo"}))
        tracks = read_tracks(file, Choices({"time": "wann", "lon": "ost", "lat": "nord", "id": "wer"}))
        assert (tracks.track[0], tracks.lon[0]) == ("a", 3)

    def test_row_numbers_are_no_identity(self, tmp_path):
        tracks = read_tracks(write(tmp_path, "id,time,lon,lat\n1,10,3,4\n2,20,3,4\n", "bus.csv"))
        assert list(tracks.track) == ["bus", "bus"]
        assert "整个文件算一条轨迹" in said(tracks)

    def test_broken_rows_are_counted_by_reason(self, tmp_path):
        text = (
            "id,time,lon,lat\n"
            "a,2026-01-01T00:00:00Z,121.5,31.2\n"
            "a,,121.5,31.2\n"
            "a,yesterday,121.5,31.2\n"
            "a,2026-01-01T00:00:01Z,,31.2\n"
            "a,2026-01-01T00:00:02Z,NaN,31.2\n"
            "a,2026-01-01T00:00:03Z,inf,31.2\n"
            "a,2026-01-01T00:00:04Z,181,31.2\n"
            "a,2026-01-01T00:00:05Z,121.5,-90.5\n"
            "a,2026-01-01T00:00:00Z,121.6,31.2\n"
            "a,2026-01-01T00:00:06Z,121.5\n"
            "a,2026-01-01T00:00:07Z,121.5,31.2,more\n"
            "b,2026-01-01T00:00:00Z,121.5,31.2\n"
        )
        tracks = read_tracks(write(tmp_path, text))
        assert len(tracks) == 2
        assert dict(tracks.refused) == {
            "no_time": 2, "no_coordinate": 3, "out_of_range": 2, "repeated_time": 1, "broken_row": 2,
        }  # fmt: skip

    def test_speed_without_a_unit_is_not_guessed(self, tmp_path):
        file = write(tmp_path, "id,time,lon,lat,speed,heading\na,1,3,4,36,370\na,2,3,4,72,10\n")
        tracks = read_tracks(file)
        assert np.isnan(tracks.speed_m_s).all()
        assert "--speed-unit" in said(tracks)
        assert "超出范围" in said(tracks)
        assert np.isnan(tracks.heading_deg[0])
        assert read_tracks(file, Choices(speed_unit="km/h")).speed_m_s.tolist() == pytest.approx([10, 20])

    def test_times_that_run_backward_are_put_in_order_and_said(self, tmp_path):
        tracks = read_tracks(write(tmp_path, "t,lon,lat\n10,1,1\n5,2,2\n20,3,3\n"))
        assert tracks.lon.tolist() == [2, 1, 3]
        assert "1 处倒退" in said(tracks)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "空的"),
            ("\n\n", "空的"),
            ("id,time,lon,lat\n", "没有位置"),
            ("id,time,lon,lat\na,x,1,2\n", "读不懂时间"),
            ("id,time,lon,lat\na,,1,2\n", "时间列是空的"),
            ("id,time,lon,lat\na,1,500000,3400000\n", "没有一行能用"),
            ("1,2,3,4\n5,6,7,8\n", "不是列名"),
            ("just words\nand more\n", "不像"),
            ("id,time,time,lon,lat\na,1,1,1,1\n", "重复"),
            (b"\x00\x01\x02\x03", "不支持"),
            (b"\x1f\x8b\x08\x00rubbish", "压缩文件损坏"),
            (b"id,time,lon,lat\n\xff\xfe\xfd\n", "编码"),
            (b"PAR1rubbish", "Parquet"),
        ],
    )
    def test_hopeless_files_are_refused_with_the_reason(self, tmp_path, content, words):
        with pytest.raises(TrackFileError, match=words):
            read_tracks(write(tmp_path, content))

    def test_absent_files_and_folders_are_refused(self, tmp_path):
        for path in (tmp_path / "absent.csv", tmp_path):
            with pytest.raises(TrackFileError, match="打不开"):
                read_tracks(path)

    def test_size_is_limited_before_and_after_unpacking(self, tmp_path, monkeypatch):
        monkeypatch.setattr(formats, "MOST_BYTES", 10_000)
        for content in (b"a" * 10_001, gzip.compress(b"a" * 10_000_000)):
            with pytest.raises(TrackFileError, match="太大"):
                read_tracks(write(tmp_path, content))
        monkeypatch.setattr(formats, "MOST_ROWS", 1)
        with pytest.raises(TrackFileError, match="行数太多"):
            read_tracks(write(tmp_path, CSV))


class TestGpx:
    def test_points_of_tracks(self, tmp_path):
        tracks = read_tracks(write(tmp_path, GPX, "x.gpx"))
        assert list(tracks.track) == ["巡查", "巡查", "track-2"]
        assert seconds(tracks) == [0, 10.5, 20]
        assert (tracks.alt_m[0], tracks.speed_m_s[0], tracks.heading_deg[0]) == (4.5, 3, 90)
        assert dict(tracks.refused) == {"no_time": 1}

    def test_packed(self, tmp_path):
        assert len(read_tracks(write(tmp_path, gzip.compress(GPX.encode()), "x.gpx.gz"))) == 3

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ('<!DOCTYPE gpx [<!ENTITY a "b">]><gpx>&a;</gpx>', "DOCTYPE"),
            ('<!DOCTYPE gpx SYSTEM "file:///etc/passwd"><gpx/>', "DOCTYPE"),
            ("<gpx><trk>", "XML"),
            ("<kml/>", "不是 GPX"),
            ("<gpx></gpx>", "没有轨迹点"),
            ("<gpx>" + "<a>" * 100 + "</a>" * 100 + "</gpx>", "嵌套"),
            ('<gpx><trk><trkpt lat="x"><time>2026-01-01T00:00:00Z</time></trkpt></trk></gpx>', "没有一行能用"),
        ],
    )
    def test_hostile_ones_are_refused(self, tmp_path, content, words):
        with pytest.raises(TrackFileError, match=words):
            read_tracks(write(tmp_path, content, "x.gpx"))


def feature(geometry, **properties) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def collection(*features) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


LINE = {"type": "LineString", "coordinates": [[121.5, 31.2, 5], [121.6, 31.3, 6]]}
TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z"]


class TestGeoJson:
    def test_points_with_times(self, tmp_path):
        points = [
            feature({"type": "Point", "coordinates": [121.5, 31.2, 7]}, time=TIMES[0], id="a"),
            feature({"type": "Point", "coordinates": [121.6, 31.3]}, time=TIMES[1], id="a"),
            feature(None, time=TIMES[1], id="a"),
            feature({"type": "Polygon", "coordinates": []}, time=TIMES[1], id="a"),
        ]
        tracks = read_tracks(write(tmp_path, collection(*points), "x.geojson"))
        assert (list(tracks.track), seconds(tracks), tracks.alt_m[0]) == (["a", "a"], [0, 10], 7)
        assert dict(tracks.refused) == {"no_time_or_coordinate": 2}

    @pytest.mark.parametrize(
        "line",
        [
            feature(LINE, coordTimes=TIMES, name="w"),
            feature(LINE, coordinateProperties={"times": TIMES}, name="w"),
            feature({"type": "MultiLineString", "coordinates": [[c] for c in LINE["coordinates"]]},
                    times=[[t] for t in TIMES], name="w"),
            feature(LINE, datetimes=TIMES, name="w"),
            feature({"type": "LineString", "coordinates": [[121.5, 31.2, 5, 0], [121.6, 31.3, 6, 10]]}, name="w"),
            {"type": "Feature", "id": "w", "properties": {}, "geometry": None, "temporalGeometry": {
                "type": "MovingPoint", "datetimes": TIMES, "coordinates": LINE["coordinates"]}},
        ],
    )  # fmt: skip
    def test_lines_with_a_time_for_every_vertex(self, tmp_path, line):
        for content in (collection(line), json.dumps(line)):
            tracks = read_tracks(write(tmp_path, content, "x.json"))
            assert (list(tracks.track), seconds(tracks)) == (["w", "w"], [0, 10])
            assert (tracks.lon.tolist(), tracks.alt_m.tolist()) == ([121.5, 121.6], [5, 6])

    @pytest.mark.parametrize(
        ("document", "words"),
        [
            ({"type": "FeatureCollection", "features": []}, "没有带时间"),
            ({"type": "FeatureCollection", "features": None}, "没有要素"),
            ({"type": "FeatureCollection", "features": [1, None, [], {"geometry": 5}]}, "没有带时间"),
            (feature(LINE), "没有带时间"),
            (feature(LINE, times=TIMES[:1]), "没有带时间"),
            ({"type": "FeatureCollection", "features": [feature(LINE, times=TIMES)],
              "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}}, "不是经纬度"),
            (feature({"type": "Point", "coordinates": ["a", {}]}, time=TIMES[0]), "没有一行能用"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_replayed_is_refused(self, tmp_path, document, words):
        with pytest.raises(TrackFileError, match=words):
            read_tracks(write(tmp_path, json.dumps(document), "x.geojson"))


class TestJson:
    def test_records_and_lines(self, tmp_path):
        rows = [{"icao24": "a", "timestamp": 1000 * n + 1_700_000_000_000, "lon": 1, "lat": 2} for n in range(3)]
        for content in (json.dumps([*rows, 17]), "\n".join(map(json.dumps, rows)) + "\n{broken\n"):
            tracks = read_tracks(write(tmp_path, content, "x.json"))
            assert (len(tracks), dict(tracks.refused)) == (3, {"broken_row": 1})

    @pytest.mark.parametrize(
        "content",
        ["[", "{}", "[]", "[1, 2]", "{broken", "[" * 100_000, '[{"time": [1], "lon": {}, "lat": []}]',
         '[{"time": NaN, "lon": 1, "lat": 1}]', '[{"time": 1e400, "lon": 1, "lat": 1}]',
         '[{"time": 1, "lon": 1e400, "lat": 1}]'],
    )  # fmt: skip
    def test_hostile_ones_are_refused(self, tmp_path, content):
        with pytest.raises(TrackFileError):
            read_tracks(write(tmp_path, content, "x.json"))


class TestParquet:
    def test_geoparquet_in_another_reference_system(self, tmp_path):
        frame = gpd.GeoDataFrame(
            {"id": ["a", "a"], "time": pd.to_datetime(TIMES)},
            geometry=gpd.points_from_xy([121.5, 121.6], [31.2, 31.3], [3, 4]),
            crs=4326,
        )
        for crs in (4326, 4549):
            frame.to_crs(crs).to_parquet(tmp_path / "x.parquet")
            tracks = read_tracks(tmp_path / "x.parquet")
            assert seconds(tracks) == [0, 10]
            assert tracks.lon.tolist() == pytest.approx([121.5, 121.6])
            assert tracks.alt_m.tolist() == pytest.approx([3, 4])

    def test_plain_parquet(self, tmp_path):
        pd.DataFrame({"id": ["a"] * 2, "t": [1, 2], "lon": [1.0, 2], "lat": [1.0, 2]}).to_parquet(
            tmp_path / "x.parquet"
        )
        assert seconds(read_tracks(tmp_path / "x.parquet")) == [0, 1]

    def test_lines_are_refused(self, tmp_path):
        line = shapely.LineString([(0, 0), (1, 1)])
        gpd.GeoDataFrame({"time": [1]}, geometry=[line], crs=4326).to_parquet(tmp_path / "x.parquet")
        with pytest.raises(TrackFileError, match="应当是点"):
            read_tracks(tmp_path / "x.parquet")
