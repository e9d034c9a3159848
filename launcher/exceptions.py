"""What the launcher refuses to go on with."""

from __future__ import annotations


class LaunchError(Exception):
    """A step failed.

    Parameters
    ----------
    message : str
        What failed, for the person at the keyboard.
    advice : str
        What to do about it; empty where the message says it all.
    output : str
        The last lines of what the failed program printed.
    """

    def __init__(self, message: str, advice: str = "", output: str = "") -> None:
        super().__init__(message)
        self.advice = advice
        self.output = output
