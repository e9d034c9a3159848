"""An analysis as a Dask graph: the same on the threads of one machine and on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import dask
from distributed import Client

from twin.analysis import questions
from twin.analysis.pieces import Source, pieces_of, tracks_of

BY_PIECE: dict[str, Callable[..., list[questions.Row]]] = {
    "distances": questions.distances,
    "stays": questions.stays,
    "mobile": questions.mobile,
}


def analyse(
    what: str, sources: Sequence[Source], scheduler: str | None = None, assets: tuple[int, int] | None = None
) -> list[questions.Row]:
    """Run an analysis over archived days.

    Parameters
    ----------
    what : str
        One of ``distances``, ``stays``, ``mobile``, ``colocation``.
    sources : sequence of Source
        Days; for ``colocation`` those of either asset's kind.
    scheduler : str, optional
        Address of a Dask scheduler; this machine's own processors when left out.
    assets : (int, int), optional
        The two of whom ``colocation`` tells.

    Returns
    -------
    list of dict
        By day, kind and asset.

    Raises
    ------
    ArchiveDamagedError
        A file is missing or damaged.
    OSError
        The scheduler cannot be reached.
    """
    if what == "colocation":
        assert assets is not None  # the command asks for them
        parts = _colocation(sources, assets)
    else:
        parts = [dask.delayed(BY_PIECE[what])(piece) for source in sources for piece in pieces_of(source)]
    rows = list(chain.from_iterable(_compute(parts, scheduler)))
    return sorted(rows, key=lambda row: [str(value) for value in list(row.values())[:2]] + [row["asset"]])


def _colocation(sources: Sequence[Source], assets: tuple[int, int]) -> list[Any]:
    wanted = dask.delayed(tracks_of)
    parts = []
    for day in sorted({source.day for source in sources}):
        of_day = [source for source in sources if source.day == day]
        found = [
            dask.delayed(_flat)([wanted(piece) for source in of_day for piece in pieces_of(source, asset)])
            for asset in assets
        ]
        parts.append(dask.delayed(questions.meetings)(*found))
    return parts


def _flat(tracks: list[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(tracks))


def _compute(parts: list[Any], scheduler: str | None) -> list[list[questions.Row]]:
    if scheduler is None:
        return list(dask.compute(*parts, scheduler="threads"))
    with Client(scheduler, timeout="10s") as client:
        return client.gather(client.compute(parts))  # type: ignore[no-any-return]
