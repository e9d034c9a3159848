"""Pages on the desk where control points become a calibration of coordinates (:mod:`gis.calibration`)."""
