"""How commands tell which rows of a file they did not take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from gis.vectorfile import Refusal

LISTED = 20


class Writer(Protocol):
    """A command's ``stdout`` or ``stderr``."""

    def write(self, msg: str) -> object:
        """Write a line."""
        ...


def say_refusals(output: Writer, refused: Sequence[Refusal]) -> None:
    """The first refused rows one by one, and of more than these the counts by reason."""
    if not refused:
        return
    output.write(f"未采用 {len(refused)} 行：")
    for refusal in refused[:LISTED]:
        output.write(f"  第 {refusal.row} 行：{refusal.reason}")
    if len(refused) > LISTED:
        for reason, count in Counter(refusal.reason for refusal in refused).most_common(LISTED):
            output.write(f"  共 {count} 行：{reason}")
