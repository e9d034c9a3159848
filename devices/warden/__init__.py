"""The warden of the private broker: hands it the devices' keys and reads its log for what it turned away.

A broker of somebody else's (``MQTT_URL``) keeps its own accounts; ``docs/protocols/mqtt.md`` says which.
"""
