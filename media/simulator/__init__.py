"""Plays cameras and recorders of GB/T 28181: written from the standard, not from how the platform reads it."""
