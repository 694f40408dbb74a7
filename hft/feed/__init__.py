"""From the venue's frames to MARKET events in the ring.

`scan` reads one message and `decode` a whole receive buffer (both compiled); `rows` are the tables
they work on, `inbox` the buffer and the slow path, `link` keeps one connection alive, `agent` is
the process.
"""
