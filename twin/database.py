"""A thread with a database connection of its own, for what lives on an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import connections

Result = TypeVar("Result")
Question = TypeVar("Question")
KEPT_S = 60.0
"""How old a connection gets: after that the next work has a new one."""


class DatabaseThread:
    """Does one thing after another; what it is asked takes milliseconds.

    Its connection is kept, for making one takes longer than most of the work; before each work it is asked whether it
    is still good, so that a database that was restarted costs nobody an error.

    Parameters
    ----------
    name : str
        Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._fresh_until = 0.0

    async def do(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do ``work`` there; what it raises is raised here."""

        def run() -> Result:
            self._let_go_of_the_old()
            try:
                return work(*arguments)
            except Exception:
                connections.close_all()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def stop(self) -> None:
        """Let go of the connection, and end."""
        await self.do(connections.close_all)
        self._thread.shutdown(wait=False)

    def _let_go_of_the_old(self) -> None:
        too_old = time.monotonic() >= self._fresh_until
        for each in connections.all(initialized_only=True):
            if each.connection is not None and not each.in_atomic_block and (too_old or not each.is_usable()):
                each.close()
        if too_old:
            self._fresh_until = time.monotonic() + KEPT_S


class Together(Generic[Question, Result]):
    """Asks the database one kind of question for many at once.

    Whoever asks while a question is under way waits for the next one, which is asked for all of them together: so the
    database is asked as often as it can answer, and however many ask, nobody waits for more than two turns.

    Parameters
    ----------
    do : callable
        Has work done in a thread that has a database: :meth:`DatabaseThread.do`.
    work : callable
        Answers a list of questions, each in its place.
    most : int
        Questions asked at once.
    """

    def __init__(
        self,
        do: Callable[..., Awaitable[list[Result]]],
        work: Callable[[list[Question]], list[Result]],
        most: int = 200,
    ) -> None:
        self._do = do
        self._work = work
        self._most = most
        self._waiting: list[tuple[Question, asyncio.Future[Result]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Result:
        """The answer to this one; what ``work`` raises is raised to all whom it was asked for."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        return await answer

    async def _ask_all(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                answers = await self._do(self._work, [question for question, _waiting in asked])
            except Exception as error:
                for _question, waiting in asked:
                    if not waiting.done():
                        waiting.set_exception(error)
                continue
            for (_question, waiting), answer in zip(asked, answers, strict=True):
                if not waiting.done():  # whoever asked may have gone
                    waiting.set_result(answer)
