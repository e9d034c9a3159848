"""Files that mean harm, or are broken: each is refused with what to do, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import json
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest

from gis.confined.raw import Job, Refused
from gis.formats import DEFAULT, FormatError, inspect_upload
from gis.formats.archive import open_upload
from gis.formats.limits import Limits

pytestmark = pytest.mark.django_db


def zipped(path: Path, entries: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def refusal(path: Path, folder: Path, limits: Limits = DEFAULT) -> str:
    """The reason for which opening the upload is refused, with nothing laid outside the folder."""
    folder.mkdir()
    before = set(path.parent.rglob("*"))
    with pytest.raises(FormatError) as caught:
        open_upload(path, path.name, folder, limits)
    left = {p for p in path.parent.rglob("*") if folder not in p.parents}
    assert left == before and not any(p.is_symlink() for p in folder.rglob("*"))
    assert str(caught.value).endswith("。")
    return caught.value.reason


@pytest.mark.parametrize(
    ("entries", "mode", "reason"),
    [
        ({"../../evil.shp": b"x"}, 0, "bad_entry"),
        ({"/etc/cron.d/evil.geojson": b"x"}, 0, "bad_entry"),
        ({"..\\evil.geojson": b"x"}, 0, "bad_entry"),
        ({"C:\\evil.geojson": b"x"}, 0, "bad_entry"),
        ({"a.shp": b"/etc/passwd"}, stat.S_IFLNK | 0o777, "link_entry"),
        ({"a.geojson": b"\0" * 40_000_000}, 0, "bomb"),
        ({"inner.zip": b"PK\x03\x04"}, 0, "nested_archive"),
        ({"inner.tar.gz": b"x"}, 0, "nested_archive"),
        ({"readme.md": b"x"}, 0, "nothing_inside"),
        ({"a.csv": b"x", "b.geojson": b"x"}, 0, "several_inside"),
        ({"a.dbf": b"x", "a.prj": b"x"}, 0, "incomplete_shapefile"),
        ({"a.shp": b"x"}, 0, "incomplete_shapefile"),
        ({f"{i}.txt": b"" for i in range(1001)}, 0, "too_many_entries"),
    ],
)
def test_archives(tmp_path, entries, mode, reason):
    path = zipped(tmp_path / "a.zip", entries, mode)
    assert refusal(path, tmp_path / "work") == reason


def test_archives_that_lie_about_their_size(tmp_path):
    """The directory says ten bytes, the data unpacks to megabytes: what comes out is counted."""
    path = zipped(tmp_path / "a.zip", {"a.geojson": bytes(range(256)) * 8_000})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 10)
    path.write_bytes(content)
    limits = dataclasses.replace(DEFAULT, unpacked_bytes=100_000)
    assert refusal(path, tmp_path / "work", limits) in ("too_large_unpacked", "broken_archive")


def test_broken_encrypted_and_mistaken_archives(tmp_path):
    good = zipped(tmp_path / "good.zip", {"a.geojson": b"{}" * 500}).read_bytes()
    locked = bytearray(good)
    for magic, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        locked[locked.index(magic) + offset] |= 1
    for i, (name, content, reason) in enumerate(
        [
            ("a.zip", good[:-30], "broken_archive"),
            ("a.zip", bytes(locked), "encrypted"),
            ("a.zip", b"no archive at all", "broken_archive"),
            ("a.rar", b"Rar!\x1a\x07\x00rest", "rar"),
            ("a.dwg", b"AC1032" + bytes(100), "dwg"),
            ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
            ("a.xlsx", b"plain text", "not_this_format"),
            ("a.shp", b"\x00\x00\x27\x0a" + bytes(96), "incomplete_shapefile"),
            ("a.exe", b"MZ", "unknown_format"),
            ("a.geojson", b"", "empty_upload"),
        ]
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert refusal(path, tmp_path / f"work{i}") == reason, name


def test_gbk_names_inside_archives_are_read(tmp_path):
    # What Chinese Windows writes: GBK bytes without the flag for UTF-8.
    path = zipped(tmp_path / "a.zip", {"AAAA.geojson": b"{}"})
    path.write_bytes(path.read_bytes().replace(b"AAAA", "围栏".encode("gbk")))
    folder = tmp_path / "work"
    folder.mkdir()
    opened = open_upload(path, path.name, folder, DEFAULT)
    assert opened.format == "geojson" and opened.files[0][0] == "围栏"
    assert (folder / opened.files[0][1]).read_bytes() == b"{}"


def job(path: Path, kind: str, **limits) -> Job:
    return Job(kind, (("a", path),), **limits)


def test_ten_million_vertices_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "a.geojson"
    with path.open("w") as file:
        file.write('{"type":"Feature","properties":null,"geometry":{"type":"LineString","coordinates":[')
        piece = ",".join(["[1,2]"] * 100_000)
        file.write(",".join([piece] * 100))
        file.write("]}}")
    with pytest.raises(FormatError, match=r"顶点共 10000000 个.*简化") as caught:
        inspect_upload(path, path.name)
    assert caught.value.reason == "too_many_vertices"


def test_json_that_is_deep_endless_or_wide(tmp_path):
    from gis.confined.jsonfeatures import read_geojson

    path = tmp_path / "a.geojson"
    wide = [{"type": "Feature", "geometry": None, "properties": {f"k{i}": 1}} for i in range(600)]
    for content, reason in (
        ("[" * 200_000, "nested_too_deep"),
        ('{"type": "FeatureCollection", "features": [', "broken_json"),
        ('{"type": "Topology", "objects": {}}', "topojson"),
        ('{"type": "FeatureCollection", "features": {}}', "no_geojson"),
        ("null", "no_geojson"),
        (json.dumps({"type": "FeatureCollection", "features": wide}), "too_many_columns"),
    ):
        path.write_text(content)
        with pytest.raises(Refused) as caught:
            read_geojson(job(path, "geojson"))
        assert caught.value.reason == reason, content[:40]


def test_xml_with_entities_is_refused_and_links_are_not_followed(tmp_path):
    from gis.confined.kmlfile import read_kml

    path = tmp_path / "a.kml"
    laughs = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY l0 "ha">{laughs}]><kml>&l9;</kml>')
    with pytest.raises(Refused, match="doctype"):
        read_kml(job(path, "kml"))
    path.write_text('<!DOCTYPE kml SYSTEM "file:///etc/passwd"><kml/>')
    with pytest.raises(Refused, match="doctype"):
        read_kml(job(path, "kml"))
    path.write_text("<kml>" + "<Folder>" * 200)
    with pytest.raises(Refused, match="nested_too_deep"):
        read_kml(job(path, "kml"))
    path.write_text("<kml><NetworkLink><Link><href>file:///etc/passwd</href></Link></NetworkLink></kml>")
    (layer,) = read_kml(job(path, "kml"))
    assert not len(layer.shapes) and layer.notes == [("links_not_followed", {"count": 1})]


def test_what_only_looks_like_a_shapefile_does_not_reach_gdal(tmp_path):
    virtual = b"<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"
    path = zipped(tmp_path / "a.zip", {"a.shp": virtual, "a.dbf": bytes(33) + b"\r"})
    with pytest.raises(FormatError) as caught:
        inspect_upload(path, path.name)
    assert caught.value.reason in ("not_this_format", "broken_file")
    database = tmp_path / "a.gpkg"
    database.write_bytes(b"<GDAL_WMS>" * 10)
    with pytest.raises(FormatError) as caught:
        inspect_upload(database, database.name)
    assert caught.value.reason == "not_this_format"


def test_time_and_memory_end(tmp_path, monkeypatch):
    path, folders = tmp_path / "a.geojson", tmp_path / "folders"
    folders.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders))
    features = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}] * 200_000
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(FormatError) as caught:
        inspect_upload(path, path.name, limits=dataclasses.replace(DEFAULT, seconds=1))
    assert caught.value.reason == "too_slow" and "1 秒" in str(caught.value)
    with pytest.raises(FormatError) as caught:
        inspect_upload(path, path.name, limits=dataclasses.replace(DEFAULT, memory_bytes=150 << 20))
    # Some libraries die of it before they can say what it was.
    assert caught.value.reason in ("too_much_memory", "reader_broke_down")
    assert not list(folders.iterdir())


@pytest.mark.parametrize("event", ["socket.connect", "subprocess.Popen", "os.system", "ctypes.dlopen"])
def test_the_process_reaches_nothing(tmp_path, event):
    from gis.confined.main import _guard

    hook = _guard(tmp_path)
    with pytest.raises(PermissionError):
        hook(event, ("x",))
    with pytest.raises(PermissionError):
        hook("open", ("/etc/evil", "w", 0))
    with pytest.raises(PermissionError):
        hook("open", (f"{tmp_path}-beside/evil", "x", 0))
    hook("open", (str(tmp_path / "fine"), "w", 0))
    hook("open", ("/etc/hostname", "r", 0))
