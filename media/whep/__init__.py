"""WHEP: streams on their way to browsers, by WebRTC, without being decoded (``docs/adr/0035-streams.md``)."""
