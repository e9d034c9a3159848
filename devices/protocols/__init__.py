"""Ways in beside MQTT: a file a protocol. What they take goes to the ingest workers (:mod:`devices.protocols.road`)."""
