"""Calibration of coordinates (坐标标定): a transformation estimated from control points (控制点).

Pure functions on arrays, from pairs of coordinates to a PROJ pipeline: :mod:`.points`, :mod:`.models`,
:mod:`.estimate`, :mod:`.quality`, :mod:`.choice`, :mod:`.pipeline`. What was saved is found by :mod:`.store`.
"""
