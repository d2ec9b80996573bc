"""The explorer in JupyterLab: choose a target, look at findings and their fixes, choose fixes, write their patches.

Widgets are built only where a person can use them: when the caller wants them and the kernel was started by a front end
that shows them. Everywhere else each part is a static table, and a notebook that was run with widgets carries those
tables too, for whatever cannot show widgets. The widgets are plain controls that the keyboard reaches: Tab between
them, arrows in lists, Space to tick, Enter to press.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from readybook import display, exploration, story, tables, workbook
from readybook.choosing import ORDERS, Choices
from readybook.errors import ReadybookError
from readybook.markup import Html, el, join
from readybook.records import record
from readybook.run import described
from readybook.severity import SEVERITIES
from readybook.workbook import Audit

WIDE = {"width": "100%", "max_width": "1240px"}


@record
class View:
    """What a cell shows: widgets, and the same as static HTML for what shows none."""

    html: Html
    text: str
    widget: Any = None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        own = {} if self.widget is None else self.widget._repr_mimebundle_()
        return {**own, "text/html": str(display.dressed(self.html)), "text/plain": self.text}


def person_is_there() -> bool:
    """Whether a front end that shows widgets started this kernel: Jupyter's server says so, and VS Code does."""
    if os.environ.get("JPY_SESSION_NAME"):
        return True
    running = sys.modules.get("IPython")  # a kernel has loaded it
    shell = running.get_ipython() if running else None
    return shell is not None and "__vsc_ipynb_file__" in shell.user_ns


def explore(audit: Audit, *, interactive: bool = True, engineers: int = 1, hours_per_week: float = 30.0,
            target: str = "", only: str = "", skip: str = "", out: str = "") -> Explorer:
    """The explorer of an audit. ``only`` and ``skip`` hold for targets that are chosen later, too; ``out`` is the
    folder that chosen patches are written to unless the reader names another."""
    def opened(name: str) -> Audit:
        return workbook.open_audit(name, only=only, skip=skip)

    return Explorer(audit, interactive and person_is_there(), engineers, hours_per_week, target, out, opened)


class Explorer:
    """One audit at a time, and the parts that show it; choosing another target changes them all."""

    def __init__(self, audit: Audit, live: bool, engineers: int, hours_per_week: float, target: str, out: str,
                 opened: Callable[[str], Audit]) -> None:
        self.live, self.engineers, self.hours_per_week = live, engineers, hours_per_week
        self.name, self.out, self.opened = target, out, opened
        self.ticked: tuple[str, ...] = ()
        self._watching: dict[str, Callable[[], None]] = {}
        self.take(audit)

    def take(self, audit: Audit) -> None:
        """Show another audit."""
        self.audit = audit
        self.choices = Choices(audit.report, audit.series, self.engineers, self.hours_per_week)
        self.ticked = ()
        for refresh in self._watching.values():
            refresh()

    def summary(self) -> str:
        """The figures to compare between two runs, as plain lines."""
        everything = self.choices.outcome([p.result.id for p in self.choices.priorities])
        day = self.choices.outcome(self.choices.within(8))
        return "\n".join([
            f"findings: {len(self.choices.rows)}, fixes: {len(self.choices.priorities)}, "
            f"patches: {len(self.choices.patches)}",
            f"8 hours: {exploration.points(day.before.overall)} -> {exploration.points(day.after.overall)}",
            f"all: {exploration.points(everything.before.overall)} -> {exploration.points(everything.after.overall)}",
        ])

    def target(self) -> View:
        """Which codebase is looked at; another one can be chosen."""
        report = self.audit.report
        html = join([display.header(report), display.at_a_glance(report)])
        return View(html, f"Explorer of {report.target.name}", self._shown("target", TargetPart))

    def findings(self) -> View:
        """Every finding: filtered and sorted, with its code and its fix."""
        report = self.audit.report
        table = display.table_html(tables.findings(report))
        html = table if self.live else join([table, display.findings_html(report)])
        return View(html, story.plural(len(report.findings), "open finding"), self._shown("findings", FindingsPart))

    def fixes(self) -> View:
        """Which fixes to make, and what they buy and take."""
        everything = self.choices.outcome([p.result.id for p in self.choices.priorities])
        html = join([display.table_html(exploration.fixes_table(self.choices)),
                     el("h3", "With all of them"), exploration.outcome_html(everything)])
        return View(html, story.plural(len(self.choices.priorities), "fix", "fixes"), self._shown("fixes", FixesPart))

    def write(self) -> View:
        """The patches of the chosen fixes, as files."""
        words = ("In JupyterLab the patches of the fixes ticked above are written from here. Elsewhere: ",
                 el("code", "readybook fix TARGET --only ID,ID --out DIR"), " makes the same series.")
        return View(el("p", words, class_="none"), "Write the chosen patches", self._shown("write", WritePart))

    def _shown(self, name: str, part: type[Part]) -> Any:
        if not self.live:
            return None
        made = part(self)
        self._watching[name] = made.refresh
        made.refresh()
        return made.box


