"""What can go wrong at the planners' desk; every text says what to do, in the reader's language."""

from command.exceptions import CommandError


class PlanError(CommandError):
    """Base: this cannot be done with this draft."""


class DraftFaultError(PlanError, ValueError):
    """Something in the draft must be changed first."""


class DraftForbiddenError(PlanError):
    """This person may not do this to this draft."""


class DraftStaleError(PlanError):
    """Somebody else changed the draft, or the area it is about, in the meantime."""
