"""The process of a preview, from a parent that is a single task, as the supervisor is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from hft.clock import monotonic_ns
from hft.units import NS_PER_S

ROOT = Path(__file__).parents[3]
BAD = {
    "HANGS": "while True:\n        pass",
    "CRASHES": "import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)",
    "RAISES": "raise ValueError('crossed book')",
    "LEAVES": "import os\n    os._exit(0)",
    "HIDES": "import os\n    os.closerange(3, 64)\n    while True:\n        pass",
    "SPAWNS": "import os, pathlib, time\n    if os.fork() != 0:\n        os._exit(7)\n"
    "    for _ in range(6000):\n"
    "        if (pathlib.Path(__file__).parent / 'enough').exists():\n            break\n"
    "        time.sleep(0.01)\n"
    "    os._exit(0)",
    "HOLDS": "import os\n    raise ValueError('open: %d' % len(os.listdir('/dev/fd')))",
    "HOARDS": "state.n += len(bytearray(1 << 28)); KEPT.append(bytearray(1 << 28))",
    "REMEMBERS": "KEPT.append(1)\n    if len(KEPT) == 3:\n"
    "        market(out, event, 1, 0.01 * params.size)",
}

STRATEGY = """
import msgspec
from hft.strategy.api import market, state_dtype
NAME = "{name}"
KEPT = []
COMPILED = False
class Params(msgspec.Struct, frozen=True):
    size: int = 1
STATE = state_dtype(("n", "<i8"))
def on_market(event, position, orders, params, state, out):
    {body}
"""

CASE = """
import select, sys
from pathlib import Path
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.preview.child import Preview
from hft.strategy.build import build
from hft.strategy.load import discover, make_params
from hft.strategy.params import values_of
from tests.hft.preview.tape import fill_tape, house_of, wandering

house = house_of()
fill_tape(house, wandering(500))
specs = discover([Path(sys.argv[1])]).specs

def ask(name, kill_after_s=20.0, **given):
    spec, answers = specs[name], []
    old = values_of(make_params(spec, {}))
    preview = Preview(house, kill_after_s)
    assert preview.descriptors() == []
    preview.start((spec, build(spec, plain=True)), (old, {**old, **given}), answers.append)
    deadline = Deadline(20)
    while not answers:
        assert preview.running() and not deadline.passed()
        assert select.select(preview.descriptors(), [], [], 20)[0]
        preview.poll()
    assert not preview.running()
    return answers[0]

good = ask("PING_PONG", interval_ms=100)
assert good["ok"] and good["events"] == 500 and good["added"] and good["took_ms"] > 0, good
assert good["after"] == good["kept"] + good["added_count"], good
for name, said in (
    ("HANGS", "did not come back within 1 s"), ("CRASHES", "SIGSEGV"), ("RAISES", "crossed book"),
    ("LEAVES", "exit code 0"),
):
    answer = ask(name, 1.0 if name == "HANGS" else 20.0)
    assert answer["code"] == "PREVIEW_FAILED" and said in answer["message"], answer
    assert answer["message"].endswith("nothing was changed")

# What a plain file remembers in its globals belongs to one of both runs.
told = ask("REMEMBERS", size=2)
assert (told["before"], told["after"], told["kept"], told["changed"]) == (1, 1, 1, 1), told
# Standard input and output, the way to answer, and the folder it looks into; no lock, no door.
with open("/dev/null"):
    assert "open: 5;" in ask("HOLDS")["message"], ask("HOLDS")
told = ask("HOARDS")
assert "more than 1024 MiB of memory" in told["message"], told

# The supervisor waits for neither: what closes the pipe and lives on, and what hands it down.
spec, answers = specs["HIDES"], []
old = values_of(make_params(spec, {}))
preview = Preview(house, 30.0)
preview.start((spec, build(spec, plain=True)), (old, old), answers.append)
assert select.select(preview.descriptors(), [], [], 20)[0]
preview.poll()
assert preview.running() and not answers, answers
preview.close()
answers.clear()
preview.start((specs["SPAWNS"], build(specs["SPAWNS"], plain=True)), (old, old), answers.append)
deadline = Deadline(20)
while not answers:
    assert not deadline.passed()
    sleep_s(0.005)
    preview.poll()
