"""Pictures that show nothing: a covered lens, a black or one-coloured picture. Counted pixels, no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from media.analysis.interface import Analyser, Picture, Seen

LABEL = "画面无内容"
FLAT = 12
"""So far apart lie the 2nd and the 98th hundredth of brightness (0 to 255) of a picture that shows something."""


class Blank:
    """Finds the whole picture, the surer the flatter it is."""

    def look(self, picture: Picture) -> list[Seen]:
        """Compare dark and bright; names and clocks that a camera writes into a corner are left out."""
        grey = picture.rgb[::5, ::5].mean(axis=2)
        low, high = np.percentile(grey, (2, 98))
        spread = float(high - low)
        return [Seen(LABEL, 1 - spread / (2 * FLAT))] if spread < FLAT else []


def make(_settings: Mapping[str, Any]) -> Analyser:
    """See :data:`media.analysis.interface.Make`."""
    return Blank()
