"""Lock-free rings, snapshots and doorbells in named shared memory.

Knows nothing of trading.  Start with `ringbuf.spsc` (the ring), `ringbuf.snapshot` (one record,
many readers), `ringbuf.doorbell` (waking a sleeper) and `ringbuf.memory` (segments and kernel
locks).
"""
