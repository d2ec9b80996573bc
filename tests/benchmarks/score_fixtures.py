"""Our checks against the labelled cases of other tools.

    python tests/benchmarks/score_fixtures.py FIXTURES.json FOLDER [--topic WORD] [--misses N]

FIXTURES.json lists the cases (peer, repository, commit, path, rule, topic), FOLDER holds checkouts or bare mirrors
named owner+name or owner__name. Each case becomes the one file of a project of its own, under ``app/`` so that no rule
about paths silences it. Our checks ask about code that serves requests: for the topics in SERVED, ``app/main.py``
registers every function of the case as a route. A case counts for the checks that its topic maps to, once they exist;
rules that ask another question than our check are left out, with the reason. Prints recall on what must be reported and
the rate of reports on what must not, by topic and in total, then each miss; leaves with 1 when recall is below 0.9 or
the rate above 0.05.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labelled_cases import Case, cases

from readybook import Check, Project, registry
from readybook.run import ask

TOPICS: dict[str, tuple[str, ...]] = {
    "async/blocking-http": ("PER001",),
    "async/blocking-sleep": ("PER001",),
    "async/blocking-subprocess": ("PER001",),
    "async/blocking-file": ("PER001",),
    "async/blocking-input": ("PER001",),
    "async/busy-wait": ("ARC004",),
    "async/lost-task": ("ARC001",),
    "async/no-await": ("PER014",),
    "cors/origins": ("SEC001",),
    "compose/hardening": ("OPS014",),
    "container/base-pinned": ("OPS013",),
    "container/healthcheck": ("OPS012",),
    "container/non-root": ("OPS011",),
    "container/pip-cache": ("OPS013",),
    "container/secrets": ("OPS013", "SEC004"),
    "db/sqlalchemy": ("COD010",),
    "deploy/debug": ("SEC012",),
    "di/annotated": ("COD012",),
    "errors/swallowed": ("COD010",),
    "http-client/timeout": ("PER011",),
    "k8s/hardening": ("OPS015",),
    "k8s/image-pinned": ("OPS015",),
    "k8s/liveness": ("OPS015",),
    "k8s/non-root": ("OPS015",),
    "k8s/read-only-fs": ("OPS015",),
    "k8s/readiness": ("OPS015",),
    "k8s/replicas": ("OPS015",),
    "k8s/resources": ("OPS015",),
    "k8s/secrets": ("OPS015",),
    "logging/print": ("OPS005",),
    "logging/secrets": ("SEC017",),
    "middleware/trusted-host": ("SEC008",),
    "openapi/response-model": ("COD013",),
    "reliability/datetime": ("COD015",),
    "reliability/mutable-default": ("COD011",),
    "routing/path-params": ("COD014",),
    "secrets/db-password": ("SEC004",),
    "secrets/hardcoded": ("SEC004", "SEC005", "SEC020"),
    "security/code-exec": ("SEC021",),
    "security/command-injection": ("SEC022",),
    "security/cookie": ("SEC023",),
    "security/crypto": ("SEC020",),
    "security/deserialization": ("SEC021",),
    "security/jwt": ("SEC019", "SEC004"),
    "security/path-traversal": ("SEC031",),
    "security/random": ("SEC028",),
    "security/sql-injection": ("SEC015",),
    "security/ssrf": ("SEC032",),
    "security/tls-verify": ("SEC027",),
}
SERVED = frozenset({"async/blocking-http", "async/blocking-sleep", "async/blocking-subprocess", "async/blocking-file",
                    "async/blocking-input", "async/busy-wait", "async/lost-task", "async/no-await",
                    "openapi/response-model", "security/code-exec", "security/command-injection",
                    "security/deserialization", "security/path-traversal", "security/sql-injection", "security/ssrf"})
ANOTHER_QUESTION: dict[str, str] = {}


@dataclass
class Score:
    """What was seen of one topic."""

    recalled: int = 0
    positives: int = 0
    hits: int = 0
    negatives: int = 0
    misses: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Count another score in."""
        self.recalled += other.recalled
        self.positives += other.positives
        self.hits += other.hits
        self.negatives += other.negatives
        self.misses += other.misses

    def row(self, name: str) -> str:
        """One line of the table."""
        recall = f"{self.recalled / self.positives:.2f}" if self.positives else "-"
        rate = f"{self.hits / self.negatives:.2f}" if self.negatives else "-"
        return (f"{name:34} {self.recalled:4}/{self.positives:<4} {recall:>5}   "
                f"{self.hits:4}/{self.negatives:<4} {rate:>5}")


def topic_of(entry: dict[str, str]) -> str:
    """The topic without the word for cases that also show a fix."""
    return entry["our_topic"].removeprefix("remediation/")