assert "exit code 7" in answers[0]["message"], answers
(Path(sys.argv[1]) / "enough").touch()

spec = specs["RAISES"]
spec.path.write_text(spec.path.read_text() + "# Another text.")
assert "was changed since the house was started" in ask("RAISES")["message"]

answers, spec = [], specs["HANGS"]
preview = Preview(house)
old = values_of(make_params(spec, {}))
preview.start((spec, build(spec)), (old, old), answers.append)
if sys.platform == "linux":
    # Where memory runs out, the kernel takes the preview and no process that holds orders.
    word, deadline = Path(f"/proc/{preview._pid}/oom_score_adj"), Deadline(10)
    while word.read_text() != "1000\\n":
        assert not deadline.passed(), word.read_text()
began_ns = monotonic_ns()
preview.close()
assert len(answers) == 1 and monotonic_ns() - began_ns < 2_000_000_000
assert house.intents.depth() == house.reports_strategy.depth() == 0
"""

SHORT = """
import os, resource, sys
from pathlib import Path
from hft.clock import Deadline
from hft.preview import child
from hft.preview.child import Preview
from hft.strategy.build import build
from hft.strategy.load import discover, make_params
from hft.strategy.params import values_of
from tests.hft.preview.tape import fill_tape, house_of, wandering

house = house_of()
fill_tape(house, wandering(500))
spec = discover([]).specs["PING_PONG"]
old, answers = values_of(make_params(spec, {})), []
strategy = (spec, build(spec, plain=True))

def begin():
    answers.clear()
    preview = Preview(house, 20.0)
    preview.start(strategy, (old, old), answers.append)
    return preview

def wait(preview):
    deadline = Deadline(20)
    while not answers and not deadline.passed():
        preview.poll()
    return answers[0]

child._PIPE_BYTES = 1 << 30  # More than an ordinary user gets of any kernel.
assert wait(begin())["ok"]

opened = len(os.listdir("/proc/self/fd"))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
assert not begin().running()
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
assert answers[0]["code"] == "PREVIEW_FAILED" and "Too many open files" in answers[0]["message"]

def refuses():
    raise BlockingIOError(11, "Resource temporarily unavailable")

fork, os.fork = os.fork, refuses
assert not begin().running()
os.fork = fork
assert "Resource temporarily unavailable" in answers[0]["message"], answers
assert len(os.listdir("/proc/self/fd")) == opened
assert wait(begin())["ok"]
"""

ALONE = """
import sys
from pathlib import Path
from hft.clock import sleep_s
from hft.preview.child import Preview
from hft.strategy.build import build
from hft.strategy.load import discover, make_params
from hft.strategy.params import values_of
from tests.hft.preview.tape import fill_tape, house_of, wandering

house = house_of()
fill_tape(house, wandering(500))
spec = discover([Path(sys.argv[1])]).specs["HANGS"]
old = values_of(make_params(spec, {}))
preview = Preview(house, kill_after_s=60.0)
preview.start((spec, build(spec, plain=True)), (old, old), print)
print("under way", flush=True)
sleep_s(60)
"""


def write_strategies(folder: Path) -> None:
    for name, body in BAD.items():
        (folder / f"{name.lower()}.py").write_text(STRATEGY.format(name=name, body=body))


def test_a_strategy_that_hangs_or_crashes_takes_nothing_but_its_child_along(tmp_path: Path) -> None:
    write_strategies(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", CASE, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_the_operating_system_refuses_is_answered_and_ends_no_house() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_killed_supervisor_takes_a_preview_that_hangs_along(tmp_path: Path) -> None:
    write_strategies(tmp_path)
    command = [sys.executable, "-c", ALONE, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "under way\n"
        parent.kill()
        assert parent.wait(10) == -signal.SIGKILL
        began_ns = monotonic_ns()
        # The pipe ends when its last writer, the preview, has gone: long before its own deadline.
        assert parent.stdout.read() == ""
        assert monotonic_ns() - began_ns < 20 * NS_PER_S
