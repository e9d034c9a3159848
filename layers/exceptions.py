"""What can go wrong with a layer module; each says whose fault it is and what cures it."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class LayersError(Exception):
    """Base of all errors of :mod:`layers`."""


class ContractError(LayersError, ImproperlyConfigured):
    """A module breaks the plug-in contract: the platform does not start.

    Parameters
    ----------
    subject : str
        The module's key, or the id of the declaration.
    problem, cure : str
        What is wrong, and what to do.
    """

    def __init__(self, subject: str, problem: str, cure: str) -> None:
        self.subject = subject
        self.problem = problem
        self.cure = cure
        super().__init__(subject, problem, cure)

    def __str__(self) -> str:
        return f"layer module {self.subject!r}: {self.problem}. Cure: {self.cure}"


class DeclarationError(ContractError):
    """A declaration cannot work."""


class StylePropertyError(DeclarationError):
    """A style names a property that its deck.gl layer does not have, or gives one an impossible value."""


class DuplicateIdError(ContractError):
    """Two declarations claim the same id."""


class MissingRequirementError(ContractError):
    """A module needs another that is not there, or two need each other."""


class ModuleImportError(ContractError):
    """A file of a found module cannot be imported."""


class FrozenRegistryError(LayersError):
    """Something was to be registered after the start."""


class UnknownLayerError(LayersError, LookupError):
    """No map layer of that id."""


class ViewTooLargeError(LayersError, ValueError):
    """More things are in view than one file can hold."""


class QuestionError(LayersError, ValueError):
    """A question to the map that means nothing on it."""


class LayerFailedError(LayersError):
    """One layer cannot be read just now; the others are none the worse."""
