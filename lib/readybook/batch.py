"""Many targets: each rendered in a process of its own, one folder each, and an index that ranks them.

A process of its own, so that a target that takes the interpreter down, or never ends, costs only itself. The process
gets one task as JSON on its standard input (``python -P -m readybook.batch``) and answers with one JSON line.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readybook.ending import end
from readybook.errors import ReadybookError
from readybook.manifest import Entry, read_manifest
from readybook.markup import clip
from readybook.masking import mask
from readybook.records import record
from readybook.report import Report
from readybook.run import described
from readybook.version import __version__

SCHEMA_VERSION = 1
PORTFOLIO = "03_portfolio"
TIMEOUT = 1800.0  # seconds for one target


@record
class Outcome:
    """What became of one target: its report, or the reason why there is none."""

    entry: Entry
    report: Report | None = None
    reason: str = ""


@record
class Batch:
    """All targets in the order of the manifest, and where the index stands."""

    outcomes: tuple[Outcome, ...]
    index: Path

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those without a report."""
        return tuple(outcome for outcome in self.outcomes if outcome.report is None)


@dataclass(slots=True)
class Workers:
    """The processes that run now, so that an interrupt can end them with all they started."""

    running: set[subprocess.Popen[bytes]] = field(default_factory=set)

    def ask(self, task: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Have one task done in a new process; a process that dies or takes too long is an answer too."""
        command = [sys.executable, "-P", "-m", "readybook.batch"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        self.running.add(process)
        try:
            answer, _ = process.communicate(json.dumps(task).encode(), timeout)
            last = answer.decode(errors="replace").strip().rpartition("\n")[2]
            return dict(json.loads(last)) if last.startswith("{") else {"reason": _death(process.returncode)}
        except subprocess.TimeoutExpired:
            return {"reason": f"took longer than {timeout:g} seconds"}
        finally:
            end(process)
            self.running.discard(process)

    def stop(self) -> None:
        """End what runs."""
        for process in tuple(self.running):
            end(process)


def run_batch(
    manifest: Path,
    out: Path,
    jobs: int = 0,
    *,
    options: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    timeout: float = TIMEOUT,
    tell: Callable[[int, int, Outcome | None], None] | None = None,
) -> Batch:
    """Render the report of every target of ``manifest`` into ``out``, and there batch.json and the portfolio: its
    notebook and index.html.

    ``jobs`` processes work side by side (0: one a processor). ``options`` (only, skip, config …) and the notebook's
    ``parameters`` hold for all targets. ``tell`` hears how many of how many are done and what came of the last. Raises
    ConfigError for a manifest that cannot be read; a target that fails stops nothing.
    """
    entries = read_manifest(Path(manifest))
    out = Path(out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    common = {"options": dict(options or {}), "parameters": dict(parameters or {})}
    tell = tell or progress()
    tell(0, len(entries), None)
    found: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory(prefix=".readybook-", dir=out) as staging:
        for outcome in _outcomes(entries, Path(staging), common, jobs or os.cpu_count() or 1, timeout):
            _publish(outcome, Path(staging), out)
            found[outcome.entry.folder] = outcome
            tell(len(found), len(entries), outcome)
    outcomes = tuple(found[entry.folder] for entry in entries)
    _write(out / "batch.json", json.dumps(batch_dict(outcomes), indent=1, ensure_ascii=False) + "\n")
    return Batch(outcomes, _portfolio(out, len(outcomes), parameters or {}))


def _portfolio(out: Path, count: int, parameters: Mapping[str, Any]) -> Path:
    """Run the portfolio notebook over the folder; returns the page. All it shows stands in the folder already."""
    from readybook import notebooks

    known = notebooks.parameters_of(PORTFOLIO)
    given = {key: value for key, value in parameters.items() if key in known}
    notebook = notebooks.run_notebook(PORTFOLIO, {**given, "folder": "."}, out)
    footer = f"Made by Readybook {__version__}. The figures stand in batch.json and each folder's audit.json."
    title = f"Audit of {count} codebase{'' if count == 1 else 's'}"
    _write(out / f"{PORTFOLIO}.ipynb", notebooks.to_text(notebook))
    _write(out / "index.html", notebooks.to_html(notebook, title, footer))
    return out / "index.html"


def batch_dict(outcomes: tuple[Outcome, ...]) -> dict[str, Any]:
    """The content of batch.json."""
    return {
        "schema_version": SCHEMA_VERSION, "readybook_version": __version__,
        "targets": [
            {
                "name": o.entry.name, "path": o.entry.shown, "status": "done" if o.report else "failed",
                "reason": o.reason, "folder": o.entry.folder if o.report else None,
                "report": f"{o.entry.folder}/report.html" if o.report else None,
                "commit": o.report.target.commit if o.report else None,
                "score": o.report.score.to_dict() if o.report else None,
                "findings": len(o.report.findings) if o.report else None,
                "effort": o.report.to_dict()["effort"] if o.report else None,
            }
            for o in outcomes
        ],
    }


def progress() -> Callable[[int, int, Outcome | None], None]:
    """Tells how far a batch is on stderr: one bar that is redrawn at a terminal, a line for each target elsewhere."""
    terminal = sys.stderr.isatty()

    def tell(done: int, total: int, last: Outcome | None) -> None:
        text = "" if last is None else f"{last.entry.name}: {_short(last)}"
        if terminal:
            filled = round(24 * done / total)
            bar = f"\r\x1b[K[{'#' * filled}{'.' * (24 - filled)}] {done}/{total} {clip(ascii_only(text), 60)}"
            print(bar, end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif last is not None:
            print(f"readybook: {done}/{total} {ascii_only(text)}", file=sys.stderr, flush=True)

    return tell


def ascii_only(text: str) -> str:
    """Text that any terminal shows and that moves no cursor."""
    return text.encode("ascii", "backslashreplace").decode().translate({n: "?" for n in (*range(32), 127)})


def work(task: Mapping[str, Any]) -> dict[str, Any]:
    """Render one target, in the process made for it."""
    from readybook.rendering import render_report

    entry = task["entry"]
    options = {**task["options"], **{key: value for key, value in entry.items() if value and key != "path"}}
    if options.get("config"):
        options["config"] = Path(options["config"])
    try:
        render_report(Path(entry["path"]), Path(task["out"]), parameters=dict(task["parameters"]), **options)
    except ReadybookError as error:
        return {"reason": described(error).partition(": ")[2]}
    except Exception as error:
        return {"reason": described(error)}
    return {"reason": ""}


def _outcomes(entries: tuple[Entry, ...], staging: Path, common: Mapping[str, Any], jobs: int,
              timeout: float) -> Iterator[Outcome]:
    workers = Workers()
    pool = ThreadPoolExecutor(max_workers=min(jobs, len(entries)))
    try:
        futures = [pool.submit(_outcome, workers, entry, staging, common, timeout) for entry in entries]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        workers.stop()
        pool.shutdown()


def _outcome(workers: Workers, entry: Entry, staging: Path, common: Mapping[str, Any], timeout: float) -> Outcome:
    own = {"path": str(entry.path), "name": entry.name, "app": entry.app, "app_dir": entry.app_dir,
           "exclude": list(entry.exclude)}
    answer = workers.ask({**common, "entry": own, "out": str(staging / entry.folder)}, timeout)
    reason = mask(str(answer.get("reason", "gave no answer")).replace(str(entry.path), entry.shown))
    made = staging / entry.folder / "audit.json"
    if reason or not made.is_file():
        return Outcome(entry, reason=clip(reason or "left no report", 300))
    return Outcome(entry, Report.from_json(made.read_text(encoding="utf-8")))


def _publish(outcome: Outcome, staging: Path, out: Path) -> None:
    """Rename a finished folder into place; the folder of a former run goes, also when this run failed."""
    folder = out / outcome.entry.folder
    if folder.is_dir() and ((folder / "audit.json").is_file() or outcome.report):
        shutil.move(folder, staging / f"{folder.name}.replaced")
    if outcome.report:
        os.replace(staging / folder.name, folder)


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(beside, path)


def _death(code: int) -> str:
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}"


def _short(outcome: Outcome) -> str:
    if outcome.report is None:
        return f"failed: {outcome.reason}"
    overall = outcome.report.score.overall
    return "no score" if overall.value is None else f"{overall.value:.1f} {overall.grade}"


if __name__ == "__main__":
    answer = work(json.load(sys.stdin))
    print("\n" + json.dumps(answer), flush=True)
