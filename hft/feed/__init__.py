"""From the venue's frames to MARKET events in the ring.

Compiled: `tokens` reads numbers and names, `scan` one message, `decode` a whole receive buffer.
Around them `rows` are the tables they work on, `inbox` the buffer and the slow path, `link` keeps
one connection alive, `agent` is the process.
"""
