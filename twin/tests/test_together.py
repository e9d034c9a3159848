"""Questions that come while the database is busy are asked together."""

from __future__ import annotations

import asyncio

from django.db import connection

from twin.database import DatabaseThread, Together


class Database:
    """Answers when it is told to; remembers what it was asked at once."""

    def __init__(self):
        self.asked = []
        self.free = asyncio.Event()

    async def do(self, work, questions):
        self.asked.append(questions)
        await self.free.wait()
        return work(questions)


def test_whoever_comes_meanwhile_is_asked_for_together():
    async def story():
        database = Database()
        together = Together(database.do, lambda questions: [number * 10 for number in questions], most=3)
        first = asyncio.create_task(together.ask(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(together.ask(number)) for number in (2, 3, 4, 5)]
        await asyncio.sleep(0)
        others[0].cancel()
        database.free.set()
        answers = await asyncio.gather(first, *others[1:])
        assert answers == [10, 30, 40, 50]
        assert database.asked == [[1], [2, 3, 4], [5]]

    asyncio.run(story())


def test_an_error_is_told_to_all_whom_it_concerns_and_to_no_others():
    def work(questions):
        if 2 in questions:
            raise LookupError
        return questions

    async def story():
        database = Database()
        together = Together(database.do, work)
        asks = [asyncio.create_task(together.ask(1))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asks += [asyncio.create_task(together.ask(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        database.free.set()
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert answers[0] == 1
        assert all(isinstance(answer, LookupError) for answer in answers[1:])
        assert await together.ask(4) == 4

    asyncio.run(story())


def test_the_threads_connection_is_kept_until_the_database_breaks_it(db):
    def ask(sql):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    async def story():
        thread, other = DatabaseThread("kept"), DatabaseThread("other")
        kept = await thread.do(ask, "SELECT pg_backend_pid()")
        assert await thread.do(ask, "SELECT pg_backend_pid()") == kept
        assert await other.do(ask, f"SELECT pg_terminate_backend({kept})")
        assert await thread.do(ask, "SELECT pg_backend_pid()") != kept
        for each in (thread, other):
            await each.stop()

    asyncio.run(story())
