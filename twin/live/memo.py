"""What was worked out at one tick of the world, for whoever asks the same at that tick."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Result = TypeVar("Result")
MOST = 5000
"""Answers kept; people who move their maps while nothing else moves must not fill the memory."""


class Memo:
    """Answers of one tick, by question; forgotten at the next one."""

    def __init__(self) -> None:
        self._tick = -1
        self._known: dict[Hashable, tuple[Any, tuple[object, ...]]] = {}

    def get(self, tick: int, question: Hashable, held: tuple[object, ...], make: Callable[[], Result]) -> Result:
        """The answer to a question, made where nobody has asked it at this tick.

        Parameters
        ----------
        tick : int
            Of the world.
        question : hashable
            Two that are equal get one answer.
        held : tuple
            Objects that the question names by ``id``: kept as long as the answer, so that no other gets that id.
        make : callable
            Works the answer out; whoever gets it must not change it.
        """
        if tick != self._tick or len(self._known) >= MOST:
            self._known.clear()
            self._tick = tick
        found = self._known.get(question)
        if found is None:
            found = self._known[question] = (make(), held)
        return found[0]
