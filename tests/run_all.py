"""Run every test of the repository and say at the end what was left out and what would add it.

    python tests/run_all.py             the workbook, its notebooks, its sample services
    python tests/run_all.py -k word     the workbook and its notebooks only, with these arguments for pytest

Nothing is installed on the system. The npm packages of tests/browser, which are pinned there, are put beside it when
npm is at hand. With READYBOOK_NO_SKIPS=1 a skipped test is a failure (CI sets it).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BROWSER = ROOT / "tests" / "browser"
POSTGRESQL = Path("/usr/lib/postgresql")  # Debian keeps its programs out of PATH
# A program that tests look for, under any of its names, and the Debian packages that bring it.
SYSTEM = (
    (("chromium", "chromium-browser", "google-chrome"), "chromium fonts-dejavu-core"),
    (("node",), "nodejs"),
    (("npm",), "npm"),
    (("git",), "git"),
    (("redis-server",), "redis-server"),
    (("postgres",), "postgresql"),
)


@dataclass
class Tally:
    """What the JUnit files say: numbers of tests, and for each reason to skip the names of the tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, results: Path, suite: str) -> None:
        """Count the cases of one JUnit file; a file that was never written counts as one failure."""
        if not results.exists():
            self.failed += 1
            return
        for case in ElementTree.parse(results).getroot().iter("testcase"):
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
            elif skip is not None and skip.get("type") != "pytest.xfail":
                self.skipped += 1
                self.reasons[suite, skip.get("message", "")] += 1
            else:
                self.passed += 1


def install_npm_packages() -> None:
    """Put tests/browser's packages beside it, once for each content of its package.json; failing is not fatal."""
    wanted, lock, npm = BROWSER / "package.json", BROWSER / "package-lock.json", shutil.which("npm")
    if not wanted.exists() or not npm:
        return
    mark = BROWSER / "node_modules" / ".readybook"
    digest = hashlib.sha256(wanted.read_bytes() + (lock.read_bytes() if lock.exists() else b"")).hexdigest()
    if mark.exists() and mark.read_text(encoding="utf-8") == digest:
        return
    how = ["ci"] if lock.exists() else ["install", "--no-package-lock"]
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    if subprocess.run([npm, *how, *quiet], cwd=BROWSER, stdin=subprocess.DEVNULL).returncode == 0:
        mark.write_text(digest, encoding="utf-8")
    else:
        print("npm could not install tests/browser's packages: its tests will be skipped.", file=sys.stderr)


def run_suite(name: str, folder: Path, arguments: list[str], tally: Tally) -> bool:
    """Run pytest in a process of its own, with ``folder`` as its working directory; True when it exits 0."""
    print(f"\n== {name} ==", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch, "results.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={results}", *arguments]
        status = subprocess.run(command, cwd=folder).returncode
        tally.add(results, name)
    return status == 0


def samples() -> list[Path]:
    """The sample services that have tests of their own."""
    return sorted(folder.parent for folder in (ROOT / "sample_projects").glob("*/tests") if folder.is_dir())


def what_would_add() -> str:
    """The one command that installs the programs that are missing here, empty when none is."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, POSTGRESQL.glob("*/bin"))])
    missing = [packages for names, packages in SYSTEM if not any(shutil.which(n, path=places) for n in names)]
    return "sudo apt-get install -y --no-install-recommends " + " ".join(missing) if missing else ""


def report_skips(tally: Tally) -> None:
    """Each reason once, with its number of tests, and the command."""
    if not tally.reasons:
        return
    print(f"\nSkipped {tally.skipped}:")
    for (suite, reason), number in sorted(tally.reasons.items()):
        print(f"  {suite}: {number} × {reason}")
    command = what_would_add()
    if command:
        print(f"To run them too (Debian, Ubuntu): {command}")


def main(arguments: list[str]) -> int:
    """0 when all passed (and none was skipped, if that is asked for), 1 otherwise."""
    install_npm_packages()
    tally = Tally()
    # Cells of one notebook share a kernel, so they must stay on one worker: loadscope. Files go out in the order of
    # conftest.py, the slow ones first: by number of tests, a slow file with few of them would run alone at the end.
    # Three workers on two cores: while one waits for a server or a page, there is work for both.
    spread = ["-n", os.environ.get("READYBOOK_TEST_JOBS", "3"), "--dist", "loadscope", "--no-loadscope-reorder"]
    places = ["tests", *(["notebooks"] if any((ROOT / "notebooks").glob("*.ipynb")) else [])]
    if any((ROOT / argument.partition("::")[0]).exists() for argument in arguments):
        places = []
    cells = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300"]
    good = run_suite("workbook", ROOT, [*places, *spread, *cells, *arguments], tally)
    for sample in samples() if not arguments else []:
        good &= run_suite(sample.name, sample, ["-p", "no:cacheprovider", "tests"], tally)
    report_skips(tally)
    refused = tally.skipped > 0 and os.environ.get("READYBOOK_NO_SKIPS") == "1"
    if refused:
        print("READYBOOK_NO_SKIPS is set: a skipped test is a failure.")
    print(f"\n{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 0 if good and not tally.failed and not refused else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
