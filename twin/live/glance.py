"""Everything in use as it is now, by the column, for questions about all of it at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from access.scope import Scope
from gis.notices import stamp_of
from twin.live.frames import columns_of
from twin.live.hub import hub
from twin.live.sight import sight_of
from twin.live.viewer import Sight
from twin.present import read_current

_SIGHTS = 64


def glance() -> dict[str, NDArray]:
    """Present states: columns of :data:`twin.live.frames.UPDATE`, each of shape (n,).

    A web process that hears the ingest has them in memory; any other asks the database, which takes a second where
    there are a hundred thousand.
    """
    if not hub.is_current:
        with connection.cursor() as cursor:
            return columns_of(read_current(cursor))
    world = hub.world
    columns, there, n = world.columns, world.there, len(world)
    n = min(n, len(there), len(columns["id"]))
    slots = np.flatnonzero(there[:n])
    return {name: column[slots] for name, column in columns.items()}


def sight_in(scope: Scope) -> Sight:
    """The owners and districts that a scope covers; looked up anew when an organization or region has changed."""
    if scope.everything:
        return sight_of(scope)
    return _sight(scope, stamp_of(["organizations", "regions"]))


@lru_cache(_SIGHTS)
def _sight(scope: Scope, version: int) -> Sight:
    return sight_of(scope)
