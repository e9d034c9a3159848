"""Starts the process that looks into foreign files (:mod:`gis.confined`) and takes its answer."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from gis.formats.limits import Limits
from gis.formats.reasons import FormatError

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from pathlib import Path\n"
    "from gis.confined.main import main\n"
    "main(Path(sys.argv[2]))"
)
# Libraries that would look around: GDAL asks no server and loads no extension, PROJ fetches no grids, one thread each.
_ENVIRONMENT = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_HTTP_TIMEOUT": "1",
    "OGR_SQLITE_LOAD_EXTENSIONS": "NO",
    "SHAPE_RESTORE_SHX": "YES",
    "PROJ_NETWORK": "OFF",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for one job, gone afterwards with everything in it."""
    folder = Path(mkdtemp(prefix="sandtable-file-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, job: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Run a job in ``folder``.

    Parameters
    ----------
    folder : Path
        Holds the files that the job names.
    job : dict
        As :func:`gis.confined.main.main` takes it, without its limits.

    Returns
    -------
    dict
        The answer.

    Raises
    ------
    FormatError
        The process refused, ran out of time, memory or disk, or broke down over the file.
    """
    given = {**job, "limits": asdict(limits) | {"file_bytes": 2 * limits.unpacked_bytes}}
    (folder / "job.json").write_text(json.dumps(given, ensure_ascii=False))
    # Isolated: neither the folder with foreign files nor any variable of ours decides what code is loaded.
    command = [sys.executable, "-I", "-c", _START, str(ROOT), str(folder)]
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**_ENVIRONMENT, "TMPDIR": str(folder), "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FormatError("too_slow", seconds=limits.seconds) from None
    answer = folder / "answer.json"
    if ended.returncode or not answer.is_file():
        said = ended.stderr.decode("utf-8", "replace")
        logger.warning("the reader of a file ended with %s: %s", ended.returncode, said[-2000:])
        killed = ended.returncode in (-9, -24)
        memory = "MemoryError" in said or "bad_alloc" in said or "Cannot allocate memory" in said
        if killed:
            raise FormatError("too_slow", seconds=limits.seconds)
        raise FormatError("too_much_memory" if memory else "reader_broke_down")
    found: dict[str, Any] = json.loads(answer.read_text())
    if refused := found.get("refused"):
        raise FormatError(refused, **found["detail"])
    return found
