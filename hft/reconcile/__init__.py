"""`hft reconcile`: our books against the venue's income ledger, to the last unit.

It only reads, over a connection of its own, and works with the engine running or dead.
"""
