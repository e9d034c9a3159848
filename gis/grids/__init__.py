"""Risk grids (风险网格): cells over a region, what sources and rasters mean to them, grades. Pure, vectorised.

A grid is declared (:mod:`gis.grids.lattice`), its cells over a region are columns, sources are spread over them
(:mod:`gis.grids.spread`), and what changed is spread again without the rest (:mod:`gis.grids.field`). The same cells
carry heat maps and colour blocks of any map layer. Files and pictures are made of them in :mod:`gis.grids.files` and
:mod:`gis.grids.paint`.
"""
