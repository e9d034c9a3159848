"""The plug-in contract: what a module (图层模块) declares in its ``layer.py``.

Everything is plain frozen data; the platform interprets it. A declaration that cannot work raises a
:class:`~layers.exceptions.ContractError` that says what is wrong and what cures it, and the platform does not start.

>>> LAYER = LayerModule(key="hotwork", title=_("动火作业"), map_layers=(MapLayer(id="hotwork.machines", …),), …)
"""

from layers.colours import BY_STATUS, ColourBy, Token
from layers.contract.cards import CardField, CardFormat, Filter, FilterOption, LegendEntry
from layers.contract.grid import Factor, Index, RasterFactor, RiskGrid
from layers.contract.maplayer import MapLayer
from layers.contract.module import LayerModule
from layers.contract.pages import MenuEntry, Register
from layers.contract.wall import Chart, Panel, Place, StatisticsBy
from layers.sources import Areas, LiveAssets, Rows, TileSource
from layers.styles import DistrictColourStyle, HeatStyle, IconStyle, PathStyle, PointStyle, PolygonStyle, VolumeStyle
from twin.kinds import AssetKind, Status

__all__ = [
    "BY_STATUS",
    "Areas",
    "AssetKind",
    "CardField",
    "CardFormat",
    "Chart",
    "ColourBy",
    "DistrictColourStyle",
    "Factor",
    "Filter",
    "FilterOption",
    "HeatStyle",
    "IconStyle",
    "Index",
    "LayerModule",
    "LegendEntry",
    "LiveAssets",
    "MapLayer",
    "MenuEntry",
    "Panel",
    "PathStyle",
    "Place",
    "PointStyle",
    "PolygonStyle",
    "RasterFactor",
    "Register",
    "RiskGrid",
    "Rows",
    "StatisticsBy",
    "Status",
    "TileSource",
    "Token",
    "VolumeStyle",
]
