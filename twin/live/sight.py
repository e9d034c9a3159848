"""What somebody may see, as look-up tables over owners and districts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from access.scope import Scope, allowed_organizations, allowed_regions
from gis.models import Region
from twin.live.viewer import Sight


def sight_of(scope: Scope) -> Sight:
    """The owners and districts that a scope covers."""
    if scope.everything:
        return Sight(True, np.zeros(1, bool), np.zeros(1, bool))
    return Sight(False, _table(allowed_organizations(scope)), _table(allowed_regions(scope)))


def district_table(code: str) -> NDArray[np.bool_]:
    """The region with this code and all below it, by key; none for a code that no region has."""
    path = Region.objects.filter(code=code).values_list("path", flat=True).first()
    below = Region.objects.filter(path__startswith=path) if path else Region.objects.none()
    return _table(np.fromiter(below.values_list("pk", flat=True), np.int64))


def _table(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    found = np.zeros(int(ids.max(initial=0)) + 1, bool)
    found[ids] = True
    return found
