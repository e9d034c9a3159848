"""Annotations (标绘): what people put on the map together, tied to a subject and a time."""
