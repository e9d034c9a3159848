"""RTP in: packets by UDP and TCP, put in order, demuxed to frames without decoding. Knows nothing of who sends them."""
