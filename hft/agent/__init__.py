"""The frame every process runs in: an agent works, a runner loops, an idle strategy waits.

`contract` says what an agent signs, `machine` draws its life, `runner` is the only place that
loops, `idle` the ways to wait, `log` the way to say something.
"""
