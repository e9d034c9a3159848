"""Who holds a session and what they may see: asked of the database for many sockets at once.

When all screens of a city come back within seconds, or somebody's rights change while all are open, hundreds of sockets
ask at the same moment, and are asked for together (:class:`~twin.database.Together`). Sockets with equal scopes get the
same :class:`~twin.live.viewer.Sight`, by which they recognise that what was worked out for one is right for the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from access.scope import Scope, reading_grants, scope_of
from access.sessions import users_of_sessions
from twin.database import Together
from twin.live.database import in_database
from twin.live.feeds import Teller
from twin.live.sight import district_table, sight_of
from twin.live.viewer import Sight, same_sight

MOST_AT_ONCE = 200
AT_ONCE_S = 0.02
SOON_S = 0.1
IN_TURN_S = 1.0
"""How long the patience is of who has just come, whose rights changed, and who is looked at again in turn."""
KNOWN_S = 15.0
"""Longest time for which a look-up table is used without having been read again."""
MOST_DISTRICTS = 500

Kept = TypeVar("Kept")
Asked = tuple[str, Sequence[Teller]]


@dataclass
class _Table(Generic[Kept]):
    """A look-up table, the version of rights at which it was read, and when."""

    kept: Kept
    version: int
    read_at: float

    def good(self, version: int) -> bool:
        return self.version == version and time.monotonic() - self.read_at < KNOWN_S


class Doorkeeper:
    """Asks for all sockets of one web worker.

    Parameters
    ----------
    version : callable
        A number that grows when organizations, regions or anybody's rights may have changed.
    """

    def __init__(self, version: Callable[[], int]) -> None:
        self._version = version
        self._sights: dict[str, _Table[Sight]] = {}
        self._districts: dict[str, _Table[NDArray[np.bool_]]] = {}
        self._asked = Together(lambda *work: in_database(*work), self._look_up, MOST_AT_ONCE)

    async def who(self, session_key: str, tellers: Sequence[Teller], patience_s: float) -> tuple[str, Sight] | None:
        """Scope key and sight of whoever holds the session, whom the tellers met; None for nobody.

        Parameters
        ----------
        patience_s : float
            All that ask with so much patience are asked for together so often: a question for one costs nearly as
            much as for fifty.

        Raises
        ------
        django.db.DatabaseError
            Nobody knows.
        """
        await asyncio.sleep(patience_s - asyncio.get_running_loop().time() % patience_s)
        return await self._asked.ask((session_key, tellers))

    async def district(self, code: str) -> NDArray[np.bool_]:
        """Which regions belong to the district with this code, by key."""
        version, found = self._version(), self._districts.get(code)
        if found is None or not found.good(version):
            table = await in_database(district_table, code)
            if found is not None and np.array_equal(found.kept, table):
                table = found.kept
            if len(self._districts) >= MOST_DISTRICTS:
                self._districts.clear()
            found = self._districts[code] = _Table(table, version, time.monotonic())
        return found.kept

    def _look_up(self, asked: list[Asked]) -> list[tuple[str, Sight] | None]:
        """In the database's thread."""
        version = self._version()  # before anything is read: what changes from now on is read again
        users = users_of_sessions([session_key for session_key, _tellers in asked])
        answers: list[tuple[str, Sight] | None] = []
        with reading_grants(users.values()):
            for session_key, tellers in asked:
                user = users.get(session_key)
                if user is None:
                    answers.append(None)
                    continue
                for teller in tellers:
                    teller.meet(user)
                scope = scope_of(user)
                answers.append(("none" if scope.empty else scope.key, self._sight(scope, version)))
        return answers

    def _sight(self, scope: Scope, version: int) -> Sight:
        found = self._sights.get(scope.key)
        if found is not None and found.good(version):
            return found.kept
        sight = sight_of(scope)
        if found is not None and same_sight(found.kept, sight):
            sight = found.kept
        self._sights = {key: table for key, table in self._sights.items() if table.good(version)}
        self._sights[scope.key] = _Table(sight, version, time.monotonic())
        return sight
