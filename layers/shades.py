"""How strongly districts are filled by their counts; the screen does the same (``web/src/screen/shades.ts``)."""

from __future__ import annotations

from collections.abc import Iterable

MOST_SHADES = 5
FAINTEST = 0.15


def shares_of(counts: Iterable[int]) -> dict[int, float]:
    """Share of the full colour for each count above 0: faint for the fewest, 1 for the most.

    Groups hold about as many districts each, so that districts are told apart however close their counts; equal counts
    are never parted.
    """
    ordered = sorted(count for count in counts if count > 0)
    groups: list[list[int]] = []
    while ordered:
        free = MOST_SHADES - len(groups)
        # Where there are shades enough, each count has its own.
        size = 1 if len(set(ordered)) <= free else -(-len(ordered) // free)
        groups.append([count for count in ordered if count <= ordered[size - 1]])
        ordered = ordered[len(groups[-1]) :]
    step = (1 - FAINTEST) / max(len(groups) - 1, 1)
    if len(groups) == 1:
        return dict.fromkeys(groups[0], 1.0)
    return {count: round(FAINTEST + step * i, 4) for i, group in enumerate(groups) for count in group}
