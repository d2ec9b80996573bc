"""SEC036: versions that are known not to work together, and no audit of the versions in CI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Check, Finding, Fix, Hours, NotApplicable, Place, Project, Right, advice
from readybook.finding import Answer
from readybook.intents import ReplaceLineText
from readybook.patterns import regex
from readybook_checks.security.sec036_incompatible_or_vulnerable_pins.pairs import Pair, pairs

AUDITS = regex(r"pip-audit|pypa/gh-action-pip-audit|\bsafety (?:check|scan)|osv-scanner|trivy|grype|\bsnyk\b|"
               r"dependency-review-action|\buv audit\b|dependency.?check", re.IGNORECASE)
UPDATERS = regex(r"(?:^|/)(?:\.github/dependabot\.ya?ml|renovate\.json5?|\.renovaterc(?:\.json)?|\.snyk|"
                 r"\.github/renovate\.json5?)$")


class IncompatiblePins(Check):
    """Versions are installed that do not work together, or nothing in CI asks whether they are known to be vulnerable.

    Looked at: a table of pairs that were tried (the metrics instrumentator below 8 with FastAPI from 0.137, passlib's
    bcrypt with bcrypt from 5, fastapi-limiter from 0.2 with its old interface, pydantic.v1 models with FastAPI from
    0.128, an async SQLAlchemy 2.1 without its extra, an image whose Python is older than FastAPI asks for), against the
    versions that lock files and pins name. Ranges are judged only where every installation of today gets the pair.

    Vulnerability data is not on board and is not fetched; instead the check asks for a step in CI, or a service, that
    looks it up.

    Fix: the version edit where a requirements file pins it; a lock file is its tool's to write.
    """

    id = "SEC036"
    name = "incompatible-or-vulnerable-pins"
    category = "security"
    severity = "high"
    hours = Hours(0.25, 1, 3, each=0.25)
    fix_kinds = ("config", "advice")
    references = ("https://github.com/pypa/pip-audit", "https://fastapi.tiangolo.com/release-notes/")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each pair, and one answer for the audit of versions."""
        facts = project.facts
        served = [app for app in facts.apps if app.served]
        if not served:
            yield NotApplicable("no application is served")
            return
        found = {p.message: p for app in served for p in pairs(facts, app.place.path)}
        for pair in found.values():
            yield Finding(pair.place, pair.message, pair.severity, fix=_fix(project, pair))
        version = facts.version_of("fastapi", served[0].place.path)
        if not found and version.exact and version.place is not None:
            yield Right(version.place, f"nothing in the table of bad pairs fits FastAPI {version.value}")
        yield from _audited(project)


def _fix(project: Project, pair: Pair) -> Fix:
    line = project.line(pair.place.path, pair.place.line) if pair.place.path in project.files else ""
    pinned = f"=={pair.old}"
    if pair.wanted and pair.place.path.endswith(".txt") and line.count(pinned) == 1 and "--hash" not in line:
        intent = ReplaceLineText(pair.place, pinned, f"=={pair.wanted}")
        return Fix(f"Pin {pair.package} to {pair.wanted}", (intent,), kinds=("config",), safety="review",
                   reason=f"{pair.effect}: whoever builds the image gets another version")
    if pair.wanted:
        return advice(f"Ask for {pair.package}=={pair.wanted} and write the lock file anew with its tool",
                      "a lock file is written by its own tool, with the package index at hand")
    return advice("Choose versions that work together, as the message tells",
                  "which side to change depends on what else the service needs")


def _audited(project: Project) -> Iterator[Answer]:
    """Whether CI, a bot or a hook looks the installed versions up."""
    for path in sorted(project.present):
        if UPDATERS.search(path):
            yield Right(Place(path), "a bot watches the dependencies")
            return
    hooks = [p for p in project.files if p.rpartition("/")[2] == ".pre-commit-config.yaml"]
    for path in hooks:
        if AUDITS.search(project.text(path)):
            yield Right(Place(path), "a hook audits the dependencies")
            return
    active = [w for w in project.facts.workflows if w.active]
    for workflow in active:
        step = next((s for s in workflow.steps if AUDITS.search(f"{s.uses} {s.run}")), None)
        if step is not None:
            yield Right(step.place, "CI audits the dependencies")
            return
    tested = next((w for w in active if w.runs_tests), None)
    if tested is not None:
        yield Finding(
            Place(tested.path), f"{tested.path} tests the code, and no step, bot or hook asks whether the installed "
            "versions are known to be vulnerable: an advisory reaches nobody.", "low",
            fix=advice("Add a step that runs `pip-audit` after the installation, or switch on Dependabot for pip",
                       "which of the two the team wants to answer is its own choice"))


from readybook_checks.security.sec036_incompatible_or_vulnerable_pins.examples import EXAMPLES  # noqa: E402

IncompatiblePins.examples = EXAMPLES
