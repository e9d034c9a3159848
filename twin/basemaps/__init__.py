"""Basemaps of others (外部底图): WMTS, XYZ, PMTiles and MBTiles by configuration, served by ourselves."""
