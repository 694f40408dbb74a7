"""Fuzz the feed's decoder: ``python -m tests.fuzz.fuzz_decode --seconds 60``.

With atheris installed, coverage of the uncompiled source leads the way; without it, or with
``--plain``, a seeded mutator does.  Either way every input is judged by all readers, the compiled
one included.  A finding ends the run with a traceback and leaves the input in the folder given.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from hft.binance import market_frames
from hft.clock import Deadline
from hft.feed.inbox import Inbox
from hft.wire import frames
from tests.fuzz.judge import Judge
from tests.fuzz.mutate import PIECES, SEEDS, hostile_message, hostile_stream
from tests.hft.wire.local_server import server_frame

INPUT_BYTES_MAX = 4096
STREAM_PIECES = (1, 2, 3, 7, 50, 300)
_AS_MESSAGE, _AS_STREAM = b"\x00", b"\x01"
_SEEN = (
    frames.parse_frame,
    frames._check_head,
    frames.Assembler.join,
    market_frames.read_message,
    market_frames._envelope,
    market_frames._events,
    market_frames._reply,
    market_frames._number,
    Inbox._take_one,
    Inbox._read_slowly,
)
"""Interpreted functions on the way, which the coverage tool should see into as well."""


def judge_input(judge: Judge, data: bytes) -> None:
    """Judge one input: its first byte says whether it is a message or a stream, and cut how."""
    how, rest = data[:1] or _AS_MESSAGE, data[1:]
    if how[0] & 1:
        chance = random.Random(how[0])
        judge.stream(rest, [chance.choice(STREAM_PIECES) for _ in range(how[0] >> 1)])
    else:
        judge.message(rest, behind=rest[: how[0]], stale=rest[how[0] :])


def fuzz_plainly(seconds: float, seed: int, folder: Path) -> tuple[int, int]:
    """Judge what the mutator makes for so many seconds: inputs, and messages read fast."""
    judge, chance = Judge(), random.Random(seed)
    judge.message(SEEDS[0])  # The first one pays for the compilation.
    deadline, count = Deadline(seconds), 0
    while not deadline.passed():
        if chance.random() < 0.7:
            data = bytes((chance.randrange(0, 256, 2),)) + hostile_message(chance)
        else:
            data = bytes((chance.randrange(1, 256, 2),)) + hostile_stream(chance)
        try:
            judge_input(judge, data)
        except BaseException:
            (folder / "finding").write_bytes(data)
            raise
        count += 1
    return count, judge.taken_fast


def fuzz_with_atheris(atheris: Any, seconds: int, seed: int, folder: Path) -> None:
    """Let libFuzzer lead; it ends the process, with exit code 0 when nothing was found."""
    for function in _SEEN:
        atheris.instrument_func(function)
    judge = Judge(atheris.instrument_func)
    with tempfile.TemporaryDirectory() as made:
        corpus, words = Path(made, "corpus"), Path(made, "words")
        corpus.mkdir()
        for number, message in enumerate(SEEDS):
            (corpus / f"message{number}").write_bytes(_AS_MESSAGE + message)
            (corpus / f"stream{number}").write_bytes(_AS_STREAM + server_frame(message))
        lines = ("".join(f"\\x{byte:02x}" for byte in piece) for piece in PIECES)
        words.write_text("".join(f'"{line}"\n' for line in lines))
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={INPUT_BYTES_MAX}",
            f"-seed={seed}",
            f"-dict={words}",
            f"-artifact_prefix={folder}/",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: judge_input(judge, data))
        atheris.Fuzz()


def main() -> None:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.fuzz_decode", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="do not use atheris")
    parser.add_argument("--findings", type=Path, default=Path.cwd(), help="where to leave an input")
    parser.add_argument("--again", type=Path, help="judge this one input and stop")
    options = parser.parse_args()
    if options.again is not None:
        judge_input(Judge(), options.again.read_bytes())
        return
    if not options.plain:
        try:
            atheris = importlib.import_module("atheris")
        except ImportError:
            sys.stdout.write("atheris is not installed: fuzzing with the mutator\n")
        else:
            fuzz_with_atheris(atheris, options.seconds, options.seed, options.findings)
            return
    count, fast = fuzz_plainly(options.seconds, options.seed, options.findings)
    sys.stdout.write(f"{count} inputs, {fast} messages read fast, no finding\n")


if __name__ == "__main__":
    main()
