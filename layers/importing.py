"""What goes wrong while a module is imported gets the module's name and a cure.

Imports no models: app configs need it before there are any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from difflib import get_close_matches

from layers.exceptions import ContractError, ModuleImportError

_UNKNOWN_KEYWORD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING_MODULE = re.compile(r"layers\.(\w+)")


@contextmanager
def importing(key: str, file: str) -> Iterator[None]:
    """Give whatever goes wrong inside the name of the module and a cure.

    Raises
    ------
    ContractError
        In place of any other error; a declaration's own keeps its kind.
    """
    try:
        yield
    except ContractError as error:
        if error.subject == key:
            raise
        raise type(error)(key, f"{error.subject}: {error.problem}", error.cure) from error
    except Exception as error:
        problem = f"layers/{key}/{file} cannot be imported ({type(error).__name__}: {error})"
        raise ModuleImportError(key, problem, _cure(key, error)) from error


def _cure(key: str, error: Exception) -> str:
    if found := _UNKNOWN_KEYWORD.search(str(error)):
        declaration = getattr(sys.modules.get("layers.contract"), found[1], None)
        known = [f.name for f in fields(declaration)] if declaration is not None else []
        if near := get_close_matches(found[2], known, n=1):
            return f"write {near[0]!r} in place of {found[2]!r}"
        if known:
            return f"{found[1]} takes {', '.join(known)}"
    missing = _MISSING_MODULE.match(getattr(error, "name", None) or "")
    if isinstance(error, ModuleNotFoundError) and missing and missing[1] != key:
        return f"put the folder layers/{missing[1]} back, or remove what layers/{key} takes from it"
    return f"repair the line the traceback names, or take the folder layers/{key} out"
