"""PER019: objects of an asynchronous session that ask the database when an attribute is read."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.values import Unknown, by_default
from readybook.finding import Answer
from readybook.intents import SetKeyword
from readybook_checks.performance.lazy_reads import LazyRead, lazy_reads
from readybook_checks.performance.per019_lazy_load_in_async.examples import EXAMPLES
from readybook_checks.performance.per019_lazy_load_in_async.expiring import (
    LateRead,
    late_reads,
    makers,
    own_reads,
    stays,
)
from readybook_checks.performance.per019_lazy_load_in_async.held import held
from readybook_checks.performance.query_edit import loading


class LazyLoadInAsync(Check):
    """An object of an AsyncSession loads at first touch, which fails with MissingGreenlet.

    Looked at: relationships read (in code, or by a response model) on objects of an ``AsyncSession`` whose query did
    not load them, and session factories without ``expire_on_commit=False`` whose objects are read after a commit. A
    plain attribute cannot wait for the database: SQLAlchemy raises MissingGreenlet and the request answers 500. Eager
    options, ``lazy="selectin"``, ``refresh()`` and ``awaitable_attrs`` are right.

    High where such a read is shown; a factory without one in sight is low. Fix: ``selectinload`` at the query,
    ``expire_on_commit=False`` at the factory.
    """

    id = "PER019"
    name = "lazy-load-in-async"
    category = "performance"
    severity = "high"
    hours = Hours(0.5, 2, 4, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html"
                  "#preventing-implicit-io-when-using-asyncsession",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each read that fails and each factory whose objects expire; a Right for each that is safe."""
        reads = [r for r in lazy_reads(project)
                 if r.rows.query.session == "async" and r.rows.query.style != "query"]  # which an AsyncSession has not
        made = makers(project)
        late = late_reads(project) if made else []
        for read in reads:
            if read.loaded or held(project, read, made):
                yield Right(read.place, "loaded with its object" if read.loaded else "loaded by the handler before")
            else:
                yield _lazy(project, read)
        for call in made:
            yield _factory(call, own_reads(call, late, made))
        if not reads and not made:
            yield NotApplicable("no asynchronous session is set up, and no relationship is read on its objects")


def _lazy(project: Project, read: LazyRead) -> Finding:
    query, model = read.rows.query, read.rows.model
    name = f"{model.name}.{read.relationship}"
    reader = f"{read.schema} of {read.route.method} {read.route.path}" if read.route else read.function.name
    message = (f"{reader} reads {name}, which the query ({query.place}) on an AsyncSession does not load: it fails "
               "with MissingGreenlet.")
    intents = loading(project, query, read.relationship) if not read.rows.path else ()
    if intents:
        fix = Fix("Load the relationship with the query", intents, safety="review",
                  reason="the query reads the related rows always, also where they are not needed")
    else:
        steps = ".".join(f"selectinload({s})" for s in (*read.rows.path, read.relationship))
        fix = advice(f"Add .options({steps}) to the query, each step as an attribute of its model",
                     "the query is not written in one piece, or the way to the relationship has several steps")
    # the other end of a relationship may be in the session already, and then nothing is loaded
    sure = read.many is True
    chain = (query.place,) if query.place != read.place else ()
    return Finding(read.place, message, "high" if sure else "medium", confidence="high" if sure else "medium", fix=fix,
                   chain=chain)


def _factory(call: Call, late: list[LateRead]) -> Answer:
    given = by_default(call.kwargs.get("expire_on_commit", True))
    if given is False:
        return Right(call.place, "objects keep their values at commit")
    if isinstance(given, Unknown) or "**" in call.kwargs and "expire_on_commit" not in call.kwargs:
        return CannotTell("whether objects expire at commit is not in the code", call.place)
    if not late and stays(call):
        return Right(call.place, "nothing is read of its objects after a commit")
    fix = Fix("Keep the values of objects at commit", (SetKeyword(call.place, call.last, "expire_on_commit", "False"),),
              safety="review", reason="an object that is used on after a commit shows the values it had then, until it "
                                      "is refreshed")
    if late:
        first = late[0]
        more = f" (and {len(late) - 1} more)" if len(late) > 1 else ""
        return Finding(
            call.place, f"Objects expire at commit, and {first.function} reads {first.text} after one ({first.place})"
            f"{more}: it fails with MissingGreenlet.", "high", fix=fix, chain=tuple(r.place for r in late[:5]))
    return Finding(call.place, f"Sessions of {call.last}() expire their objects at commit: an attribute that is read "
                   "afterwards fails with MissingGreenlet.", "low", fix=fix)
