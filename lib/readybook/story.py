"""What the figures of a report say in words: the verdict, the worst findings, the quick wins, the cost.

Every function is a pure function of the report and its arguments; nothing here is read from the target again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

from readybook.best_set import BestSet
from readybook.check import CATEGORIES, Result
from readybook.finding import Finding
from readybook.forecast import forecast_of
from readybook.priority import priorities
from readybook.report import Report
from readybook.severity import SEVERITIES

CATEGORY_TITLES = {
    "architecture": "Architecture", "security": "Security", "performance": "Performance", "testing": "Testing",
    "devops": "DevOps", "code_quality": "Code quality", "product": "Product",
}
OUTCOME_TITLES = {
    "passed": "passed", "partial": "partly right", "failed": "failed", "not_applicable": "does not apply",
    "unknown": "could not tell", "waived": "waived", "attested": "attested", "error": "check broke down",
}
PROBED_TITLES = {name: OUTCOME_TITLES[name] for name in ("passed", "failed", "not_applicable", "unknown")}
# Fewer counted checks show neither a strength nor a weakness of a whole category.
SHOWN_BY = 3


def severity_counts(report: Report) -> dict[str, int]:
    """Open findings by severity, all four always present, gravest first."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for result, finding, _ in report.findings:
        counts[finding.severity or result.severity] += 1
    return counts


def category_counts(report: Report) -> dict[str, dict[str, int]]:
    """Open findings by category (those that have a check), then by severity."""
    counts = {name: dict.fromkeys(SEVERITIES, 0) for name in report.score.categories}
    for result, finding, _ in report.findings:
        counts[result.category][finding.severity or result.severity] += 1
    return counts


def outcome_counts(report: Report) -> dict[str, int]:
    """Checks by outcome, only those that occur."""
    counts = {name: sum(r.outcome == name for r in report.results) for name in OUTCOME_TITLES}
    return {name: n for name, n in counts.items() if n}


def outcome_of(outcome: str, count: int) -> str:
    """An outcome in words, said of so many checks: ``1 does not apply``, ``60 do not apply``."""
    title = OUTCOME_TITLES[outcome]
    return title.replace("does", "do") if count != 1 else title


def outcome_text(result: Result) -> str:
    """A check's outcome in words, and whether the running service showed it."""
    seen = result.observed
    title = OUTCOME_TITLES[result.outcome]
    return title if seen is None else f"{title}, observed" if _agrees(result) else f"{title}; observed: {seen.outcome}"


def observed_text(result: Result) -> str:
    """What the running service showed of a check, in a sentence; empty when nobody asked it."""
    seen = result.observed
    if seen is None:
        return ""
    if seen.static == result.outcome:
        how = "confirms the code" if _agrees(result) else "does not settle it"
    else:
        how = f"overrules the code, of which the check said: {OUTCOME_TITLES[seen.static]}"
    return f"Observed in the running service ({', '.join(seen.probes)}): {seen.said}; this {how}."


def _agrees(result: Result) -> bool:
    seen = result.observed
    return seen is not None and (result.outcome == seen.outcome or seen.outcome == "failed" == result.outcome
                                 or (seen.outcome, result.outcome) == ("failed", "partial"))


def verdict(report: Report) -> tuple[str, str, str]:
    """Three sentences: where the target stands, what is gravest, what putting it right takes."""
    return _standing(report), _gravest(report), _price(report)


def worst(report: Report, count: int = 5) -> tuple[tuple[Result, Finding, str], ...]:
    """The riskiest finding of each check in the order of work; further ones only when fewer checks failed."""
    first = [_row(p.result, p.worst) for p in priorities(report)]
    told = {fingerprint for _, _, fingerprint in first}
    rest = (row for row in report.findings if row[2] not in told)
    return tuple(islice(chain(first, rest), count))


def _row(result: Result, finding: Finding) -> tuple[Result, Finding, str]:
    return result, finding, result.fingerprints[result.findings.index(finding)]


def bought(report: Report, found: BestSet) -> str:
    """What the best set of fixes for a budget is and what it leads to."""
    before, then = found.overall
    if not found.ids:
        return f"Within {found.budget:g} hours no whole fix can be done."
    order = [p.result.id for p in priorities(report) if p.result.id in found.ids]
    sure = hours_text(forecast_of(report).of(found.ids, patched=True).p80)
    which = "all" if len(order) == sum(bool(r.findings) for r in report.results) else "these"
    count = f"{which} {len(order)} fixes" if len(order) > 1 else "one fix"
    text = f"Within {found.budget:g} hours: {count}, about {hours_text(found.hours)} with the patches " \
           f"(at most {sure} in 80 of 100 cases)"
    if before.value is not None and then.value is not None:
        text += f", {'lift' if len(order) > 1 else 'lifts'} the score from {before.value:.1f} to {then.value:.1f}"
    return f"{text}. Begin with {_listed(order[:3])}."


