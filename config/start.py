"""What processes of the platform do first."""

from __future__ import annotations

import gc

import django


def set_up() -> None:
    """As ``django.setup``, but looking for garbage neither among what it imports nor among it ever again.

    All of that stays until the process ends; looking through it takes a sixth of the start.
    """
    gc.disable()
    try:
        django.setup()
    finally:
        gc.freeze()
        gc.enable()
