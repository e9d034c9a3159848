"""Writing that nobody waits for: a thread of its own works off, in order, what is posted for one connection.

Where positions are stored, most of what goes to the database is nothing that anything later is computed from: the
history, crossings, present states, numberings, the end of the transaction. While PostgreSQL works these off, whoever
posted them computes on. Whatever needs an answer asks as ever, by :class:`PostingCursor`: it waits until everything
posted before is through. So the database hears everything in the order in which it was said, as from one thread.

Once something posted has failed nothing posted after it is done, and whoever waits is told of that failure, until
:meth:`Writer.abandon`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from twin.meters import stage

T = TypeVar("T")
Work = Callable[[psycopg.Cursor], T]


class Writer:
    """Owns a connection while something posted is not through; between two of these it is the caller's.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit mode.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self._pool = ThreadPoolExecutor(1, "writer")
        self._cursor = connection.cursor()
        self._last: Future[Any] | None = None
        self._failed: BaseException | None = None

    def post(self, work: Work[T]) -> Future[T]:
        """Have ``work`` done after all that was posted before; what it is given must not change any more."""
        posted = self._pool.submit(self._do, work)
        self._last = posted
        return posted

    def join(self) -> None:
        """Wait until everything posted is through.

        Raises
        ------
        Exception
            Of the first that failed.
        """
        if self._last is not None:
            self._last.exception()
            self._last = None
        if self._failed is not None:
            raise self._failed

    def begin(self) -> PostingCursor:
        """Post the beginning of a transaction; returns what to say in it."""
        self.post(lambda cursor: cursor.execute("BEGIN"))
        return self.cursor()

    def cursor(self) -> PostingCursor:
        """What to ask, and to post, with."""
        return PostingCursor(self)

    def commit(self) -> Future[None]:
        """Post the end of the transaction."""
        return self.post(_commit)

    def abandon(self) -> None:
        """Roll back what is not committed, and be ready for what is posted next; a connection of no use is closed."""
        if self._last is not None:
            self._last.exception()
        self._last = self._failed = None
        try:
            if self.connection.info.transaction_status != TransactionStatus.IDLE:
                self.connection.execute("ROLLBACK")
        except psycopg.Error:
            self.connection.close()

    def stop(self) -> None:
        """End the thread, once everything posted is through; the connection stays as it is."""
        self._pool.shutdown()

    def _do(self, work: Work[T]) -> T:
        if self._failed is not None:
            raise self._failed
        try:
            return work(self._cursor)
        except BaseException as error:
            self._failed = error
            raise


class PostingCursor(psycopg.Cursor):
    """A cursor of the caller's: it speaks after everything that was posted. See :func:`later`."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer.connection)
        self._writer = writer

    @property
    def connection(self) -> psycopg.Connection:
        """Its connection, once it is the caller's."""
        self._writer.join()
        return self._writer.connection

    def post(self, work: Work[T]) -> Future[T]:
        """See :meth:`Writer.post`."""
        return self._writer.post(work)

    def execute(self, *args: Any, **kwargs: Any) -> PostingCursor:
        """See :meth:`psycopg.Cursor.execute`."""
        self._writer.join()
        return super().execute(*args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        """See :meth:`psycopg.Cursor.executemany`."""
        self._writer.join()
        super().executemany(*args, **kwargs)

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        """See :meth:`psycopg.Cursor.copy`."""
        self._writer.join()
        return super().copy(*args, **kwargs)


def later(cursor: psycopg.Cursor, work: Work[T]) -> Future[T]:
    """Have something written that nothing later is computed from: posted where ``cursor`` can, else done at once.

    Parameters
    ----------
    work : callable
        Is given a cursor of the same transaction. It may be called on another thread: what it uses must not change.
    """
    if isinstance(cursor, PostingCursor):
        return cursor.post(work)
    done: Future[T] = Future()
    done.set_result(work(cursor))
    return done


def _commit(cursor: psycopg.Cursor) -> None:
    with stage("commit"):
        cursor.execute("COMMIT")
    # A transaction in which an error was swallowed ends with ROLLBACK, and without another error.
    if cursor.statusmessage != "COMMIT":
        raise psycopg.InternalError(f"the transaction ended with {cursor.statusmessage}")
