"""Our checks against the labelled cases of other tools.

    python tests/benchmarks/score_fixtures.py FIXTURES.json FOLDER [--topic WORD] [--misses N]

FIXTURES.json lists the cases (peer, repository, commit, path, rule, topic), FOLDER holds checkouts or bare mirrors
named owner+name or owner__name. Each case becomes the one file of a project of its own, under ``app/`` so that no rule
about paths silences it. Our checks ask about code that serves requests: for the topics in SERVED, ``app/main.py``
registers every function of the case as a route, and a Dockerfile without a command serves that. A case counts for the
checks that its topic maps to, once they exist; rules that ask another question than our check, and labels that the
packages' documentation contradicts, are left out with the reason, and so are, for the topics in SERVED, labels in an
inner function that nothing calls: no request runs it. A report is held against every place that its finding names,
labels that must be silent too: the line itself and the steps that lead to it (a key is told where it is written, with
the call that signs as a step). Prints recall on what must be reported and the rate of reports on what must not, by
topic and in total, then each miss, with the reason where there is one; leaves with 1 when recall is below 0.9 or the
rate above 0.05.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
                    "logging/print", "openapi/response-model", "security/code-exec", "security/command-injection",
                    "security/deserialization", "security/path-traversal", "security/sql-injection", "security/ssrf"})
# Rules of a mapped topic that ask something that our check does not, with the difference.
ANOTHER_QUESTION: dict[str, str] = {
    "ASYNC110": "any loop that sleeps, whatever it waits for",
    "ASYNC240": "asks for metadata of files, answered in microseconds",
    "S608": "any SQL text that is formatted, executed or not",
    "sqlalchemy-sql-injection": "text in the query builder, which SQLAlchemy refuses since 1.4",
    "S602": "any shell, also for a constant", "S604": "any argument named shell", "S605": "any shell",
    "S603": "any process", "S607": "a program without its full path", "process-creation-sandbox": "any process",
    "subprocess-shell-true": "any shell", "subprocess-shell-false": "any shell",
    "dangerous-subprocess-use-audit": "any command that is no literal, the operator's arguments too",
    "dangerous-subprocess-use-tainted-env-args": "the operator's own environment and arguments",
    "dangerous-system-call-audit": "any command that is no literal",
    "dangerous-system-call-tainted-env-args": "the operator's own environment and arguments",
    "S301": "any unpickling, of own files too", "harden-pickle-load": "any unpickling, of own files too",
    "avoid-pickle": "any pickling, writing too", "avoid-cPickle": "any pickling", "avoid-dill": "any pickling",
    "avoid-shelve": "any pickling",
    "S307": "any eval, also of a constant", "S311": "any draw from random, whatever for",
    "secure-random": "any draw from random, whatever for", "url-sandbox": "an address typed at the console",
    "S324": "any md5, whatever for", "insecure-hash-algorithm-md5": "any md5",
    "insecure-hash-algorithm-sha1": "any sha1", "insecure-hash-function": "any md5",
    "no-auth-over-http": "plain HTTP", "https-connection": "plain HTTP",
    "eval-detected": "the file puts an eval of its own over the built-in one; what is left is a constant",
    "exec-detected": "the file puts an exec of its own over the built-in one; what is left is a constant",
    "missing-user": "images that serve no application", "missing-user-entrypoint": "images that serve no application",
    "T203": "pprint", "RUF029": "functions that nothing awaits too",
    "jwt-python-exposed-data": "what a token's payload holds", "jwt-python-exposed-credentials": "a token's payload",
    "jwt-decode-verify": "verify= of PyJWT 1, which PyJWT 2 ignores",
    "mongo-client-bad-auth": "an outdated way to log in", "secret-in-build-arg": "names of build arguments",
    "secure-set-cookie": "cookies of Flask", "secure-flask-cookie": "cookies of Flask",
}
# Labels that the packages' own documentation contradicts: (rule, text of the case or line) → what is so.
CONTRADICTED: tuple[tuple[str, str, str], ...] = (
    ("S506|harden-ruamel|avoid-unsafe-ruamel", r"BaseLoader|Loader=BL\b|typ=.base.", "the base loader gives text only"),
    ("S506|harden-pyyaml", r"(?m)\.load\(\w+\)\s*$", "PyYAML 6 refuses to load without a loader"),
    ("harden-pyyaml", r"(?s)\A(?!.*\.load\()", "a class is made, nothing is loaded"),
    ("disabled-cert-validation", r"CERT_OPTIONAL", "the same as CERT_REQUIRED for a client"),
    ("async-fix-task-instantiation", r"eager_start=True", "lost as well, only their fix cannot mend it"),
    ("sql-parameterization", r"phone = \?\"|query = \"SELECT", "injectable, only their fix cannot mend it"),
    ("sqlalchemy-execute-raw-query", r"execute\(stmt, values\)", "an insert object plus a text raises TypeError"),
    ("formatted-sql-query", r"execute\(str_query\)", "str.format on a text without braces puts nothing in"),
    ("disabled-cert-validation", r"context\.wrap_socket\(.*cert_reqs", "SSLContext.wrap_socket takes no cert_reqs"),
    ("unverified-jwt-decode", r"verify_signature\"?: (?:False|a_false)", "what is decoded is thrown away"),
    ("async-fix-task-instantiation", r"await task_2", "the task is awaited"),
    ("RUF006", r"task = unused = ", "their own comment calls it a false negative"),
    ("DL3002", r"(?s)USER root.*FROM scratch", "the image is its last stage, and without USER it runs as root"),
    ("DL3057", r"HEALTHCHECK NONE", "NONE switches the check off"),
)
# Misses that stay, by (rule, text of the case or line) → why.
EXPLAINED: tuple[tuple[str, str, str], ...] = (
    ("ASYNC212", r"client\.close", "closing sends nothing that is waited for"),
    ("ASYNC212", r"client\.request", "a variable that holds an ellipsis is no client, whatever its annotation says"),
    ("ASYNC220", r"Popen\(\)", "Popen returns while the child runs; its wait and communicate are reported"),
    ("T201", r"sys\.stderr", "standard error counts where a request writes to it: a program talks to its user there"),
    ("S105", r"secrete\b", "a misspelt name"),
    ("S105", r"token ==", "a text with a control character is a lexer's token, no credential"),
    ("S105", r"\[.pass.\]", "an entry called pass is a verdict or a colour as often as a password"),
    ("S107|hardcoded-password-default-argument", r"def ", "a plain word as a parameter's default: a password or the "
     "name of a field, the text does not tell"),
    ("md5-used-as-password", r"setPassword", "setPassword of an unknown object; a hash that reaches a column or a "
     "comparison is reported"),
    ("asyncpg-sqli", r"bad_query_1", "the text comes from a module that is not there"),
)
# Rules that one kind of our check's findings answers: its message must match.
TOLD: dict[str, str] = {
    "jwt-python-none-alg": r"none|without a signature", "unverified-jwt-decode": r"(?i)verif|signature|unchecked",
    "jwt-python-hardcoded-secret": r"(?i)secret|key",
}


FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
Report = tuple[tuple[int, int], ...]  # the lines that one finding names: its own first, then the steps that lead there


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
        serves = "" if re.search(r"(?im)^\s*(?:CMD|ENTRYPOINT)\b", text) else 'CMD ["uvicorn", "app.main:app"]\n'
        main = "from fastapi import FastAPI\n\napp = FastAPI()\n"
        return {"Dockerfile": f"{text.rstrip()}\n{serves}", "app/__init__.py": "", "app/main.py": main}
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
        if isinstance(f, FUNCTION):
            name = f"{f.name}_{len(names)}" if f.name in names else f.name
            lines[f.lineno - 1] = re.sub(rf"\b{f.name}\b", name, lines[f.lineno - 1], count=1)
            names.append(name)
    return "\n".join(lines), names


def reported(case: Case, path: str, checks: list[Check], served: bool, told: str) -> list[Report]:
    """What the checks report; a check that fails counts as silent and is told on stderr."""
    project = Project.from_files(placed(path, case.text, served))
    found = []
    for check in checks:
        asked = ask(check, project)
        if asked.error:
            print(f"{case.name}: {check.id}: {asked.error}", file=sys.stderr)
        found += [tuple((p.line, p.end_line or p.line) for p in (f.place, *f.chain) if p.path != "app/main.py")
                  for f in asked.findings if f.place.path != "app/main.py" and re.search(told, f.message)]
    return found


def agreed(case: Case, rule: str, served: bool) -> tuple[Case, set[int]]:
    """The case without the labels that the documentation contradicts or that no request runs; the lines of those."""
    against = [shown for rules, shown, _ in CONTRADICTED if re.fullmatch(rules, rule)]
    lines = case.text.split("\n")
    out = {n for n, line in enumerate(lines, 1) if any(re.search(shown, line) for shown in against)}
    out |= idle(case.text) if served else set()

    def stands(label: tuple[int, int, bool]) -> bool:
        if case.whole:
            return not any(re.search(shown, case.text) for shown in against)
        return label[0] not in out

    return replace(case, labels=tuple(label for label in case.labels if stands(label))), out


def idle(text: str) -> set[int]:
    """The lines of inner functions that nothing in the text calls or hands on."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return set()
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    inner = [f for outer in ast.walk(tree) if isinstance(outer, FUNCTION)
             for f in ast.walk(outer) if isinstance(f, FUNCTION) and f is not outer]
    return {n for f in inner if f.name not in used for n in range(f.lineno, (f.end_lineno or f.lineno) + 1)}


