"""Form of the ids that declarations have, and of the texts they show."""

from __future__ import annotations

import re

from django.utils.functional import Promise

from layers.folders import KEY

Text = str | Promise
ID = re.compile(KEY.pattern + r"\.[a-z][a-z0-9_]{0,30}")
"""``module.name``, both in small letters."""
