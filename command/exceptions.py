"""What can go wrong between a rule and the person who answers its alert."""


class CommandError(Exception):
    """Base of all errors of :mod:`command`."""


class RuleError(CommandError, ValueError):
    """A rule is declared, set or judged in a way that makes no sense; its text names the rule and the cure."""


class DuplicateRuleError(RuleError):
    """Two rules, or two attributes, claim one id."""


class UnknownRuleError(CommandError, LookupError):
    """No rule of that id is installed."""


class TransitionError(CommandError, ValueError):
    """An alert cannot do this in its present state."""


class NotAllowedError(CommandError):
    """This person may not do this to this alert."""
