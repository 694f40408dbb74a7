"""The life of a process as a table.

::

    ABSENT -> STARTING -> READY -> RUNNING -> DRAINING -> STOPPED

One word, one writer: the process itself.  The supervisor writes its *order* in another word and
reads the answer here.  A move that is not in the table is a bug with a good message.
"""

from __future__ import annotations

from enum import IntEnum

from hft.state.blocks import Life


class Step(IntEnum):
    """What can happen to a process."""

    FORKED = 0
    STARTED = 1
    TOLD_TO_RUN = 2
    TOLD_TO_DRAIN = 3
    ENDED = 4


MOVES = {
    (Life.ABSENT, Step.FORKED): Life.STARTING,
    (Life.STOPPED, Step.FORKED): Life.STARTING,
    (Life.STARTING, Step.STARTED): Life.READY,
    (Life.STARTING, Step.ENDED): Life.STOPPED,
    (Life.READY, Step.TOLD_TO_RUN): Life.RUNNING,
    (Life.READY, Step.TOLD_TO_DRAIN): Life.DRAINING,
    (Life.READY, Step.ENDED): Life.STOPPED,
    (Life.RUNNING, Step.TOLD_TO_DRAIN): Life.DRAINING,
    (Life.RUNNING, Step.ENDED): Life.STOPPED,
    (Life.DRAINING, Step.ENDED): Life.STOPPED,
}


def advance(life: Life, step: Step) -> Life:
    """Say what a process becomes.

    Raises:
        LookupError: the move was never drawn; the text names both words.
    """
    try:
        return MOVES[life, step]
    except KeyError:
        raise LookupError(f"a process that is {life.name} cannot be {step.name}") from None
