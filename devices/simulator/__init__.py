"""Devices without hardware: a client that speaks the protocol correctly, and things that move.

Knows of the platform nothing but the protocol page; imports none of its code but :mod:`devices.topics`.
"""
