"""Run a notebook a hundred times, two at a time, and tell whether any run hung or failed.

    python tests/benchmarks/papermill_runs.py [COUNT]

Prints the count, the failures and the median, slowest and total seconds. The notebook is 01_audit on a small report, by
the same runner as ``readybook report``. Leaves with 1 when a run failed; a run that takes over two minutes counts as
hung.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

HUNG = 120.0  # seconds


def run(folder: str) -> tuple[float, str]:
    """Seconds of one run, and what went wrong."""
    from readybook.errors import NotebookError
    from readybook.notebooks import run_notebook

    start = time.perf_counter()
    try:
        run_notebook("01_audit", {"report_json": "audit.json"}, Path(folder))
        problem = ""
    except NotebookError as error:
        problem = str(error)
    seconds = time.perf_counter() - start
    return seconds, problem or (f"took {seconds:.0f} seconds" if seconds > HUNG else "")


def main(count: int) -> int:
    """Run ``count`` times; 1 when a run failed."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import synthetic

    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        (Path(folder) / "audit.json").write_text(synthetic.plain().to_json(), encoding="utf-8")
        start = time.perf_counter()
        results = [future.result() for future in as_completed([pool.submit(run, folder) for _ in range(count)])]
        total = time.perf_counter() - start
    problems = [problem for _, problem in results if problem]
    seconds = [second for second, _ in results]
    print(f"{count} runs, two at a time: {len(problems)} failed; median {statistics.median(seconds):.2f} s, "
          f"slowest {max(seconds):.2f} s, all {total:.1f} s")
    print("".join(f"  {problem}\n" for problem in problems), end="")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
