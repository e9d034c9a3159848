"""What changed in the database and has not been read again yet."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from gis.notices import listen


class Stale:
    """Change notices that wait to be obeyed; everything is stale at the start.

    Parameters
    ----------
    topics : frozenset of str
        Notices to listen for.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(self, topics: frozenset[str], database: dict) -> None:
        self._topics = topics
        self._database = database
        self._waiting: set[str] = set(topics)
        self._lock = threading.Lock()

    def watch(self, stopping: threading.Event, arrived: threading.Event) -> None:
        """Listen in a thread of its own until ``stopping``; each notice sets ``arrived``."""
        threading.Thread(target=self._watch, args=(stopping, arrived), name="notices", daemon=True).start()

    @property
    def waiting(self) -> bool:
        """Whether something is stale."""
        return bool(self._waiting)

    def take(self) -> set[str]:
        """What is stale, which whoever takes it will read or :meth:`mark` again."""
        with self._lock:
            waiting, self._waiting = self._waiting, set()
        return waiting

    def mark(self, topics: Iterable[str]) -> None:
        """These have to be read again."""
        with self._lock:
            self._waiting.update(topics)

    def _watch(self, stopping: threading.Event, arrived: threading.Event) -> None:
        for topics in listen(self._topics, stop=stopping, parameters=self._database):
            self.mark(topics)
            arrived.set()
