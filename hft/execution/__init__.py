"""Orders to the venue and the truth back: one process, the only one that trades.

`agent` is the duty cycle.  `boot` and `reconcile` read the venue, `order_session` and `user_stream`
are the two sockets, `books` holds orders, positions and money and tells every change, `orders` the
life of an order as a table, `intents` the way from an intent through the gate to the wire.
"""
