"""What the coordinates to be calibrated are: plane metres of unknown origin, or coordinates of a known ellipsoid."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis.exceptions import CalibrationError

_DEGREES = "+step +proj=unitconvert +xy_in=deg +xy_out=rad"
ELLIPSOIDS = {
    "": "",
    "krass": "+ellps=krass",
    "iau76": "+a=6378140 +rf=298.257",
    "GRS80": "+ellps=GRS80",
    "WGS84": "+ellps=WGS84",
}
"""Ellipsoids of Chinese coordinate systems: Krasovsky (北京 54), IAG 75 (西安 80), CGCS2000's and WGS 84's; empty: none
is known, and only plane models can be estimated."""
_PROJECTION = re.compile(
    r"\+proj=tmerc(\s+\+(lat_0|lon_0|k|k_0|x_0|y_0)=-?\d+(\.\d+)?|\s+\+units=m|\s+\+no_defs|\s+\+ellps=\w+)*"
)


@dataclass(frozen=True)
class Source:
    """The system to be calibrated.

    Attributes
    ----------
    degrees : bool
        Its coordinates are longitude and latitude; otherwise easting and northing in metres.
    ellipsoid : str
        Key of :data:`ELLIPSOIDS`.
    projection : str
        Of metres on a known ellipsoid: ``+proj=tmerc …`` without it; empty: not known.
    """

    degrees: bool
    ellipsoid: str = ""
    projection: str = ""

    @property
    def in_space(self) -> bool:
        """Whether enough is known to go through space (Bursa-Wolf)."""
        return bool(self.ellipsoid) and (self.degrees or bool(self.projection))

    @property
    def ellipsoid_parameters(self) -> str:
        """As PROJ takes them."""
        return ELLIPSOIDS[self.ellipsoid]

    @property
    def to_degrees(self) -> str:
        """PROJ steps from the coordinates to longitude and latitude in radians."""
        if self.degrees:
            return _DEGREES
        return f"+step +inv {self.projection} {self.ellipsoid_parameters}"

    def check(self) -> None:
        """Refuse what PROJ cannot use or must not be given.

        Raises
        ------
        CalibrationError
            Unknown ellipsoid, or a projection that is no plain transverse Mercator.
        """
        if self.ellipsoid not in ELLIPSOIDS:
            raise CalibrationError(_("不认识椭球“%(name)s”。") % {"name": self.ellipsoid})
        if not self.projection:
            return
        if self.degrees or not self.ellipsoid:
            raise CalibrationError(_("投影参数只用于已知椭球上的平面坐标。"))
        if not _PROJECTION.fullmatch(self.projection) or "+ellps" in self.projection:
            raise CalibrationError(
                _("投影参数应写成 +proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +y_0=0 的样子，不写椭球。")
            )
        try:
            CRS.from_proj4(f"{self.projection} {self.ellipsoid_parameters} +units=m +type=crs")
        except CRSError as error:
            raise CalibrationError(_("投影参数有误：%(error)s") % {"error": error}) from None
