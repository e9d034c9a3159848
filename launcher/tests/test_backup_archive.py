"""Archived days in a backup: all that a dump can name, whatever changes meanwhile."""

import hashlib

import pytest

from launcher.backup_archive import ArchivedFile, archive_folder, collect, damaged, put_back
from launcher.configuration import Installation


@pytest.mark.parametrize(
    ("place", "folder"),
    [("", "var/archive"), ("/data/a", "/data/a"), ("file:///data/%E6%B2%99", "/data/沙"), ("s3://bucket/a", None)],
)
def test_where_the_archive_is(tmp_path, place, folder):
    installation = Installation(tmp_path / "var", archive=place)
    found = archive_folder(installation)
    assert found == (None if folder is None else tmp_path / folder)


def day(folder, name, content):
    path = folder / "machine" / "2026" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_files_before_and_after_the_dump_are_both_there(tmp_path):
    archive, into = tmp_path / "archive", tmp_path / "into"
    old = day(archive, "a-1.parquet", "old")
    day(archive / ".spool", "half.parquet", "half")
    collect(archive, into)
    old.unlink()
    day(archive, "a-2.parquet", "new")
    collect(archive, into)
    assert sorted(path.name for path in into.rglob("*") if path.is_file()) == ["a-1.parquet", "a-2.parquet"]


def test_nothing_archived_is_no_fault(tmp_path):
    collect(tmp_path / "none", tmp_path / "into")
    put_back(tmp_path / "into", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_is_damaged_or_cut_short_is_put_back_and_the_rest_left_alone(tmp_path):
    kept, archive = tmp_path / "kept", tmp_path / "archive"
    for name in ("a-1.parquet", "a-2.parquet", "a-3.parquet"):
        day(kept, name, "as it was")
    day(archive, "a-1.parquet", "as it Was")
    day(archive, "a-2.parquet", "cut")
    there = day(archive, "a-3.parquet", "as it was")
    since = there.stat().st_ino
    day(archive, "b-1.parquet", "later")
    put_back(kept, archive)
    texts = {path.name: path.read_text() for path in archive.rglob("*.parquet")}
    assert texts == dict.fromkeys(["a-1.parquet", "a-2.parquet", "a-3.parquet"], "as it was") | {"b-1.parquet": "later"}
    assert there.stat().st_ino == since


def test_what_is_missing_cut_short_or_changed_is_found(tmp_path):
    written = {name: f"day {name}" for name in ("whole", "missing", "cut", "changed")}
    for name, content in {"whole": "day whole", "cut": "day", "changed": "day chAnged"}.items():
        (tmp_path / name).write_text(content)
    files = [ArchivedFile(name, len(text), hashlib.sha256(text.encode()).hexdigest()) for name, text in written.items()]
    assert damaged(tmp_path, files) == ["missing", "cut", "changed"]