def placed(report: Report) -> str:
    """Where the open findings are, in a sentence."""
    files = sorted({f.place.path for _, f, _ in report.findings})
    if not files:
        return "There is no open finding."
    named = _listed(files[:3]) if len(files) <= 3 else f"{len(files):,} files"
    categories = [_in_sentence(name) for name, own in category_counts(report).items() if any(own.values())]
    return f"{plural(len(report.findings), 'open finding')} in {named}, in {_listed(categories)}."


def file_counts(report: Report, count: int) -> tuple[list[str], list[str], list[list[int]]]:
    """(files, categories, findings of each): the ``count`` files with most findings, most first, the others added up
    in a last row; only categories that have a finding."""
    counts: dict[str, dict[str, int]] = {}
    for result, finding, _ in report.findings:
        own = counts.setdefault(finding.place.path, {})
        own[result.category] = own.get(result.category, 0) + 1
    categories = [name for name in CATEGORIES if any(name in own for own in counts.values())]
    ranked = sorted(counts, key=lambda path: (-sum(counts[path].values()), path))
    grid = [[counts[path].get(name, 0) for name in categories] for path in ranked]
    if len(ranked) <= count + 1:
        return ranked, categories, grid
    rest = [sum(column) for column in zip(*grid[count:], strict=True)]
    return [*ranked[:count], f"{len(ranked) - count:,} other files"], categories, [*grid[:count], rest]


def proof(verified: Mapping[str, Any]) -> str:
    """What ``readybook verify`` proved, in one sentence; ``verified`` is the content of its verify.json."""
    whole = verified["whole"]
    passed = whole["tests"]["after"]["passed"] if whole["tests"] else None
    tests = "starting the application" if whole["tests"] is None else "the project's own tests" if passed is None else \
        f"the project's own {plural(passed, 'test')}"
    words = ((whole["verified"], f"verified by {tests}"),
             (whole["review"], "needs review" if whole["review"] == 1 else "need review"),
             (whole["failed"], "failed"), (whole["not_run"], "could not be tried"))
    text = ", ".join([plural(whole["patches"], "patch", "patches"), *(f"{n} {word}" for n, word in words if n)])
    if whole["review"] and whole["tests"]:
        text += f"; the tests pass as before with all {whole['verified'] + whole['review']} of them together"
    return text + "."


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def hours_text(hours: float) -> str:
    """Hours as a reader says them: minutes below one, one decimal below ten, none above."""
    if 0 < hours and round(hours * 60) < 60:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.1f} h" if 0 < hours < 10 else f"{hours:,.0f} h"


def _standing(report: Report) -> str:
    overall = report.score.overall
    name = report.target.name
    if overall.value is None:
        return f"{name} has no score: none of the {plural(overall.total, 'check')} could be answered for it."
    text = f"{name} scores {overall.value:.1f} of 10 ({overall.grade}), counted over {overall.counted} of " \
           f"{plural(overall.total, 'check')}"
    if overall.capped_by:
        text += f"; the score is held down by an open critical finding ({overall.capped_by})"
    scored = {_in_sentence(name): s.value for name, s in report.score.categories.items()
              if s.value is not None and s.counted >= SHOWN_BY}
    low, high = (min(scored.values()), max(scored.values())) if scored else (0, 0)
    if low < high:
        weak, strong = (_listed([name for name, v in scored.items() if v == value]) for value in (low, high))
        text += f"; it is strongest in {strong} ({high:.1f}{_held(report, high)}), weakest in {weak} ({low:.1f})"
    return text + "."


def _held(report: Report, value: float) -> str:
    """What holds the categories of this score down: a reader must not take a capped score for a strength."""
    capped = sorted({s.capped_by for s in report.score.categories.values() if s.value == value and s.capped_by})
    return f", held down by {_listed(capped)}" if capped else ""


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]


def _in_sentence(category: str) -> str:
    title = CATEGORY_TITLES[category]
    return title if title == "DevOps" else title.lower()


def _gravest(report: Report) -> str:
    counts = severity_counts(report)
    total = sum(counts.values())
    if not total:
        return "No check that could be answered found a defect."
    parts = [f"{n:,} {severity}" for severity, n in counts.items() if n]
    result, finding, _ = worst(report, 1)[0]
    return f"There {'is' if total == 1 else 'are'} {plural(total, 'open finding')} ({_listed(parts)}); " \
           f"the gravest stands at {finding.place}: {result.title.rstrip('.')}."


def hand_text(report: Report) -> str:
    """The hours that everything takes by hand, as every page says them: the middle (P50) of the forecast."""
    return hours_text(forecast_of(report).of().p50)


def _price(report: Report) -> str:
    effort = report.effort
    doubt = sum(r.outcome in ("unknown", "error") for r in report.results)
    tail = f"; {plural(doubt, 'check')} could not be answered and {'needs' if doubt == 1 else 'need'} a person" \
        if doubt else ""
    if not effort.likely:
        return f"There is nothing to put right{tail}."
    forecast = forecast_of(report)
    hand, patched = forecast.of(), forecast.of(patched=True)
    return f"Putting everything right takes about {hand_text(report)} by hand (at most {hours_text(hand.p80)} in " \
           f"80 of 100 cases), or {hours_text(patched.p50)} (at most {hours_text(patched.p80)}) when the offered " \
           f"patches are taken{tail}."
