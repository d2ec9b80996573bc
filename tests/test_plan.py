"""The notebook cells about effort and order of work, and what the service is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic
from readybook import plan, plan_tables, service_display, story
from readybook.charts import Chart
from readybook.display import Shown
from readybook.finding import Reach
from readybook.forecast import forecast_of
from readybook.plan_tables import Team
from readybook.report import Report
from readybook.service import DataStore
from readybook.diffs import SeriesView
from readybook.tables import Number, Table
from readybook.workbook import Audit

TEAM = plan.team(hourly_rate=100, hourly_rate_high=150, currency="USD", engineers=2, hours_per_week=20, hours_per_day=5,
                 budget_hours=4)
BY_AUDIT = (plan.first, plan.calendar_chart, plan.phases)
BY_REPORT = (plan.waterfall, plan.quadrant, plan.quick_wins, plan.ranking, plan.effort_chart, plan.curve,
             plan.severities, plan.files)


def one() -> Report:
    whole = synthetic.plain()
    return Report(whole.target, whole.apps, whole.results[:1])


def shown(view, report: Report):
    if view in BY_AUDIT:
        return view(Audit(report, SeriesView()), TEAM)
    return view(report, TEAM) if view in (plan.costs, plan.assumptions) else view(report)


@pytest.mark.parametrize("view", [*BY_AUDIT, *BY_REPORT, plan.costs, plan.assumptions], ids=lambda v: v.__name__)
def test_every_cell_shows_something_for_every_report(view) -> None:
    for made in (synthetic.plain(), synthetic.clean(), one(), synthetic.hostile()):
        value = shown(view, made)
        html = value._repr_mimebundle_()["text/html"] if isinstance(value, Chart) else value._repr_html_()
        assert html and synthetic.SECRET not in html and "<script>document" not in html


@pytest.mark.parametrize("view", [plan.waterfall, plan.quadrant, plan.calendar_chart, plan.severities, plan.files],
                         ids=lambda v: v.__name__)
def test_a_sentence_takes_the_place_of_a_chart_that_would_say_no_more(view) -> None:
    assert isinstance(shown(view, synthetic.plain()), Chart)
    assert isinstance(shown(view, one()), Shown) and isinstance(shown(view, synthetic.clean()), Shown)


def test_money_days_and_weeks_follow_from_the_hours() -> None:
    report = synthetic.plain()
    rows = plan_tables.costs(report, TEAM).frame()
    assert list(rows["Developer-days"]) == pytest.approx(list(rows["Hours"] / 5), abs=1e-3)
    assert list(rows["Weeks of the team"]) == pytest.approx(list(rows["Hours"] / 40), abs=1e-3)
    assert list(rows["Money"]) == pytest.approx(list(rows["Hours"] * 100), abs=0.1)
    hand = forecast_of(report).of()
    assert list(rows["Hours"])[:3] == pytest.approx([hand.p50, hand.p80, hand.p95], abs=1e-3)
    assert TEAM.money(10) == "USD 1,000–1,500" and Team(120, 120, "EUR").money(1.5) == "EUR 180"


@pytest.mark.parametrize("wrong", [{"engineers": 0}, {"hours_per_week": 0.0}, {"rate": -1.0}, {"budget": -1.0}])
def test_a_team_that_cannot_work_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="engineers must be 1 or more"):
        Team(**wrong)


def test_what_a_budget_buys_never_falls() -> None:
    table = plan_tables.budgets(synthetic.plain(), {}, 4)
    values = [row[5].value for row in table.rows if isinstance(row[5], Number)]
    assert values == sorted(values) and values[-1] == 10.0
    text = plan.first(Audit(synthetic.plain(), SeriesView()), TEAM).text
    assert text.startswith("Within 4 hours: these ") and "from 4.5 to" in text and "Begin with SEC001" in text


def test_the_points_of_each_check_add_up_to_the_effort() -> None:
    report = synthetic.plain()
    frame = plan_tables.points(report).frame()
    assert frame["Likely"].sum() == pytest.approx(report.effort.likely, abs=0.01)
    assert frame["All goes badly"].sum() == pytest.approx(report.effort.high, abs=0.01)


def test_the_verdict_takes_its_hours_from_the_forecast() -> None:
    hand = forecast_of(synthetic.plain()).of()
    assert f"about {story.hours_text(hand.p50)} by hand (at most {story.hours_text(hand.p80)}" in story.verdict(
        synthetic.plain())[2]


def test_the_service_in_words() -> None:
    serves, keeps, stands = service_display.sentences(synthetic.plain())
    assert "3 routes: 1 DELETE, 1 GET, 1 POST. 1 of them asks who calls, 1 is open to all, of 1 the code" in serves
    assert keeps == "It keeps data in PostgreSQL and Redis, through SQLAlchemy and redis."
    assert stands == "It declares 2 packages, among them FastAPI 0.115.6 and SQLAlchemy 2.0 or later; " \
                     "1 leaves the exact version open."
    assert "No served FastAPI application" in service_display.sentences(synthetic.huge(1, 1))[0]


def test_what_hands_work_over_keeps_no_data() -> None:
    report = synthetic.plain()
    stores = (*report.service.stores, DataStore("broker", "celery.Celery", "rabbitmq", "app/jobs.py", 3))
    _, keeps, _ = service_display.sentences(replace(report, service=replace(report.service, stores=stores)))
    assert keeps == "It keeps data in PostgreSQL and Redis, through SQLAlchemy and redis, and hands work over by " \
                    "RabbitMQ, through Celery."
    only = replace(report, service=replace(report.service, stores=stores[2:]))
    assert service_display.sentences(only)[1] == "It hands work over by RabbitMQ, through Celery."


@pytest.mark.parametrize(("reach", "text"), [
    (None, "not shown by the code"), (Reach("service", 9, 3), "the whole service"), (Reach("none"), "no request"),
    (Reach("routes", 1, 1), "1 route, open to all"), (Reach("routes", 4, 1), "4 routes, 1 open to all"),
    (Reach("routes", 2), "2 routes, callers are known"),
])
def test_reach_in_words(reach, text) -> None:
    assert plan_tables.reach_text(reach) == text


def test_every_table_is_a_table() -> None:
    for view in (plan.quick_wins, plan.ranking):
        assert isinstance(view(synthetic.plain()), Table)


def test_a_capped_score_and_a_single_check_are_not_told_as_a_strength() -> None:
    grave = (synthetic.finding("a.py", 1, "m", severity="critical"),)
    rows = [synthetic.result("SEC001", "security", "critical", "Bad.", grave, rights=1)]
    rows += [synthetic.result(f"SEC{n:03}", "security", "high", "Good.") for n in range(2, 9)]
    rows += [synthetic.result(f"TST{n:03}", "testing", "high", "Bad.", grave) for n in range(1, 4)]
    rows += [synthetic.result("OPS001", "devops", "high", "Good."), synthetic.result("ARC001", "architecture", "high",
                                                                                    "Bad.", grave)]
    standing = story.verdict(Report(synthetic.clean().target, (), tuple(rows)))[0]
    assert "strongest in security (6.9, held down by SEC001), weakest in testing (0.0)" in standing
