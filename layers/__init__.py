"""Layers (图层): the plug-in contract, and one folder for each module that adds a business to the map."""
