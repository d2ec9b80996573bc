"""How the explorer's parts look: a finding with its code and fix, a choice with what it buys, and both as tables."""

from __future__ import annotations

from dataclasses import replace

from readybook import plan_tables, story
from readybook.choosing import Choices, Line, Outcome, Row, context
from readybook.diffs import patches_html
from readybook.display import dressed, finding_html, table_html, tiles
from readybook.markup import Html, clip, el, join, visible
from readybook.masking import mask
from readybook.priority import PHASE_TITLES, Priority
from readybook.project import Project
from readybook.score import Score
from readybook.seriesview import SAFETY_WORDS
from readybook.tables import Cell, Grade, Number, Table

LINE_LIMIT = 240
NO_CODE = "The code itself is not at hand: the audit was loaded from its JSON. The lines above are its evidence."


def detail(row: Row, project: Project | None) -> Html:
    """One finding: what is wrong, the code around it, the patch that cures it."""
    lines = context(project, row.finding.place)
    code = code_html(lines) if lines else el("p", NO_CODE, class_="rest") if project is None else None
    if row.patch is None:
        cure = el("p", "No patch cures this finding.", class_="none")
    else:
        cure = patches_html((row.patch,), both=True, opened=True)
    finding = replace(row.finding, evidence="") if lines else row.finding
    parts = [finding_html(finding, row.severity, row.fingerprint, anchor=False)]
    if code is not None:
        parts += [el("h3", "The code"), code]
    return dressed(join([*parts, el("h3", "The fix"), cure]))


def code_html(lines: tuple[Line, ...]) -> Html:
    """Numbered lines; those that the finding is about are marked."""
    return el("pre", el("code", [
        el("span", el("b", f"{line.number:>5}", class_="no"), f"  {clip(line.text, LINE_LIMIT)}",
           class_="line hit" if line.hit else "line")
        for line in lines
    ]), class_="context", tabindex=0)


def outcome_html(outcome: Outcome) -> Html:
    """What a choice of fixes buys and takes: score, hours, weeks, and the calendar by phase."""
    before, after = outcome.before.overall, outcome.after.overall
    weeks = outcome.roadmap.weeks
    figures = (
        (f"{points(before)} → {points(after)}", "score", after.grade or "no score"),
        (story.hours_text(outcome.patched.p50), "with patches", f"P80 {story.hours_text(outcome.patched.p80)}"),
        (story.hours_text(outcome.hand.p50), "all by hand", f"P80 {story.hours_text(outcome.hand.p80)}"),
        (story.plural(weeks, "week"), "on the calendar", story.plural(len(outcome.ids), "fix", "fixes")),
    )
    needed = el("p", f"Needed by the others and taken too: {', '.join(outcome.needed)}.", class_="rest") \
        if outcome.needed else None
    phases = plan_tables.phases(outcome.roadmap)
    return join([tiles(figures), needed, table_html(phases), table_html(categories_table(outcome))])


def points(score: Score) -> str:
    """A score as a reader says it."""
    return "–" if score.value is None else f"{score.value:.1f}"


def categories_table(outcome: Outcome) -> Table:
    """One row a category: its score now and with the choice carried out."""
    rows = tuple(
        (story.CATEGORY_TITLES[name], _points(score), _points(outcome.after.categories[name]))
        for name, score in outcome.before.categories.items()
    )
    return Table("Score by category", ("Category", "Now", "Then"), rows)


def fixes_table(choices: Choices) -> Table:
    """One row a fix in the order of work, with the score when it and all before it are done."""
    rows: list[tuple[Cell, ...]] = []
    done: list[str] = []
    for p in choices.priorities:
        done.append(p.result.id)
        patch = choices.patches.get(p.result.id)
        rows.append((
            p.result.id, p.rank, PHASE_TITLES[p.phase], p.result.title, Grade(p.result.gravest),
            Grade(SAFETY_WORDS[patch.safety] if patch else "by hand"), len(p.result.findings), _hours(p.hours),
            Number(round(p.gain, 4), f"{p.gain:+.2f}"), _points(choices.outcome(done).after.overall),
        ))
    columns = ("Check", "Rank", "Phase", "What is wrong", "Severity", "Patch", "Findings", "Hours", "Score gain",
               "Score then")
    return Table("Fixes in the order of work", columns, tuple(rows), find=len(rows) > 10)


def fix_label(priority: Priority, choices: Choices) -> str:
    """A fix as the label of a box to tick."""
    patch = choices.patches.get(priority.result.id)
    how = f"patch, {SAFETY_WORDS[patch.safety]}" if patch else "by hand"
    hours = story.hours_text(priority.hours)
    title = clip(priority.result.title.rstrip("."), 120)
    return f"{priority.result.id} · {title} · {priority.result.gravest} · {how} · {hours} · {priority.gain:+.2f}"


def row_label(row: Row) -> str:
    """A finding as one line of a list."""
    mark = "patch" if row.patch else "     "
    place, message = (visible(" ".join(mask(clip(text, 900)).split())) for text in
                      (str(row.finding.place), row.finding.message))
    return f"{row.severity:<8} {row.check:<7} {mark} {clip(place, 44):<44} {clip(message, 90)}"


def _hours(hours: float) -> Number:
    return Number(round(hours, 3), story.hours_text(hours))


def _points(score: Score) -> Number | None:
    return None if score.value is None else Number(score.value, points(score))