def scored(case: Case, rule: str, found: list[Report], near: set[int]) -> Score:
    """How the reports of one case agree with its labels; ``near`` are lines that other rules name."""
    score = Score()
    covered: set[Report] = set()
    for number, (first, last, must) in enumerate(case.labels):
        there = {f for f in found if any(x <= last and y >= first for x, y in f)}
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
            why = next((f" ({why})" for rules, part, why in EXPLAINED if must and re.fullmatch(rules, rule)
                        and re.search(part, shown)), "")
            score.misses.append(f"{'missed ' if must else 'reported'} {case.name}{line}  {shown}{why}")
    if case.rest:
        beyond = [f[0] for f in found if f not in covered and not near & set(range(f[0][0], f[0][1] + 1))]
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
    near: dict[tuple[str, str], set[int]] = defaultdict(set)  # lines that some rule names in a file
    for entry in listed:
        if entry["peer"] == "ruff":
            near[entry["peer"], entry["path"]] |= {
                n for c in cases(entry, given.folder) for x, y, _ in c.labels for n in range(x, y + 1)}
    for topic, entry, ids in entries(listed, given.topic, set(checks)):
        read = list(cases(entry, given.folder))
        if not read:
            absent.append(f"{entry['repo']}: {entry['path']}")
        for case, out in (agreed(c, entry["rule"], topic in SERVED) for c in read):
            found = reported(case, entry["path"], [checks[i] for i in ids], topic in SERVED,
                             TOLD.get(entry["rule"], ""))
            others = near.get((entry["peer"], entry["path"]), set())
            scores[topic].add(scored(case, entry["rule"], found, out | others))
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
    print(f"labels left out, contradicted: {'; '.join(f'{rules}: {why}' for rules, _, why in CONTRADICTED)}")
    print(f"no check asks: {', '.join(unmapped)}")
    print(f"checks not there yet: {', '.join(sorted(waiting)) or 'none'}")
    print(f"files not in the folder: {', '.join(absent) or 'none'}")
    right = total.recalled >= 0.9 * total.positives and total.hits <= 0.05 * total.negatives
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
