"""`python -m tests.chaos [--seconds 240] [--seed 1]`: breaks the service at random and proves that nothing was lost."""

import argparse
import json
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.chaos.run import Options, run
from tests.chaos.schedule import schedule
from tests.chaos.summary import complaints, figures, table


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=Options.seconds, help="of load and faults (%(default)g)")
    parser.add_argument("--seed", type=int, help="of faults and load (one by chance)")
    parser.add_argument("--rate", type=float, default=Options.rate, help="tasks a second (%(default)g)")
    parser.add_argument("--every", type=float, default=Options.every, help="seconds between two faults (%(default)g)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--show", action="store_true", help="print the schedule of the faults, and do nothing")
    return parser.parse_args()


def main() -> int:
    """0 if the proof holds, 1 if it does not; what was left behind is then kept."""
    chosen = parse()
    seed = secrets.randbelow(100_000) if chosen.seed is None else chosen.seed
    options = Options(seconds=chosen.seconds, seed=seed, rate=chosen.rate, every=chosen.every)
    planned = list(schedule(seed, seconds=options.seconds, every=options.every))
    if chosen.show:
        print(*planned, sep="\n")
        return 0
    print(f"seed {seed}: {options.seconds:g} s, {len(planned)} faults; Ctrl-C ends it early", flush=True)
    stopping = threading.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda *_: stopping.set())
    directory = Path(tempfile.mkdtemp(prefix="atropos-chaos-"))
    report = run(directory, options, stopping)
    print(table(report))
    if chosen.json:
        chosen.json.write_text(json.dumps(figures(report) | {"broken": report.broken}, indent=2))
    if report.proved:
        shutil.rmtree(directory)
        return 0
    print(complaints(report))
    print(f"\nlogs and data are kept in {directory}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
