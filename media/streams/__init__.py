"""Streams: the pictures of one channel, opened once and shared by whoever watches, records or looks at them."""
