"""What every process of the platform tells of itself: its Prometheus figures, every few seconds, into the database.

The page of the machine room and the platform's own alerts read them there, so they see processes on all machines
without opening a port, and Prometheus reads the same figures under the same names at each process's own port.
"""
