"""The process itself: takes a job from its folder, gives itself limits, reads or writes, answers, ends."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from gis.confined.programs import READERS, WRITERS, program_of
from gis.confined.raw import Job, RawLayer, Refused

JOB, ANSWER, ROWS = "job.json", "answer.json", "rows-{}.arrow"


class _WithoutPandas(MetaPathFinder):
    """Hides pandas: GDAL's binding and Arrow load it where they find it, at the price of most files, for its types."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in ("pandas", "geopandas"):
            raise ModuleNotFoundError(f"{fullname} is not for a file's reader", name=fullname)


def main(folder: Path) -> None:
    """Do the job that lies in ``folder`` and leave the answer there.

    ``answer.json`` holds ``layers``, ``files`` of a writing job, or ``refused`` with ``detail``. Anything unforeseen
    ends the process with its traceback on standard error.
    """
    job = json.loads((folder / JOB).read_text())
    sys.meta_path.insert(0, _WithoutPandas())
    try:
        # Libraries before limits: nothing of the file is looked at yet, and Python may keep what it translated of them
        # for the next process (many are used by nobody else, and to translate them takes seconds).
        do = {"read": _reading, "inspect": _reading, "write": _writing}[job["do"]](job, folder)
        _limit(job["limits"], folder)
        answer = do()
    except Refused as refused:
        answer = {"refused": refused.reason, "detail": refused.detail}
    except MemoryError:
        answer = {"refused": "too_much_memory", "detail": {}}
    except RecursionError:
        answer = {"refused": "nested_too_deep", "detail": {}}
    (folder / ANSWER).write_text(json.dumps(answer, ensure_ascii=False))


def _limit(limits: dict[str, Any], folder: Path) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, int(limits["memory_bytes"])),
        (resource.RLIMIT_CPU, int(limits["seconds"])),
        (resource.RLIMIT_FSIZE, int(limits["file_bytes"])),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        _soft, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    sys.addaudithook(_guard(folder.resolve()))


def _guard(folder: Path) -> Callable[[str, tuple[Any, ...]], None]:
    """Refuse sockets, programs, and writing outside the folder, whatever code asks for it."""
    inside = str(folder) + os.sep
    forbidden = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "ctypes.")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(forbidden):
            raise PermissionError(f"{event} is not for a file's reader")
        if event == "open":
            path, mode, flags = arguments
            writing = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            writing = writing or (isinstance(mode, str) and not set(mode).isdisjoint("wax+"))
            if writing and isinstance(path, str | bytes | os.PathLike):
                target = os.path.realpath(os.fsdecode(path))
                if not f"{target}{os.sep}".startswith(inside) and target != os.devnull:
                    raise PermissionError(f"{target} is outside the reader's folder")

    return hook


def _reading(job: dict[str, Any], folder: Path) -> Callable[[], dict[str, Any]]:
    """What reads as the job asks, with all its libraries loaded."""
    from gis.confined.examine import examine
    from gis.confined.results import summary

    rows_wanted = job["do"] == "read"
    if rows_wanted:
        from gis.confined.arrowrows import write_rows
    read: Callable[[Job], list[RawLayer]] = program_of(job["format"], READERS)
    limits = job["limits"]
    task = Job(
        job["format"],
        tuple((name, folder / path) for name, path in job["files"]),
        job.get("layer"),
        job.get("encoding"),
        job.get("columns") or {},
        int(limits["rows"]),
        int(limits["vertices"]),
        int(limits["columns"]),
    )

    def do() -> dict[str, Any]:
        layers = read(task)
        if task.layer is not None and not layers:
            raise Refused("no_layer", name=task.layer)
        described = []
        for i, layer in enumerate(layers):
            examine(layer)
            described.append(summary(layer))
            if rows_wanted and (len(layers) == 1 or (job.get("first") and not i)):
                write_rows(layer, folder / ROWS.format(i))
        return {"layers": described}

    return do


def _writing(job: dict[str, Any], folder: Path) -> Callable[[], dict[str, Any]]:
    """What writes as the job asks, with all its libraries loaded."""
    from gis.confined.writers import Writer, write

    writer: Writer = program_of(job["format"], WRITERS)
    return lambda: {"files": write(job, folder, writer)}