def placed(path: str, text: str, served: bool) -> dict[str, str]:
    """The files of a case's project."""
    if path.endswith(".hs") or "dockerfile" in path.lower():
        return {"Dockerfile": text}
    if path.endswith((".yml", ".yaml")):
        return {"docker-compose.yml" if "compose" in path else "deploy/k8s.yaml": text}
    stem = re.sub(r"\W", "_", Path(path).stem.removeprefix("test_").removesuffix("_test")).lower()
    if not served or "FastAPI(" in text:
        return {f"app/{stem}.py": text}
    text, names = told_apart(text)
    routes = "".join(f'app.get("/{n}")(case.{name})\n' for n, name in enumerate(names))
    main = f"from fastapi import FastAPI\n\nfrom app import {stem} as case\n\napp = FastAPI()\n{routes}"
    return {f"app/{stem}.py": text, "app/main.py": main, "app/__init__.py": ""}


def told_apart(text: str) -> tuple[str, list[str]]:
    """The text with a name of its own for each of its functions, on the same lines, and those names."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text, []
    lines, names = text.split("\n"), []
    for f in tree.body:
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{f.name}_{len(names)}" if f.name in names else f.name
            lines[f.lineno - 1] = re.sub(rf"\b{f.name}\b", name, lines[f.lineno - 1], count=1)
            names.append(name)
    return "\n".join(lines), names


def reported(case: Case, path: str, checks: list[Check], served: bool) -> list[tuple[int, int]]:
    """The lines that the checks report; a check that fails counts as silent and is told on stderr."""
    project = Project.from_files(placed(path, case.text, served))
    found = []
    for check in checks:
        asked = ask(check, project)
        if asked.error:
            print(f"{case.name}: {check.id}: {asked.error}", file=sys.stderr)
        found += [(f.place.line, f.place.end_line or f.place.line) for f in asked.findings
                  if f.place.path != "app/main.py"]
    return found


def scored(case: Case, found: list[tuple[int, int]]) -> Score:
    """How the reports of one case agree with its labels."""
    score = Score()
    covered: set[tuple[int, int]] = set()
    for number, (first, last, must) in enumerate(case.labels):
        there = {f for f in found if f[0] <= last and f[1] >= first}
        covered |= there
        hit = len(there) > number if case.whole and len(case.labels) > 1 else bool(there)
        if must:
            score.positives += 1
            score.recalled += hit
        else:
            score.negatives += 1
            score.hits += hit
        if must != hit:
            line = "" if case.whole else f":{first}"
            shown = " ".join(case.text.split("\n")[first - 1].split())[:90] if not case.whole else (
                " ".join(case.text.split())[:90])
            score.misses.append(f"{'missed ' if must else 'reported'} {case.name}{line}  {shown}")
    if case.rest:
        beyond = [f for f in found if f not in covered]
        score.negatives += case.rest
        score.hits += min(len(beyond), case.rest)
        lines = case.text.split("\n")
        score.misses += [f"reported {case.name}:{f[0]}  {lines[f[0] - 1].strip()[:90]}" for f in beyond]
    return score


def entries(
    listed: list[dict[str, str]], word: str, known: set[str]
) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """(topic, entry, ids of the checks) of what can be scored."""
    for entry in listed:
        topic = topic_of(entry)
        ids = [i for i in TOPICS.get(topic, ()) if i in known]
        if ids and word in topic and entry["rule"] not in ANOTHER_QUESTION:
            yield topic, entry, ids


def main() -> int:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("fixtures", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--topic", default="", help="only topics that hold this word")
    parser.add_argument("--misses", type=int, default=1000, help="how many misses to list for each topic")
    given = parser.parse_args()
    checks = {check.id: check for check in registry.load()}
    scores: dict[str, Score] = defaultdict(Score)
    absent = []
    listed = json.loads(given.fixtures.read_text(encoding="utf-8"))["cases"]
    for topic, entry, ids in entries(listed, given.topic, set(checks)):
        read = list(cases(entry, given.folder))
        if not read:
            absent.append(f"{entry['repo']}: {entry['path']}")
        for case in read:
            found = reported(case, entry["path"], [checks[i] for i in ids], topic in SERVED)
            scores[topic].add(scored(case, found))
    return printed(scores, absent, sorted({t for e in listed if (t := topic_of(e)) not in TOPICS}), given.misses,
                   {i for ids in TOPICS.values() for i in ids} - set(checks))


def printed(scores: dict[str, Score], absent: list[str], unmapped: list[str], misses: int, waiting: set[str]) -> int:
    """The table, the misses and what was left out; the exit status."""
    total = Score()
    print(f"{'topic':34} {'recalled':>9} {'rate':>5}   {'reported':>9} {'rate':>5}")
    for topic in sorted(scores):
        print(scores[topic].row(topic))
        total.add(scores[topic])
    print(total.row("total"))
    for topic in sorted(scores):
        for line in scores[topic].misses[:misses]:
            print(f"{topic}: {line}")
    print(f"\nleft out, another question: {', '.join(f'{k} ({v})' for k, v in ANOTHER_QUESTION.items()) or 'none'}")
    print(f"no check asks: {', '.join(unmapped)}")
    print(f"checks not there yet: {', '.join(sorted(waiting)) or 'none'}")
    print(f"files not in the folder: {', '.join(absent) or 'none'}")
    right = total.recalled >= 0.9 * total.positives and total.hits <= 0.05 * total.negatives
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
