"""Which of a device's numbers are settled: stored, or refused and said so.

Pure: no clock, no database. ``acked`` is the highest number below which nothing is open; what arrived beyond a gap
stands in ``ahead`` as closed ranges, ascending, never touching.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.exceptions import RefusedError

MOST_RANGES = 64
"""Gaps a device may leave open at once; beyond, it has to close some first."""


@dataclass(slots=True)
class Numbering:
    """Settled numbers of one device in its present epoch."""

    epoch: int = 0
    acked: int = 0
    ahead: list[list[int]] = field(default_factory=list)

    def settle(self, epoch: int, number: int, oldest: int | None = None) -> bool:
        """Settle one number.

        Parameters
        ----------
        epoch : int
            Numbering series; a greater one than before begins anew at 1.
        number : int
            1 or above.
        oldest : int, optional
            Lowest number the device still keeps, at most ``number``: what is lower and open is lost on the device's
            side.

        Returns
        -------
        bool
            True if it was open; False if it was settled before (a message delivered again).

        Raises
        ------
        RefusedError
            An ended epoch (``old_epoch``) or too many gaps (``too_many_gaps``); the number is not settled.
        ValueError
            ``oldest`` is above ``number``.
        """
        if self.takes_next(epoch, number, oldest):
            return True
        if epoch < self.epoch:
            raise RefusedError("old_epoch", f"epoch {epoch} ended; the present one is {self.epoch}")
        if oldest is not None and oldest > number:
            raise ValueError(f"oldest {oldest} is above {number}")
        if epoch > self.epoch:
            self.epoch, self.acked, self.ahead = epoch, 0, []
        if oldest is not None and oldest - 1 > self.acked:
            self.acked = oldest - 1
            self.ahead = [r for r in self.ahead if r[1] > self.acked]
            self._close_gap()
        if number <= self.acked or any(low <= number <= high for low, high in self.ahead):
            return False
        if number == self.acked + 1:
            self.acked = number
            self._close_gap()
            return True
        self._put_ahead(number)
        return True

    def takes_next(self, epoch: int, number: int, oldest: int | None = None) -> bool:
        """Settle a number where it is the next one and nothing is open, as nearly always; False: nothing was done."""
        if number == self.acked + 1 and epoch == self.epoch and not self.ahead and (oldest is None or oldest <= number):
            self.acked = number
            return True
        return False

    def has_passed(self, epoch: int, number: int) -> bool:
        """Whether a number is among those below the first gap, and nothing comes of it any more."""
        return number <= self.acked and epoch == self.epoch

    def skips(self, epoch: int, number: int, oldest: int | None = None) -> bool:
        """Whether settling a number would leave numbers open below it that the device still holds."""
        if epoch < self.epoch:
            return False
        acked, ahead = (self.acked, self.ahead) if epoch == self.epoch else (0, [])
        acked = max(acked, (oldest or 1) - 1)
        return number > acked + 1 and not any(low <= number <= high for low, high in ahead)

    def _put_ahead(self, number: int) -> None:
        for i, (low, high) in enumerate(self.ahead):
            if number == high + 1:
                self.ahead[i][1] = number
                if i + 1 < len(self.ahead) and self.ahead[i + 1][0] == number + 1:
                    self.ahead[i][1] = self.ahead.pop(i + 1)[1]
                return
            if number == low - 1:
                self.ahead[i][0] = number
                return
            if number < low:
                self._insert(i, number)
                return
        self._insert(len(self.ahead), number)

    def _insert(self, place: int, number: int) -> None:
        if len(self.ahead) >= MOST_RANGES:
            raise RefusedError("too_many_gaps", f"more than {MOST_RANGES} gaps are open; send from {self.acked + 1}")
        self.ahead.insert(place, [number, number])

    def _close_gap(self) -> None:
        while self.ahead and self.ahead[0][0] <= self.acked + 1:
            self.acked = max(self.acked, self.ahead.pop(0)[1])
