"""Says which coordinate system a file names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyproj import CRS

MOST_TEXT = 100_000
# A match of name, ellipsoid and parameters; ESRI's spelling of a name stays below full confidence.
CONFIDENCE = 60


def describe(text: str) -> dict[str, Any]:
    """Name, EPSG code and PROJ string of what a file says about its coordinates.

    Returns
    -------
    dict
        ``text`` (shortened), ``name``, ``epsg`` or None, ``proj4`` or None, ``datum`` (a name of ours) or None;
        ``readable`` False where PROJ cannot make anything of it.
    """
    shown = " ".join(text.split())[:300]
    nothing = {"text": shown, "name": shown[:80], "epsg": None, "proj4": None, "readable": False, "datum": None}
    if text.startswith("datum:"):
        return nothing | {"name": text[6:86], "datum": text[6:86]}
    if len(text) > MOST_TEXT:
        return nothing
    wgs84 = {"text": shown, "name": "WGS 84", "epsg": 4326, "proj4": None, "readable": True, "datum": None}
    if text == "OGC:CRS84":  # what GeoJSON and KML are by their standards, and most files: said without a library
        return wgs84
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(text)
        if text.upper().endswith(("CRS84", "CRS:84")):
            return wgs84
        return {
            "text": shown,
            "name": crs.name,
            "epsg": crs.to_epsg(min_confidence=CONFIDENCE),
            "proj4": _proj4(crs),
            "readable": True,
            "datum": None,
        }
    except CRSError:
        return nothing


def _proj4(crs: CRS) -> str | None:
    import warnings

    with warnings.catch_warnings():
        # PROJ strings cannot say everything, as the library reminds; what they can is offered, never taken unasked.
        warnings.simplefilter("ignore")
        text = crs.to_proj4()
    return text if "+proj=" in text and "grids=" not in text else None
