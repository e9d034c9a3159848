"""Recorded tracks, read from files and published as if live. Imports nothing of the platform but the device's side."""
