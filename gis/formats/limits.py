"""How much of a foreign file is taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one reading.

    Attributes
    ----------
    upload_bytes : int
        Of the file as it comes.
    unpacked_bytes : int
        Of an archive's contents.
    ratio : float
        Of an archive's contents to the archive.
    entries : int
        Files and folders in an archive.
    rows, columns, vertices : int
        Features, attributes, and points of all features together.
    memory_bytes, seconds : int
        Of the process that reads.
    """

    upload_bytes: int = 200 << 20
    unpacked_bytes: int = 600 << 20
    ratio: float = 200.0
    entries: int = 1_000
    rows: int = 500_000
    columns: int = 500
    vertices: int = 5_000_000
    memory_bytes: int = 6 << 30
    seconds: int = 60


DEFAULT = Limits()
