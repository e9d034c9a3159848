"""SIP (RFC 3261) as far as GB/T 28181 and its cascades use it: messages, transactions, transports, digests, dialogs.

Knows nothing of cameras, Django or the database.
"""
