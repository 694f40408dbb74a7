"""Run every bench, one process each: ``python -m benches [--quick] [--json FOLDER]``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

BENCHES = ("ring", "stress", "decode")


def main() -> int:
    """Run them all; 1 when any answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benches")
    parser.add_argument("--quick", action="store_true", help="a short look; figures are rough")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="write NAME.json files there")
    given = parser.parse_args()
    failed = []
    for name in BENCHES:
        command = [sys.executable, "-m", f"benches.{name}"]
        command += ["--quick"] if given.quick else []
        if given.json:
            given.json.mkdir(parents=True, exist_ok=True)
            command += ["--json", str(given.json / f"{name}.json")]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        sys.stderr.write(f"wrong answers: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