class Part:
    """One cell's widgets. ``box`` holds them; ``refresh`` fits them to the explorer's audit."""

    def __init__(self, explorer: Explorer) -> None:
        import ipywidgets

        self.explorer, self.kit = explorer, ipywidgets
        self.box = ipywidgets.VBox(self.build(), layout=WIDE)
        self.box.add_class("readybook-part")

    def build(self) -> list[Any]:
        """Make the widgets."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Fit the widgets to the audit."""
        raise NotImplementedError

    def html(self) -> Any:
        """A place for text."""
        return self.kit.HTML()

    def row(self, *widgets: Any) -> Any:
        """Widgets beside each other, on more lines where there is no room."""
        return self.kit.HBox(widgets, layout={"flex_flow": "row wrap", "align_items": "center"})

    def button(self, text: str, press: Callable[[], None]) -> Any:
        """A button that is out of use while its work runs."""
        made = self.kit.Button(description=text, layout={"width": "auto"})

        def pressed(_: Any) -> None:
            made.disabled = True
            try:
                press()
            finally:
                made.disabled = False

        made.on_click(pressed)
        return made


class TargetPart(Part):
    """The folder to audit and what the audit says in short."""

    def build(self) -> list[Any]:
        names = dict.fromkeys((*([self.explorer.name] if self.explorer.name else []), *workbook.sample_targets()))
        self.folder = self.kit.Combobox(value=self.explorer.name, options=list(names), description="Target",
                                        placeholder="folder of a codebase", layout={"width": "28rem"})
        self.about = self.html()
        return [self.row(self.folder, self.button("Audit this target", self.audit)), self.about]

    def audit(self) -> None:
        """Audit the folder that is named and show it everywhere."""
        self.about.value = says(f"Auditing {self.folder.value} …")
        try:
            found = self.explorer.opened(self.folder.value)
        except ReadybookError as error:
            self.about.value = says(described(error).partition(": ")[2])
            return
        self.explorer.take(found)

    def refresh(self) -> None:
        report = self.explorer.audit.report
        self.about.value = str(display.dressed(join([display.header(report), display.at_a_glance(report)])))


class FindingsPart(Part):
    """A list of findings that filters and sorts, and the one that is chosen in full."""

    def build(self) -> list[Any]:
        drop = self.kit.Dropdown
        self.severity = drop(options=[("any", ""), *((s, s) for s in SEVERITIES)], description="Severity")
        self.category = drop(options=[("any", ""), *((t, n) for n, t in story.CATEGORY_TITLES.items())],
                             description="Category")
        self.order = drop(options=[(f"by {order}", order) for order in ORDERS], description="Sort")
        self.words = self.kit.Text(description="Filter", placeholder="words to look for")
        self.list = self.kit.Select(rows=12, layout={"width": "auto"}, description="Findings")
        self.list.add_class("readybook-list")
        self.count, self.detail = self.html(), self.html()
        for control in (self.severity, self.category, self.order, self.words):
            control.observe(lambda _: self.refresh(), "value")
        self.list.observe(lambda _: self.show(), "value")
        return [self.row(self.severity, self.category, self.order, self.words), self.count, self.list, self.detail]

    def refresh(self) -> None:
        choices = self.explorer.choices
        rows = choices.select(self.severity.value, self.category.value, self.words.value, self.order.value)
        self.rows = {row.fingerprint: row for row in rows}
        options = [(exploration.row_label(row), row.fingerprint) for row in rows]
        kept = self.list.value if self.list.value in self.rows else next(iter(self.rows), None)
        if options != list(self.list.options):
            self.list.options = options
        self.list.value = kept
        self.count.value = says(f"{len(rows)} of {story.plural(len(choices.rows), 'finding')}")
        self.show()

    def show(self) -> None:
        """The chosen finding in full."""
        row = self.rows.get(self.list.value)
        ran = self.explorer.audit.ran
        self.detail.value = "" if row is None else str(exploration.detail(row, ran.project if ran else None))


