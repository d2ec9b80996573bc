"""The charts of what to do first: impact against effort, the score after each fix, the calendar."""

from __future__ import annotations

import math
from collections import defaultdict

from readybook import plan_tables, story
from readybook.charts import (
    GRID,
    HAND,
    HATCH,
    INK,
    LINE,
    PATCHED,
    SEVERITY_MARKS,
    TARGET_SCORE,
    Chart,
    chart,
    new_figure,
)
from readybook.check import Result
from readybook.priority import PHASE_TITLES, QUICK_GAIN, QUICK_HOURS, Priority, priorities, quick_wins, steps
from readybook.report import Report
from readybook.roadmap import Roadmap, Task
from readybook.severity import SEVERITIES

LABELLED = 10      # points of the quadrant with a name; the table names all
STEPS_SHOWN = 14   # bars of the waterfall; the other fixes are one bar
PHASE_LOOKS = {"now": (HAND, None), "next": (PATCHED, HATCH), "later": ("#8a94a6", {**HATCH, "shape": "."})}


def impact_effort(report: Report) -> Chart:
    """Each failing check by hours and score gain; fixes at one point share a mark that tells how many they are."""
    rows = priorities(report)
    best = {p.result.id for p in quick_wins(report)[:LABELLED]}
    figure = new_figure(height=440, right=24)
    hours = [max(p.hours, 0.02) for p in rows]
    left, right, top = min([*hours, 0.1]) / 1.8, max([*hours, 4.0]) * 2.2, max([*(p.gain for p in rows), 0.2]) * 1.18
    figure.add_shape(type="rect", x0=left, x1=QUICK_HOURS, y0=QUICK_GAIN, y1=top, layer="below",
                     fillcolor="rgba(47,127,181,0.14)", line={"width": 1, "dash": "dot", "color": INK})
    figure.add_annotation(x=0, xref="x domain", y=1, yref="y domain", text="<b>quick wins</b>", showarrow=False,
                          xanchor="left", yanchor="top", xshift=8, yshift=-4)
    for severity in SEVERITIES:
        groups = _groups([p for p in rows if p.result.gravest == severity])
        symbol, colour = SEVERITY_MARKS[severity]
        figure.add_scatter(
            x=[x for x, _ in groups], y=[y for _, y in groups], mode="markers+text", name=severity, cliponaxis=False,
            marker={"symbol": symbol, "color": colour, "line": {"width": 1, "color": "#fff"},
                    "size": [11 + 4 * min(len(own) - 1, 4) for own in groups.values()]},
            text=[f" {_names(own, best)}" for own in groups.values()], textposition="middle right",
            textfont={"size": 12},
            customdata=["<br>".join(f"{p.result.id} {_name(p.result, 60)}" for p in own[:12])
                        for own in groups.values()],
            hovertemplate="%{customdata}<br>%{x:.2f} hours, %{y:.2f} points<extra></extra>",
        )
    figure.update_layout(
        showlegend=True,
        xaxis={"type": "log", "title": {"text": "hours with patches"},
               "range": [math.log10(left), math.log10(right)], "fixedrange": True,
               "tickvals": [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 40, 80], "tickangle": 0, "gridcolor": GRID},
        yaxis={"title": {"text": "points of the score"}, "range": [0, top], "fixedrange": True,
               "gridcolor": GRID},
    )
    quick = [p for p in rows if p.quick]
    alt = f"Score gain against hours of {story.plural(len(rows), 'fix', 'fixes')}: {len(quick)} are quick wins, at " \
          f"most {QUICK_HOURS:g} hours for {QUICK_GAIN:g} points or more" \
          + (f", best {', '.join(p.result.id for p in quick_wins(report)[:3])}." if quick else ".")
    return chart(figure, alt, plan_tables.ranking(report), {"xaxis.tickvals": [0.1, 0.5, 2, 8, 40]})


