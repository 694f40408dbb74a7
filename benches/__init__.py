"""One file per claim: each checks its own answer first, then prints machine, baseline and ratio.

``python -m benches.NAME [--quick] [--json PATH]``; the last line of standard output is one JSON
object ``{"bench", "ok", "quick", "machine", "metrics"}``.  ``python -m benches`` runs them all and
writes ``docs/benchmarks.md``.
"""
