"""What can go wrong between a tablet and a wall."""

from command.exceptions import CommandError


class WallError(CommandError):
    """The wall cannot do this now; the text says why."""
