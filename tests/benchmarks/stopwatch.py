"""Time fresh processes: seconds on the wall and peak memory, by median over interleaved rounds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ACCEPTED = (0, 1)  # readybook exits 1 when a gate fails: the work was done all the same


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took: wall seconds from its start to its end, and its own peak resident memory in MB."""

    seconds: float
    megabytes: float


def run(arguments: list[str], environment: Mapping[str, str] | None = None) -> Taken:
    """Run ``python arguments…`` in a fresh process, output thrown away; raises when it fails."""
    env = {**os.environ, **(environment or {})}
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)  # the children's sum of getrusage would mix all that ran before
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ACCEPTED:
        said = errors.decode(errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(arguments)} exited {process.returncode}:\n{said}")
    return Taken(seconds, usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024))


def medians(candidates: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, Taken]:
    """Run all candidates once a round, so that what else the machine does hits each alike; medians by name."""
    taken: dict[str, list[Taken]] = {name: [] for name in candidates}
    for number in range(1, rounds + 1):
        for name, candidate in candidates.items():
            taken[name].append(candidate())
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
    return {
        name: Taken(statistics.median(t.seconds for t in runs), statistics.median(t.megabytes for t in runs))
        for name, runs in taken.items()
    }
