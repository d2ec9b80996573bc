"""From a target to the files people open: audit.json, patches/, executed notebooks, their pages, and exports.

The target is audited once, in this process; the notebook loads the finished audit by relative paths, so the folder can
be moved, opened in JupyterLab and run again. Everything is made in a folder beside the destination and renamed into
place at the end: whoever looks sees the old files or the new ones, never half of one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date as Date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.config import PROFILES, Config, load
from readybook.errors import ConfigError, PatchError, TargetError
from readybook.markup import clip, visible
from readybook.records import record
from readybook.report import Report

if TYPE_CHECKING:
    from readybook.check import Check
    from readybook.project import Project

# The notebooks of a report, each with the page it becomes; the second is there when there are patches.
AUDIT_BOOK, REMEDIATION_BOOK = ("01_audit", "report.html"), ("02_remediate", "remediation.html")
TITLES = {"01_audit": "Audit", "02_remediate": "Remediation"}
# What a format is as a file; audit.json is always there.
EXPORTS = {"pdf": "report.pdf", "markdown": "summary.md", "csv": "findings.csv", "sarif": "findings.sarif"}
FORMATS = ("html", *EXPORTS)
LEFT_OUT = {"engineer": frozenset({"lab"}), "executive": frozenset({"lab", "engineer"})}


@record
class Audited:
    """One target with what was asked of it and what came of it; ``project`` is None for a report from JSON."""

    report: Report
    config: Config
    project: Project | None = None
    checks: tuple[Check, ...] = ()


@record
class Rendered:
    """The files that were written; ``patches`` and ``remediation`` (the page about them) are None when no patch is
    offered, ``html`` and ``notebook`` when no page was asked for. ``problem`` says why a PDF is missing."""

    html: Path | None
    notebook: Path | None
    json: Path
    patches: Path | None
    remediation: Path | None = None
    exports: tuple[Path, ...] = ()
    problem: str = ""


def audited(
    target: Path,
    *,
    name: str = "",
    app: str = "",
    app_dir: str = "",
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    exclude: Iterable[str] = (),
    config: Path | None = None,
    no_target_config: bool = False,
    no_cache: bool = False,
) -> Audited:
    """Audit a folder as the command line does. Raises TargetError and ConfigError."""
    from readybook import registry, run
    from readybook.remembered import Remembered

    if not target.is_dir():
        raise TargetError(f"{target}: {'is not a folder' if target.exists() else 'does not exist'}")
    settings = load(target, config, use_target=not no_target_config)
    settings = settings.with_options(app=app, app_dir=app_dir, exclude=tuple(exclude))
    only, skip = tuple(only), tuple(skip)
    project = run.open_target(target, settings, name, cache=not no_cache)
    today = Date.today()
    with project.facts.begun():  # the code is read while the checks are imported
        known = registry.load()
        checks = registry.select(known, only, skip)
        kept = Remembered(project, settings, known, only, skip, today)
        report = kept.load()
        if report is None:
            report = run.audit(project, known, only=only, skip=skip, config=settings, today=today)
            kept.keep(report)
    return Audited(report, settings, project, checks)


def render_report(target: Path, out: Path, *, parameters: dict[str, Any] | None = None, verified: Path | None = None,
                  probed: Path | None = None, formats: Iterable[str] = ("html",), **options: Any) -> Rendered:
    """Audit ``target`` (``options`` as for ``audited``) and render it into the folder ``out``."""
    return render(audited(Path(target), **options), out, parameters or {}, verified, probed, formats)


def render(ran: Audited, out: Path, parameters: dict[str, Any] | None = None, verified: Path | None = None,
           probed: Path | None = None, formats: Iterable[str] = ("html",)) -> Rendered:
    """Render a finished audit into the folder ``out``, which is made when missing.

    ``parameters`` are the notebook's: profile, hourly_rate, currency, engineers, budget_hours, date and more.
    ``verified`` is a verify.json of the same patches, ``probed`` a probe.json of the same code; ``formats`` are
    of FORMATS. Raises ConfigError for what the notebook, verify or probe did not make.
    """
    from readybook.verify.delivered import adopt, read_verified

    given, formats = {"profile": ran.config.profile, **(parameters or {})}, tuple(formats)
    if given["profile"] not in PROFILES:
        raise ConfigError(f"profile must be {' or '.join(PROFILES)}, not {given['profile']!r}")
    proven = read_verified(verified) if verified else None
    ran = with_probed(ran, probed) if probed else ran
    out = Path(out).absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".readybook-", dir=out.parent))
    try:
        ran = with_series(ran, staging / "patches")
        offered = (staging / "patches" / "series.json").is_file()
        if proven is not None and offered:
            adopt(staging / "patches", proven)
        (staging / "audit.json").write_text(ran.report.to_json(), encoding="utf-8", newline="\n")
        name = ran.report.target.name
        fixed = {"target": name, "report_json": "audit.json", "patches": "patches" if offered else ""}
        books = [AUDIT_BOOK, REMEDIATION_BOOK] if any((staging / "patches").glob("*.patch")) else [AUDIT_BOOK]
        books = books if {"html", "pdf"} & set(formats) else []
        if books:
            _pages(name, {**given, **fixed}, staging, books)
        problem = _exports(ran, given, staging, formats)
        _publish(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    patches = out / "patches" if offered else None
    html, notebook = (out / AUDIT_BOOK[1], out / f"{AUDIT_BOOK[0]}.ipynb") if books else (None, None)
    remediation = out / REMEDIATION_BOOK[1] if len(books) > 1 else None
    written = tuple(out / EXPORTS[f] for f in formats if f in EXPORTS and (out / EXPORTS[f]).is_file())
    return Rendered(html, notebook, out / "audit.json", patches, remediation, written, problem)


def _exports(ran: Audited, given: Mapping[str, Any], folder: Path, formats: tuple[str, ...]) -> str:
    """Write what else was asked for into ``folder``; returns why a PDF is missing, empty when none is."""
    from readybook.exports import TEXTS
    from readybook.pdf import print_pdf

    for name in formats:
        if name in TEXTS:
            text = TEXTS[name](ran, given, folder / "patches")
            (folder / EXPORTS[name]).write_text(text, encoding="utf-8", newline="")
    return print_pdf(folder / AUDIT_BOOK[1], folder / EXPORTS["pdf"], str(given.get("date", ""))) \
        if "pdf" in formats else ""


def _pages(target: str, parameters: dict[str, Any], folder: Path, books: Sequence[tuple[str, str]]) -> None:
    """Run the notebooks side by side, each in a kernel of its own, and write each with its page into ``folder``."""
    from readybook import notebooks

    known = {name: notebooks.parameters_of(name) for name, _ in books}
    notebooks.check_parameters(books[0][0], parameters, known[books[0][0]])
    ran = notebooks.run_notebooks(
        [(name, {key: value for key, value in parameters.items() if key in known[name]}) for name, _ in books], folder)
    for (name, page), notebook in zip(books, ran, strict=True):
        title = f"{TITLES[name]} of {clip(visible(target), 120)}"
        html = notebooks.to_html(notebook, title, notebooks.page_footer(), LEFT_OUT[parameters["profile"]])
        (folder / f"{name}.ipynb").write_text(notebooks.to_text(notebook), encoding="utf-8")
        (folder / page).write_text(html, encoding="utf-8", newline="\n")


def with_series(ran: Audited, folder: Path) -> Audited:
    """Work out the patches of an audit and write them into ``folder`` (not for a report from JSON).

    Where that is impossible the report comes back saying so; it is worth having without patches.
    """
    if ran.project is None or not ran.report.findings:
        return ran
    from readybook.patch import series
    from readybook.patchfiles import write_series

    try:
        made = series(ran.project, ran.checks, waived={w.fingerprint for w in ran.report.waived})
    except PatchError as error:
        missing = ("Patches", f"none were worked out: {error}")
        return replace(ran, report=replace(ran.report, not_checked=(*ran.report.not_checked, missing)))
    write_series(made, folder)
    return ran


def with_probed(ran: Audited, file: Path) -> Audited:
    """The audit with what the running service showed; raises ConfigError for a probe.json of other code."""
    from readybook.patch import base_digest
    from readybook.probe.observed import fits, read_probed, with_observed

    seen = read_probed(file)
    if ran.project is not None and not fits(seen, base_digest(ran.project)):
        raise ConfigError(f"{file.name}: is about another state of the target; probe it again")
    return replace(ran, report=with_observed(ran.report, seen, ran.checks))


def _publish(staging: Path, out: Path) -> None:
    """Put what is in ``staging`` in place of what a former run left in ``out``; other files there stay."""
    out.mkdir(exist_ok=True)
    staging.chmod(0o755)
    if (out / "patches").is_dir():
        os.rename(out / "patches", staging / "replaced")
    pages = [made for name, page in (AUDIT_BOOK, REMEDIATION_BOOK) for made in (f"{name}.ipynb", page)]
    for made in ("patches", "audit.json", *pages, *EXPORTS.values()):
        if (staging / made).exists():
            os.replace(staging / made, out / made)
        elif made in (*pages, *EXPORTS.values()):
            (out / made).unlink(missing_ok=True)
