"""Takes an upload apart: what kind of file it is, and, of an archive, the files inside, under names of ours."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gis.formats.limits import Limits
from gis.formats.reasons import FormatError

SUFFIXES = {
    ".geojson": "geojson",
    ".json": "geojson",
    ".gpkg": "gpkg",
    ".kml": "kml",
    ".dxf": "dxf",
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".wkt": "csv",
    ".xlsx": "xlsx",
}
ARCHIVES = frozenset({".zip", ".kmz"})
_NESTED = frozenset({".zip", ".kmz", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".xlsx"})
_SIDE_FILES = (".dbf", ".shx", ".prj", ".cpg")
_FOREIGN = ((b"AC10", "dwg"), (b"\xd0\xcf\x11\xe0", "xls"), (b"Rar!", "rar"), (b"7z\xbc\xaf", "rar"))
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Opened:
    """An upload, ready for a reader.

    Attributes
    ----------
    format : str
        ``geojson``, ``shp``, ``gpkg``, ``kml``, ``dxf``, ``csv``, ``xlsx``.
    files : tuple of (layer name, file name)
        File names are ours, in the work folder.
    """

    format: str
    files: tuple[tuple[str, str], ...]


def open_upload(path: Path, name: str, folder: Path, limits: Limits) -> Opened:
    """Look at an upload and lay what a reader needs into ``folder``.

    Parameters
    ----------
    path : Path
        The upload as it lies on disk.
    name : str
        What its owner called it; only its ending decides anything.
    folder : Path
        Work folder.

    Raises
    ------
    FormatError
        Too large, of no known format, or an archive with something wrong about it.
    """
    size = path.stat().st_size
    if not size:
        raise FormatError("empty_upload")
    if size > limits.upload_bytes:
        raise FormatError("too_large", size=_size(size), most=_size(limits.upload_bytes))
    with path.open("rb") as file:
        head = file.read(8)
    for magic, reason in _FOREIGN:
        if head.startswith(magic):
            raise FormatError(reason)
    shown = PurePosixPath(name.replace("\\", "/")).name
    suffix, stem = PurePosixPath(shown).suffix.lower(), PurePosixPath(shown).stem
    is_zip = head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    if is_zip and suffix != ".xlsx":
        return _open_archive(path, folder, limits)
    if suffix in ARCHIVES:
        raise FormatError("broken_archive")
    if suffix in (".shp", *_SIDE_FILES):
        raise FormatError("incomplete_shapefile", parts=" ".join(s for s in (".shp", *_SIDE_FILES) if s != suffix))
    kind = SUFFIXES.get(suffix)
    if kind is None:
        raise FormatError("unknown_format")
    if kind == "xlsx":
        if not is_zip:
            raise FormatError("not_this_format", format="XLSX")
        _check_entries(path, limits)
    target = f"upload.{kind}"
    shutil.copyfile(path, folder / target)
    return Opened(kind, ((stem, target),))


def _check_entries(path: Path, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """The archive's files by their names, every entry looked at before anything is unpacked."""
    found: dict[str, zipfile.ZipInfo] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise FormatError("broken_archive") from None
    if len(entries) > limits.entries:
        raise FormatError("too_many_entries", most=limits.entries)
    for entry in entries:
        name = _name_of(entry)
        shown = name[:80]
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or any(":" in part or "\0" in part for part in parts):
            raise FormatError("bad_entry", name=shown)
        if entry.is_dir():
            continue
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise FormatError("link_entry", name=shown)
        if entry.flag_bits & 0x1:
            raise FormatError("encrypted")
        if name in found:
            raise FormatError("duplicate_entry", name=shown)
        total += entry.file_size
        found[name] = entry
    if total > limits.unpacked_bytes:
        raise FormatError("too_large_unpacked", most=_size(limits.unpacked_bytes))
    if total > limits.ratio * path.stat().st_size:
        raise FormatError("bomb", ratio=int(limits.ratio))
    return found


def _name_of(entry: zipfile.ZipInfo) -> str:
    """The entry's name; archives made on Chinese Windows carry GBK without saying so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename


def _open_archive(path: Path, folder: Path, limits: Limits) -> Opened:
    entries = _check_entries(path, limits)
    if any(name.lower() in ("[content_types].xml", "xl/workbook.xml") for name in entries):
        raise FormatError("not_this_format", format="ZIP")
    entries = {name: entry for name, entry in entries.items() if not _is_litter(name)}
    by_suffix: dict[str, list[str]] = {}
    for name in entries:
        suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
        if suffix in _NESTED:
            raise FormatError("nested_archive", name=name[:80])
        by_suffix.setdefault(suffix, []).append(name)
    with zipfile.ZipFile(path) as archive:
        unpack = _Unpacker(archive, folder, limits.unpacked_bytes)
        if shapes := by_suffix.get(".shp"):
            return _open_shapefiles(unpack, entries, sorted(shapes))
        if any(suffix in by_suffix for suffix in _SIDE_FILES):
            raise FormatError("incomplete_shapefile", parts=".shp")
        # The root's document is what a KMZ means; other files of the same kind are what it links to.
        kml = sorted(by_suffix.get(".kml", []), key=lambda name: (name.count("/"), name.lower() != "doc.kml", name))
        known = kml[:1] + [
            n for s, names in by_suffix.items() if s in SUFFIXES and s not in (".kml", ".txt") for n in names
        ]
        known = known or by_suffix.get(".txt", [])
        if not known:
            raise FormatError("nothing_inside")
        if len(known) > 1:
            raise FormatError("several_inside", names="、".join(name[:60] for name in known[:8]))
        inner = PurePosixPath(known[0].replace("\\", "/"))
        kind = SUFFIXES[inner.suffix.lower()]
        target = f"upload.{kind}"
        unpack.take(entries[known[0]], target)
        return Opened(kind, ((inner.stem, target),))


def _is_litter(name: str) -> bool:
    """What operating systems leave in archives."""
    path = PurePosixPath(name)
    return path.parts[0] == "__MACOSX" or path.name in (".DS_Store", "Thumbs.db", "desktop.ini")


def _open_shapefiles(unpack: _Unpacker, entries: dict[str, zipfile.ZipInfo], shapes: list[str]) -> Opened:
    beside = {name.lower(): entry for name, entry in entries.items()}
    files = []
    for i, name in enumerate(shapes):
        stem = name[: -len(".shp")]
        missing = [suffix for suffix in (".dbf",) if f"{stem}{suffix}".lower() not in beside]
        if missing:
            raise FormatError("incomplete_shapefile", parts=" ".join(missing))
        for suffix in (".shp", *_SIDE_FILES):
            if entry := beside.get(f"{stem}{suffix}".lower()):
                unpack.take(entry, f"layer{i}{suffix}")
        files.append((stem, f"layer{i}.shp"))
    return Opened("shp", tuple(files))


class _Unpacker:
    """Writes entries into the folder, counting what really comes out: the archive's own figures may lie."""

    def __init__(self, archive: zipfile.ZipFile, folder: Path, most: int) -> None:
        self._archive, self._folder, self._left, self._most = archive, folder, most, most

    def take(self, entry: zipfile.ZipInfo, target: str) -> None:
        try:
            with self._archive.open(entry) as source, (self._folder / target).open("xb") as sink:
                while piece := source.read(_CHUNK):
                    self._left -= len(piece)
                    if self._left < 0:
                        raise FormatError("too_large_unpacked", most=_size(self._most))
                    sink.write(piece)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
            raise FormatError("broken_archive") from None


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MB" if count >= 1 << 20 else f"{count / 1024:.0f} KB"