class FixesPart(Part):
    """A box to tick for each fix, and what the ticked ones buy and take."""

    def build(self) -> list[Any]:
        self.hours = self.kit.BoundedFloatText(value=8, min=0, max=100_000, step=1, description="Hours",
                                               layout={"width": "11rem"})
        self.boxes = self.kit.VBox(layout={"max_height": "24rem", "overflow": "auto"})
        self.boxes.add_class("readybook-boxes")
        self.known: dict[str, Any] = {}
        self.setting = False
        self.result = self.html()
        bar = self.row(self.hours, self.button("Tick the best for these hours", self.best),
                       self.button("Tick all", lambda: self.tick(tuple(self.known))),
                       self.button("Tick all with a patch", lambda: self.tick(tuple(self.explorer.choices.patches))),
                       self.button("Tick none", lambda: self.tick(())))
        return [bar, self.boxes, self.result]

    def refresh(self) -> None:
        choices = self.explorer.choices
        self.known = {}
        for priority in choices.priorities:
            box = self.kit.Checkbox(value=False, indent=False, description=exploration.fix_label(priority, choices),
                                    layout={"width": "auto"})
            box.observe(lambda change, id_=priority.result.id: self.changed(id_, change["new"]), "value")
            self.known[priority.result.id] = box
        self.boxes.children = tuple(self.known.values())
        self.tick(())

    def changed(self, id_: str, on: bool) -> None:
        """One box was ticked or unticked: what it needs comes with it, what needs it goes with it."""
        if self.setting:
            return
        choices, now = self.explorer.choices, self.explorer.ticked
        self.tick(choices.ticked((*now, id_)) if on else choices.unticked(now, id_))

    def best(self) -> None:
        """Tick what raises the score most within the hours."""
        self.tick(self.explorer.choices.within(self.hours.value))

    def tick(self, ids: tuple[str, ...]) -> None:
        """Tick exactly these fixes and those they need."""
        outcome = self.explorer.choices.outcome(ids)
        self.explorer.ticked = outcome.ids
        self.setting = True
        for id_, box in self.known.items():
            box.value = id_ in outcome.ids
        self.setting = False
        self.result.value = str(display.dressed(exploration.outcome_html(outcome)))


class WritePart(Part):
    """The folder for the patches of the ticked fixes."""

    def build(self) -> list[Any]:
        self.folder = self.kit.Text(value=self.explorer.out, description="Folder", layout={"width": "28rem"})
        self.said = self.html()
        return [self.row(self.folder, self.button("Write the chosen patches", self.write)), self.said]

    def refresh(self) -> None:
        self.said.value = says("Tick fixes above first; those without a patch are left out.")

    def write(self) -> None:
        """Work out the series of the ticked fixes alone, and write it."""
        ran = self.explorer.audit.ran
        ids = [id_ for id_ in self.explorer.ticked if id_ in self.explorer.choices.patches]
        if ran is None or ran.project is None:
            self.said.value = says("The audit was loaded from its JSON: open the target itself to write patches.")
        elif not ids or not self.folder.value:
            self.said.value = says("Tick a fix that has a patch, and name a folder.")
        else:
            self.said.value = says(f"Working out {story.plural(len(ids), 'patch', 'patches')} …")
            try:
                self.said.value = wrote(workbook.write_patches(ran, ids, Path(self.folder.value)), self.folder.value)
            except (ReadybookError, OSError) as error:
                self.said.value = says(described(error).partition(": ")[2])


def says(text: str) -> str:
    """One line for a person."""
    return str(display.dressed(el("p", text, class_="rest")))


def wrote(names: list[str], folder: str) -> str:
    """Which files were written."""
    count = story.plural(len(names), "patch", "patches")
    head = el("p", f"{count} in {folder}; series.json beside them tells the order.")
    return str(display.dressed(join([head, el("ul", [el("li", el("code", name)) for name in names])])))
