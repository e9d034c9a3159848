"""The process of one analyser: ``python -m media.analysis.worker``, told over its standard input what to look at.

It has nothing of the platform: no database, no keys, no environment. What breaks here breaks alone.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from media.analysis.interface import Analyser, AnalyserError, Box, Picture, checked
from media.analysis.pictures import File, Rgb, UnreadableError, cropped, decoded, encoded
from media.analysis.wire import LENGTH, MOST_BYTES, Hello, Job, Reply, packed

POLITE = 10
"""Pictures are looked at with what others leave of the processor."""


class Worker:
    """Answers jobs, one after another.

    Parameters
    ----------
    hello : Hello
        Which analyser.

    Raises
    ------
    AnalyserError
        It cannot be had; says why.
    """

    def __init__(self, hello: Hello) -> None:
        self._analyser = make(hello) if hello.entry else None
        self._file: File | None = None

    def do(self, job: Job) -> Reply:
        """Take the picture out, look at it, and say what was found."""
        reply = Reply(job.number)
        try:
            rgb = self._picture(job)
        except UnreadableError as error:
            reply.unreadable = str(error)
            return reply
        if rgb is None:
            reply.over = True
            return reply
        reply.height, reply.width = rgb.shape[:2]
        if self._analyser is not None:
            part = Box(*job.part)
            try:
                found = self._analyser.look(Picture(cropped(rgb, part), job.taken_us, job.camera))
                reply.seen = [(each.label, each.confidence, each.box) for each in checked(found, part)]
            except Exception as error:  # whatever it throws is told, and what it did not see is not "nothing"
                reply.fault = f"{type(error).__name__}: {error}"[:500]
                return reply
        if job.keep or reply.seen:
            reply.jpeg = encoded(rgb, job.taken_us, job.camera, job.place)
        return reply

    def _picture(self, job: Job) -> Rgb | None:
        if not job.path:
            return decoded(job.codec, job.frames)
        path = Path(job.path)
        if self._file is None or self._file.path != path:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._file = File(path)
        return self._file.at(job.at_s)


def make(hello: Hello) -> Analyser:
    """The analyser that an entry (``package.module:callable``) names.

    Raises
    ------
    AnalyserError
    """
    module, _colon, name = hello.entry.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(hello.settings)
    except AnalyserError:
        raise
    except Exception as error:
        raise AnalyserError(f"{type(error).__name__}: {error}") from error


def serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Work until nobody asks any more."""

    def hear() -> bytes | None:
        head = stdin.read(LENGTH.size)
        if len(head) < LENGTH.size or (size := LENGTH.unpack(head)[0]) > MOST_BYTES:
            return None
        return stdin.read(size)

    def say(reply: Reply) -> None:
        stdout.write(packed(reply))
        stdout.flush()

    first = hear()
    if first is None:
        return
    try:
        worker = Worker(msgspec.msgpack.decode(first, type=Hello))
    except AnalyserError as error:
        say(Reply(0, fault=str(error)[:500]))
        return
    say(Reply(0))
    while (body := hear()) is not None:
        say(worker.do(msgspec.msgpack.decode(body, type=Job)))


def main() -> None:
    """Begin: what an analyser prints must not come between the answers, and its crash leaves no dump of pictures."""
    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
