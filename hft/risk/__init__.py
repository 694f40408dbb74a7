"""Whether an order may leave: the gate before each one, the breaker behind all of them.

Everything here is pure; execution is handed a `Gate` by the wiring and has no other way.
"""
