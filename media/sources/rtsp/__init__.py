"""RTSP 1.0 (RFC 2326) as one who pulls: messages, descriptions, a session, a source."""
