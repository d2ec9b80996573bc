"""What the notebooks call: one function a cell, each returning something that shows itself.

Imported by notebooks and by the renderer, never by the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from readybook import charts, display, diffs, service_display, story, tables
from readybook.charts import Chart
from readybook.records import record
from readybook.seriesview import SeriesView, read_series
from readybook.display import Shown
from readybook.errors import ConfigError, TargetError
from readybook.markup import Html, el, join
from readybook.page import notebook_dress
from readybook.report import Report
from readybook.tables import Table

if TYPE_CHECKING:
    from readybook.rendering import Audited


@record
class Audit:
    """A report and the patch series that goes with it; ``ran`` is the audit itself when it was made just now."""

    report: Report
    series: SeriesView
    ran: Audited | None = None


def open_audit(
    target: str,
    *,
    app: str = "",
    app_dir: str = "",
    only: str = "",
    skip: str = "",
    exclude: str = "",
    config: str = "",
    no_target_config: bool = False,
    no_cache: bool = False,
    report_json: str = "",
    patches: str = "",
) -> Audit:
    """Audit ``target`` now, or load what ``report_json`` and ``patches`` name. Lists are texts parted by commas."""
    if report_json:
        return load(report_json, patches)
    from readybook.rendering import audited, with_series

    ran = audited(find_target(target), app=app, app_dir=app_dir, only=_words(only), skip=_words(skip),
                  exclude=_words(exclude), config=Path(config) if config else None,
                  no_target_config=no_target_config, no_cache=no_cache)
    with TemporaryDirectory() as folder:
        ran = with_series(ran, Path(folder))
        return Audit(ran.report, read_series(Path(folder)), ran)


def load(report_json: str, patches: str = "") -> Audit:
    """An audit made before: its JSON and the folder of its patches. Relative paths count from the working directory."""
    file = Path(report_json)
    if not file.is_file():
        raise ConfigError(f"report_json: there is no file {report_json}")
    series = read_series(Path(patches)) if patches else SeriesView()
    return Audit(Report.from_json(file.read_text(encoding="utf-8")), series)


def find_target(target: str) -> Path:
    """The folder ``target`` names: absolute, else beside the working directory, else in the repository."""
    path = Path(target).expanduser()
    places = [path] if path.is_absolute() else [Path.cwd() / path, *(root / path for root in _roots())]
    for place in places:
        if place.is_dir():
            return place
    raise TargetError(f"target: there is no folder {target}")


def write_patches(ran: Audited, ids: Iterable[str], folder: Path) -> list[str]:
    """Work out the series of some checks alone and write it to ``folder``; returns its patches' names in order."""
    from readybook.patch import series
    from readybook.patchfiles import write_series

    if ran.project is None:
        raise ConfigError("there is no target to make patches for")
    wanted = set(ids)
    made = series(ran.project, [check for check in ran.checks if check.id in wanted],
                  waived={w.fingerprint for w in ran.report.waived})
    write_series(made, folder)
    return [patch.file for patch in made.patches]


def sample_targets() -> tuple[str, ...]:
    """The sample services of the repository, as `find_target` takes them; none in an installed package."""
    folders = sorted({f"sample_projects/{found.name}" for root in _roots()
                      for found in (root / "sample_projects").glob("*") if found.is_dir()})
    return tuple(folders)


def dress() -> Html:
    """The report's look for the views of a notebook, and tables that sort and filter, in JupyterLab."""
    return notebook_dress()


def title(report: Report, date: str = "") -> Shown:
    """The head of the page."""
    return Shown(display.header(report, date), f"Audit of {report.target.name}")


def verdict(report: Report) -> Shown:
    """The verdict in three sentences."""
    return Shown(display.verdict_html(report), " ".join(story.verdict(report)))


def at_a_glance(report: Report) -> Shown:
    """Four figures to remember."""
    counts = ", ".join(f"{n} {severity}" for severity, n in story.severity_counts(report).items())
    return Shown(display.at_a_glance(report), f"Open findings: {counts}")


def summary(report: Report) -> str:
    """The figures to compare between two runs, as plain lines."""
    overall, effort = report.score.overall, report.effort
    scored = {**report.score.categories, "overall": overall}
    lines = [f"{name}: {score.value} {score.grade}, {score.counted} of {score.total}" for name, score in scored.items()]
    lines += [f"{severity}: {count}" for severity, count in story.severity_counts(report).items()]
    return "\n".join([*lines, f"hours: {effort.low:.2f} {effort.likely:.2f} {effort.high:.2f} {effort.automated:.2f}"])


def service(report: Report) -> Shown:
    """What the service is."""
    return Shown(service_display.service_html(report), " ".join(service_display.sentences(report)))


def score_chart(report: Report) -> Chart:
    """The score of each category against the target."""
    return charts.score_bars(report)


def score_table(report: Report) -> Table:
    """The score of each category with what counted."""
    return tables.scores(report)


def worst(report: Report, count: int = 5) -> Shown:
    """The gravest findings with evidence."""
    places = ", ".join(f"{r.id} {f.place}" for r, f, _ in story.worst(report, count))
    return Shown(display.worst_html(report, count), f"Worst: {places or 'none'}")


def checks(report: Report) -> Table:
    """Every check that ran."""
    return tables.checks(report)


def findings(report: Report) -> Shown:
    """Every open finding with evidence, by check."""
    return Shown(display.findings_html(report), story.plural(len(report.findings), "open finding"))


def patches(audit: Audit) -> Shown:
    """The offered patches in order, with what was proven of them; each leads to its change on the remediation page."""
    found = audit.series.patches
    html = join([diffs.proof_html(audit.series), display.table_html(tables.patches(audit.series))])
    return Shown(html, audit.series.proof or story.plural(len(found), "patch", "patches"))


def unpatched(audit: Audit) -> Table:
    """The findings that no patch cures, and why."""
    return tables.unpatched(audit.series.left)


def probed(report: Report) -> Table | Shown:
    """What the running service was asked and answered."""
    if report.probed is None:
        text = "The running service was not asked: readybook probe starts it from a copy and asks it; what it writes " \
               "goes into a report by --probed."
        return Shown(el("p", text, class_="none"), text)
    return tables.probed(report)


def not_checked(report: Report) -> Table:
    """What was not looked at, and why."""
    return tables.not_checked(report)


def waived(report: Report) -> Table:
    """What somebody decided to live with."""
    return tables.waived(report)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _roots() -> Iterable[Path]:
    """The repository, seen from the working directory and from this file."""
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        yield from (folder for folder in (start, *start.parents) if (folder / "environment.yml").is_file())
