"""The ledger: what was traded, kept in a database, and what was said, kept in daily files.

Nothing a tick waits for happens here.  Commits, REST and file writes run in threads; the agent only
moves records from rings to them and gives ring slots back once they are safe.
"""
