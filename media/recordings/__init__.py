"""Recordings (录像): kept as fragmented MP4 without decoding; found by time, played, cut, proved, deleted in time."""
