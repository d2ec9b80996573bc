"""The audit of a folder beside a fresh process that parses the same files and does nothing else.

    python tests/benchmarks/audit_speed.py TARGET [rounds]

Both sides are whole processes with the collector at its default; medians of interleaved rounds, so start-up is in
every figure. ``less start-up`` subtracts that of each side: an interpreter that does nothing, and one that imports the
command. The files are the Python files that the audit reads; those that this Python's ast refuses are skipped on the
parsing side only. The cache is measured on a copy: filled, then unchanged, then with one file changed before each run.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stopwatch import Taken, medians, run

# In a process of its own: a child's peak memory is never below that of the process that starts it.
LIST = """
import json, sys
from readybook.project import Project
json.dump(sorted(name for name in Project.open(sys.argv[1]).files if name.endswith(".py")), sys.stdout)
"""
PARSE = """
import ast, json, sys
for path in json.load(open(sys.argv[1], encoding="utf-8")):
    try:
        with open(path, "rb") as source:
            ast.parse(source.read())
    except (SyntaxError, ValueError):
        pass
"""


def audit(target: Path, *options: str, cache: Path | None = None) -> Taken:
    """One ``readybook audit`` to JSON."""
    environment = {"READYBOOK_CACHE_DIR": str(cache)} if cache else None
    return run(["-m", "readybook", "audit", str(target), "--format", "json", *options], environment)


def middle(paths: list[Path]) -> Path:
    """The file of middling size: what an edit usually touches."""
    return sorted(paths, key=lambda path: path.stat().st_size)[len(paths) // 2]


def measure(target: Path, rounds: int, scratch: Path) -> tuple[dict[str, Taken], int, int]:
    """Medians by name, number of Python files, number of their lines."""
    names = json.loads(subprocess.check_output([sys.executable, "-c", LIST, str(target)]))
    sources = [target / name for name in names]
    listing = scratch / "files.json"
    listing.write_text(json.dumps([str(path) for path in sources]), encoding="utf-8")
    copy, kept, changes = scratch / target.name, scratch / "cache", itertools.count()
    shutil.copytree(target, copy, symlinks=True, ignore=shutil.ignore_patterns("node_modules", ".venv"))
    changed = middle([copy / name for name in names])
    audit(copy, cache=kept)

    def audit_changed() -> Taken:
        with changed.open("a", encoding="utf-8") as text:
            text.write(f"\n# change {next(changes)}\n")
        return audit(copy, cache=kept)

    taken = medians({
        "python that does nothing": lambda: run(["-c", "pass"]),
        "import of the command": lambda: run(["-c", "import readybook.__main__"]),
        "ast.parse of each file": lambda: run(["-c", PARSE, str(listing)]),
        "audit --no-cache": lambda: audit(target, "--no-cache"),
        "audit, empty cache": lambda: audit(target, cache=Path(tempfile.mkdtemp(dir=scratch))),
        "audit, one file changed": audit_changed,
        "audit, nothing changed": lambda: audit(copy, cache=kept),
    }, rounds)
    lines = sum(path.read_bytes().count(b"\n") for path in sources)
    return taken, len(sources), lines


def main(target: Path, rounds: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        taken, files, lines = measure(target.resolve(), rounds, Path(scratch))
    parse, nothing = taken["ast.parse of each file"].seconds, taken["python that does nothing"].seconds
    started = taken["import of the command"].seconds
    print(f"{target.resolve().name}: {files} Python files, {lines} lines; Python {sys.version.split()[0]}, "
          f"{os.cpu_count()} cores, medians of {rounds}")
    print(f"{'':26} {'seconds':>8} {'× parse':>8} {'less start-up':>14} {'× parse':>8} {'peak MB':>8}")
    for name, each in taken.items():
        line = f"{name:26} {each.seconds:8.3f} {each.seconds / parse:8.1f}"
        if name.startswith(("audit", "ast")):
            own = each.seconds - (started if name.startswith("audit") else nothing)
            line += f" {own:14.3f} {own / (parse - nothing):8.1f}"
        else:
            line += f" {'':14} {'':8}"
        print(f"{line} {each.megabytes:8.0f}")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir():
        sys.exit((__doc__ or "").strip())
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