def gain_waterfall(report: Report) -> Chart:
    """How the overall score climbs fix by fix in the order of work, from today's to the one when all is done."""
    all_steps = steps(report)
    bars = len(all_steps) if len(all_steps) <= STEPS_SHOWN + 1 else STEPS_SHOWN
    shown, rest = all_steps[:bars], all_steps[bars:]
    start, end = all_steps[0].before, all_steps[-1].after
    labels = ["Today ", *(f"{s.priority.rank}. {_name(s.priority.result, 30)} " for s in shown)]
    deltas = [start, *(s.after - s.before for s in shown)]
    if rest:
        labels.append(f"{len(rest)} more fixes ")
        deltas.append(end - rest[0].before)
    labels.append("All done ")
    figure = new_figure(height=110 + 28 * len(labels), right=52)
    figure.add_waterfall(
        orientation="h", y=labels, x=[*deltas, 0], measure=["absolute", *["relative"] * (len(labels) - 2), "total"],
        text=[f"{start:.1f}", *(f"{delta:+.2f}" for delta in deltas[1:]), f"{end:.1f}"], textposition="outside",
        cliponaxis=False, connector={"line": {"color": LINE, "width": 1}}, totals={"marker": {"color": HAND}},
        increasing={"marker": {"color": "#1b7f79"}}, decreasing={"marker": {"color": "#c2283a"}},
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    figure.add_vline(x=TARGET_SCORE, line={"color": INK, "width": 2, "dash": "dot"})
    figure.add_annotation(x=TARGET_SCORE, y=1, yref="paper", yanchor="bottom", showarrow=False, text="target 7.0")
    figure.update_layout(
        xaxis={"range": [0, 10.9], "nticks": 6, "tickangle": 0, "fixedrange": True, "showgrid": False},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "tickvals": labels, "ticktext": labels},
    )
    reached = next((s for s in all_steps if s.after >= TARGET_SCORE), None)
    tail = f"; {TARGET_SCORE} is reached with fix {reached.priority.rank}" if reached and start < TARGET_SCORE else ""
    count = story.plural(len(all_steps), "fix", "fixes")
    return chart(figure, f"The overall score climbs from {start:.1f} to {end:.1f} in {count}{tail}.",
                 plan_tables.gains(report), {"yaxis.ticktext": [_narrow(label) for label in labels]})


def roadmap_bars(plan: Roadmap) -> Chart:
    """The calendar: a lane for each phase and engineer, a bar for each fix, weeks (days of a short plan) below."""
    lanes = list(dict.fromkeys(_lane(plan, t) for phase in plan.phases for t in plan.tasks if t.phase == phase.name))
    total = max(t.end for t in plan.tasks)
    unit, title = (plan.hours_per_week, "weeks") if plan.weeks > 3 else (plan.hours_per_week / 5, "working days")
    figure = new_figure(height=120 + 52 * len(lanes), right=24)
    for phase in plan.phases:
        own = [t for t in plan.tasks if t.phase == phase.name]
        colour, pattern = PHASE_LOOKS[phase.name]
        figure.add_bar(
            base=[t.start / unit for t in own], x=[(t.end - t.start) / unit for t in own],
            y=[_lane(plan, t) for t in own], orientation="h", width=0.56, name=PHASE_TITLES[phase.name],
            marker={"color": colour, "pattern": pattern, "line": {"width": 1, "color": "#fff"}},
            customdata=[f"{t.priority.result.id} {_name(t.priority.result, 60)}: {story.hours_text(t.end - t.start)}"
                        for t in own],
            hovertemplate="%{customdata}<extra></extra>",
        )
        for t in own:
            if t.end - t.start > 0.12 * total:
                name = _name(t.priority.result, 26) if t.end - t.start > 0.3 * total else t.priority.result.id
                figure.add_annotation(x=t.start / unit, y=_lane(plan, t), text=name, xanchor="left", yanchor="bottom",
                                      yshift=14, showarrow=False, font={"size": 12})
    figure.update_layout(
        barmode="overlay",
        xaxis={"title": {"text": f"{title} of work"}, "rangemode": "tozero", "fixedrange": True,
               "dtick": 1 if total / unit <= 16 else None, "gridcolor": GRID},
        yaxis={"automargin": True, "autorange": "reversed", "fixedrange": True, "categoryarray": lanes,
               "categoryorder": "array"},
    )
    words = "; ".join(f"{PHASE_TITLES[p.name]}: {story.plural(len(p.ids), 'fix', 'fixes')}, week "
                      f"{plan_tables.weeks_text(p.first_week, p.last_week)}" for p in plan.phases)
    alt = f"Calendar of {story.plural(plan.engineers, 'engineer')}: {words}."
    return chart(figure, alt, plan_tables.calendar(plan))


def _lane(plan: Roadmap, task: Task) -> str:
    who = f", engineer {task.engineer}" if plan.engineers > 1 else ""
    return f"{PHASE_TITLES[task.phase]}{who} "


def _narrow(label: str) -> str:
    return label if len(label) < 20 else f"{label[:18].rstrip()}… "


def _groups(rows: list[Priority]) -> dict[tuple[float, float], list[Priority]]:
    """Fixes by the point they stand at, as far as an eye can tell."""
    groups: dict[tuple[float, float], list[Priority]] = defaultdict(list)
    for p in rows:
        groups[float(f"{max(p.hours, 0.02):.1g}"), round(p.gain, 2)].append(p)
    return groups


def _names(own: list[Priority], best: set[str]) -> str:
    named = [p.result.id for p in own if p.result.id in best]
    if not named:
        return ""
    return named[0] if len(own) == 1 else f"{named[0]} +{len(own) - 1}"


def _name(result: Result, limit: int) -> str:
    """What a check is about, in few words."""
    words = result.name.replace("-", " ")
    return words if len(words) <= limit else f"{words[:limit - 1]}…"
