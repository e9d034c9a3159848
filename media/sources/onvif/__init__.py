"""ONVIF as a client (Core Specification; Profile S): who is there, which pictures it has, how it is moved."""
