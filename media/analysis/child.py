"""An analyser's process, as the process of video has it: begun when needed, killed when it does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

import msgspec
from django.conf import settings

from media.analysis.wire import LENGTH, MOST_BYTES, Hello, Job, Reply, packed

logger = logging.getLogger(__name__)

BEGIN_S = 60.0
"""Loading a large model takes its time."""
ANSWER_S = 30.0
END_S = 2.0
_reply = msgspec.msgpack.Decoder(Reply)


class ChildError(Exception):
    """The analyser cannot be had, died, or did not answer; says which."""


class Child:
    """One process; asked one thing at a time.

    Parameters
    ----------
    hello : Hello
        Which analyser it is to be.
    """

    def __init__(self, hello: Hello) -> None:
        self._hello = hello
        self._process: Process | None = None
        self._number = 0

    @property
    def alive(self) -> bool:
        """Whether it has been begun and not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its number with the system."""
        return self._process.pid if self._process is not None else None

    async def ask(self, job: Job, within_s: float = ANSWER_S) -> Reply:
        """Have a job done; begins the process where there is none. Cancelling it ends the process.

        Raises
        ------
        ChildError
            There is no answer, and the process is no more.
        """
        try:
            if not self.alive:
                await self._begin()
            self._number = job.number = self._number + 1
            async with asyncio.timeout(within_s):
                reply = await self._exchange(packed(job))
        except TimeoutError:
            await self.stop()
            raise ChildError(f"no answer within {within_s:.0f} s") from None
        except (OSError, EOFError, msgspec.MsgspecError, ValueError) as error:
            code = await self.stop()
            raise ChildError(f"its process ended ({code}): {type(error).__name__}") from None
        except BaseException:
            await self.stop()
            raise
        if reply.number != self._number:
            await self.stop()
            raise ChildError("it answered something else")
        return reply

    async def _begin(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "media.analysis.worker"),
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=settings.BASE_DIR, start_new_session=True,
            # Of our environment it gets nothing: there are keys in it.
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
        )  # fmt: skip
        async with asyncio.timeout(BEGIN_S):
            reply = await self._exchange(packed(self._hello))
        if reply.fault:
            await self.stop()
            raise ChildError(reply.fault)

    async def _exchange(self, message: bytes) -> Reply:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        process.stdin.write(message)
        await process.stdin.drain()
        size = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))[0]
        if size > MOST_BYTES:
            raise ValueError("an answer is too long")
        return _reply.decode(await process.stdout.readexactly(size))

    async def stop(self) -> int | None:
        """End it; gives how it ended (negative: by which signal), None where there was none."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            # One that was only told to go goes by itself; one that hangs is killed.
            await asyncio.wait_for(asyncio.shield(process.wait()), END_S if process.returncode is None else 0.1)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return process.returncode
