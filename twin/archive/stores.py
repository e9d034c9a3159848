"""Where archived days lie: a folder of the installation, or any place that Arrow reaches (S3 and its kin)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pyarrow.fs as pafs
from django.conf import settings

from twin.exceptions import ArchiveStoreError

_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, eq=False)
class ArchiveStore:
    """Files by name below one root.

    Attributes
    ----------
    fs : pyarrow.fs.FileSystem
        Where.
    root : str
        The archive's folder there.
    spool : Path
        Local folder in which files are made before they are put; on the disk of the archive where that is local.
    """

    fs: pafs.FileSystem
    root: str
    spool: Path

    @classmethod
    def at(cls, url: str, spool: Path | None = None) -> ArchiveStore:
        """The archive at an address, as :meth:`pyarrow.fs.FileSystem.from_uri` takes it, or at a path.

        Raises
        ------
        ArchiveStoreError
            There is no such kind of place.
        """
        try:
            if "://" not in url:
                url = Path(url).absolute().as_uri()
            fs, root = pafs.FileSystem.from_uri(url)
        except (ValueError, OSError) as error:
            raise ArchiveStoreError(f"archive at {url!r}: {error}") from error
        if isinstance(fs, pafs.LocalFileSystem):
            spool = Path(root) / ".spool"
        return cls(fs, root.rstrip("/"), spool or Path(tempfile.gettempdir()) / "sandtable-archive")

    def path(self, name: str) -> str:
        """The full path of a file."""
        return f"{self.root}/{name}" if self.root else name

    def put(self, made: Path, name: str) -> None:
        """Move a finished local file into the archive; it is there as a whole or not at all.

        Raises
        ------
        OSError
        """
        target = self.path(name)
        if isinstance(self.fs, pafs.LocalFileSystem):
            folder = Path(target).parent
            folder.mkdir(parents=True, exist_ok=True)
            made.replace(target)
            _sync(folder)
            return
        # Elsewhere an upload appears when it is closed; what a broken one may leave is not in the manifest, and swept.
        self.fs.create_dir(str(PurePosixPath(target).parent), recursive=True)
        with made.open("rb") as source, self.fs.open_output_stream(target) as sink:
            while piece := source.read(_CHUNK_BYTES):
                sink.write(piece)
        made.unlink()

    def sha256(self, name: str) -> str:
        """Checksum of a file as it lies there, in hexadecimal.

        Raises
        ------
        OSError
            It is not there or cannot be read.
        """
        digest = hashlib.sha256()
        with self.fs.open_input_stream(self.path(name), compression=None) as stream:
            while piece := stream.read(_CHUNK_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where it is gone already."""
        if self.fs.get_file_info(self.path(name)).type is not pafs.FileType.NotFound:
            self.fs.delete_file(self.path(name))

    def files(self) -> dict[str, float]:
        """Every archived file there is: its name, and when it was written (seconds since 1970)."""
        selector = pafs.FileSelector(self.root, allow_not_found=True, recursive=True)
        return {
            info.path.removeprefix(self.root).lstrip("/"): (info.mtime_ns or 0) / 1e9
            for info in self.fs.get_file_info(selector)
            if info.is_file and info.path.endswith(".parquet")
        }

    def clear_spool(self) -> None:
        """Delete what an interrupted archiving left half made."""
        for left in self.spool.glob("*"):
            left.unlink()


def sync_file(path: Path) -> None:
    """Bring a file to the disk."""
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=8)
def store_at(url: str, spool: Path) -> ArchiveStore:
    """The place at an address, made once.

    Raises
    ------
    ArchiveStoreError
        There is no such kind of place.
    """
    return ArchiveStore.at(url, spool)


def archive_url() -> str:
    """Where the archive of this installation is."""
    return settings.ARCHIVE_URL or str(Path(settings.VAR_DIR) / "archive")


def archive_store() -> ArchiveStore:
    """The archive of this installation."""
    return store_at(archive_url(), Path(settings.VAR_DIR) / "archive" / ".spool")
