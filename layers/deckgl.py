"""deck.gl's own property names, layer by layer: what a style may set.

Taken from the layers' ``defaultProps`` of deck.gl 9.4.0 as installed for the screen; what the bundle of pydeck 0.9.3
(deck.gl 9.3.6), which exported views run on, does not know is left out. Tests compare both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DECK_GL_VERSION = "9.4.0"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON: frozenset[str] = _names(
    """
    _dataDiff autoHighlight colorFormat coordinateOrigin coordinateSystem data dataComparator dataTransform
    extensions fetch getPolygonOffset highlightColor highlightedObjectIndex loadOptions loaders modelMatrix
    onClick onDataLoad onDrag onDragEnd onDragStart onError onHover opacity operation parameters pickable
    positionFormat transitions updateTriggers visible wrapLongitude
    """
)
"""Properties of every layer."""

OWN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "GeoJsonLayer": _names(
            """
            _full3d elevationScale extruded filled getElevation getFillColor getIcon getIconAngle getIconColor
            getIconPixelOffset getIconSize getLineColor getLineWidth getPointRadius getRadius getText
            getTextAlignmentBaseline getTextAnchor getTextAngle getTextBackgroundColor getTextBorderColor
            getTextBorderWidth getTextColor getTextPixelOffset getTextSize iconAlphaCutoff iconAtlas iconBillboard
            iconMapping iconSizeMaxPixels iconSizeMinPixels iconSizeScale iconSizeUnits lineBillboard lineCapRounded
            lineJointRounded lineMiterLimit lineWidthMaxPixels lineWidthMinPixels lineWidthScale lineWidthUnits
            material pointAntialiasing pointBillboard pointRadiusMaxPixels pointRadiusMinPixels pointRadiusScale
            pointRadiusUnits pointType stroked textBackground textBackgroundPadding textBillboard textCharacterSet
            textFontFamily textFontSettings textFontWeight textLineHeight textMaxWidth textOutlineColor
            textOutlineWidth textSizeMaxPixels textSizeMinPixels textSizeScale textSizeUnits textWordBreak wireframe
            """
        ),
        "HeatmapLayer": _names(
            """
            aggregation colorDomain colorRange debounceTimeout getPosition getWeight intensity radiusPixels threshold
            weightsTextureSize
            """
        ),
        "IconLayer": _names(
            """
            alphaCutoff billboard getAngle getColor getIcon getPixelOffset getPosition getSize iconAtlas iconMapping
            onIconError sizeBasis sizeMaxPixels sizeMinPixels sizeScale sizeUnits textureParameters
            """
        ),
        "ScatterplotLayer": _names(
            """
            antialiasing billboard filled getColor getFillColor getLineColor getLineWidth getPixelOffset getPosition
            getRadius lineWidthMaxPixels lineWidthMinPixels lineWidthScale lineWidthUnits outline radiusMaxPixels
            radiusMinPixels radiusScale radiusUnits strokeWidth stroked
            """
        ),
    }
)
"""Properties of each layer type besides."""


def properties_of(layer_type: str) -> frozenset[str]:
    """Every property of a deck.gl layer type."""
    return COMMON | OWN[layer_type]
