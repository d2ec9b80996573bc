"""Intents: what a fix wants to be true of the target, free of text positions where it can be.

A fix lists intents; ``readybook.edits`` carries them out on the text of the target, as it is when their turn comes, so
fixes that touch one place compose. Code fragments are Python source text. Every intent is idempotent: carrying it out
where it already holds changes nothing. Intents that name a ``place`` find their node again by its line and the name
they carry.
"""

from __future__ import annotations


from readybook.place import Place
from readybook.records import record


@record
class SetKeyword:
    """The call at ``place`` to ``call`` (its last name, e.g. ``FastAPI``) has ``keyword`` set to ``value``."""

    place: Place
    call: str
    keyword: str
    value: str


@record
class RemoveKeyword:
    """The call at ``place`` to ``call`` has no argument ``keyword``."""

    place: Place
    call: str
    keyword: str


@record
class ReplaceExpression:
    """The expression at ``place`` whose text is ``old`` (white space aside) reads ``new``."""

    place: Place
    old: str
    new: str


@record
class ReplaceDefault:
    """The variable, class attribute or setting ``name`` assigned at ``place`` has the value ``value``.

    ``annotation`` replaces the annotation when given; ``value`` None drops the value and leaves a bare annotation.
    """

    place: Place
    name: str
    value: str | None
    annotation: str | None = None


@record
class EnsureParameter:
    """The function ``function`` at ``place`` has the parameter ``name``; when not, ``name: annotation = default`` is
    added after all that can be given by position. An empty ``default``: it has none, and comes first."""

    place: Place
    function: str
    name: str
    annotation: str
    default: str


@record
class EnsureMethod:
    """The class named ``owner`` around ``place`` has the method ``name``; else ``code`` ends its body."""

    place: Place
    owner: str
    name: str
    code: str


@record
class MakeSync:
    """The ``async def`` named ``name`` at ``place`` is a plain ``def``."""

    place: Place
    name: str


@record
class MakeAsync:
    """The ``def`` named ``name`` at ``place`` is an ``async def``."""

    place: Place
    name: str


@record
class RemoveStatement:
    """The assignment or class ``name`` that stands at ``place`` is gone; a body is never left empty."""

    place: Place
    name: str


@record
class ReplaceStatement:
    """The simple statement that begins at ``place`` and whose text is ``old`` (white space aside) reads ``new``."""

    place: Place
    old: str
    new: str


@record
class RunInOwnLoop:
    """The ``async def`` named ``name`` at ``place`` is a plain function that runs ``_name``, its old body, through."""

    place: Place
    name: str


@record
class Decorate:
    """The function ``name`` at ``place`` has ``decorator`` (source text without the ``@``), nearest to it."""

    place: Place
    name: str
    decorator: str


@record
class EnsureImport:
    """``from module import name [as alias]`` stands in ``path``; with ``name`` None, ``import module [as alias]``."""

    path: str
    module: str
    name: str | None = None
    alias: str | None = None


@record
class RemoveUnusedImport:
    """The name ``name`` is no longer imported in ``path`` when nothing there uses it any more."""

    path: str
    name: str


@record
class EnsureModuleStatement:
    """``statement`` stands at module level of ``path``, after the imports, unless ``name`` is already bound there.

    ``last``: at the end of the module instead, where it may use what the module defines.
    """

    path: str
    name: str
    statement: str
    last: bool = False


@record
class EnsureSetting:
    """The project's settings class (extended, or made when there is none) has the field ``name``.

    ``annotation`` and ``default`` are source text; ``default`` None means required. ``env`` is the variable it is read
    from, ``example`` its value in the .env.example line, ``meaning`` the comment there.
    """

    name: str
    annotation: str
    default: str | None
    env: str
    example: str = ""
    meaning: str = ""
    secret: bool = False


@record
class EnsureEnvExample:
    """``path`` (a .env.example) documents the variable ``name``; ``commented``: as a line that is commented out."""

    path: str
    name: str
    value: str
    comment: str = ""
    commented: bool = False


@record
class EnsureIgnored:
    """The ignore file ``path`` (made when missing) has the lines ``patterns``, under ``comment`` where they are new."""

    path: str
    patterns: tuple[str, ...]
    comment: str = ""


@record
class EventsToLifespan:
    """The application built at ``place`` runs its start-up and shutdown handlers from one lifespan.

    ``startup`` and ``shutdown`` are the places of the handlers' ``def``, in order of registration.
    """

    place: Place
    startup: tuple[Place, ...]
    shutdown: tuple[Place, ...]


@record
class CloseAtShutdown:
    """The lifespan of the application built at ``place`` (made when there is none) runs ``statement`` when it ends.

    ``path`` and ``name``: the module-level name that the statement begins with (after ``await``), imported where the
    lifespan stands. ``lifespan`` is the place of the lifespan's ``def`` where it has one.
    """

    place: Place
    path: str
    name: str
    statement: str
    lifespan: Place | None = None


@record
class EnsureRouter:
    """The application built at ``place`` includes ``name`` imported from ``module``, and nothing is included twice."""

    place: Place
    module: str
    name: str


@record
class SetUpApp:
    """The application built at ``place`` is handed to ``name``, imported from ``module``, right after it is built.

    ``outermost``: after its block has added all its middleware, so that what ``name`` adds is around them.
    """

    place: Place
    module: str
    name: str
    outermost: bool = False


@record
class EnsureMiddleware:
    """The application built at ``place`` adds the middleware ``name``, imported from ``module``, after it is built.

    ``arguments`` is the source text of the middleware's own arguments. A block that adds it already is left alone.
    """

    place: Place
    module: str
    name: str
    arguments: str = ""


@record
class AddFile:
    """``path`` exists; when it does not, it is made with ``text``."""

    path: str
    text: str


@record
class EnsureRequirement:
    """The project declares ``name`` (with ``extras``) at ``specifier`` in the file and style it already uses.

    ``group`` is ``main`` or ``dev``.
    """

    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    group: str = "main"


@record
class EnsureTomlTable:
    """The TOML file ``path`` has ``table`` (dotted) with each of ``values`` unless already set there."""

    path: str
    table: str
    values: tuple[tuple[str, object], ...]


@record
class InsertInstruction:
    """The Dockerfile ``path`` has ``text`` in the stage that starts at line ``stage``, before its ``before`` word."""

    path: str
    stage: int
    text: str
    before: tuple[str, ...] = ("CMD", "ENTRYPOINT")


@record
class ReplaceInstruction:
    """The Dockerfile instruction at ``place`` (with its continuation lines) reads ``text``."""

    place: Place
    text: str


@record
class ReplaceLineText:
    """Line ``place.line`` of a text file has ``new`` where it has ``old``."""

    place: Place
    old: str
    new: str


@record
class EnsureComposeService:
    """The compose file ``path`` has a service ``name``; ``text`` is what stands below it, indented by steps of two."""

    path: str
    name: str
    text: str


@record
class EnsureComposeVariable:
    """The service ``service`` of the compose file ``path`` has the environment variable ``name``.

    A new one gets the text ``value``.
    """

    path: str
    service: str
    name: str
    value: str


@record
class AppendLine:
    """The text file ``path`` ends with ``line`` unless it has a line that matches ``unless`` (a regular expression)."""

    path: str
    line: str
    unless: str


@record
class GuardStatement:
    """The statement that begins at ``place`` and calls ``call`` stands below ``if condition:``, or another ``word``."""

    place: Place
    call: str
    condition: str
    word: str = "if"


@record
class EnsureBefore:
    """Right before the statement that begins on the line of ``place`` stands ``statement``."""

    place: Place
    statement: str


@record
class EnsureAfter:
    """Right after the statement that begins on the line of ``place`` stands ``statement``."""

    place: Place
    statement: str


@record
class EnsureEntry:
    """The dict display that begins at ``place``, or the one under ``keys`` in it, has an entry ``key``.

    ``value`` is the source text of what a new entry holds. Where there is one and both are lists, it gets the elements
    that it lacks.
    """

    place: Place
    keys: tuple[str, ...]
    key: str
    value: str


Intent = (
    SetKeyword | RemoveKeyword | ReplaceExpression | ReplaceDefault | EnsureParameter | EnsureMethod | MakeSync
    | MakeAsync | RemoveStatement | ReplaceStatement | RunInOwnLoop | Decorate | EnsureImport | RemoveUnusedImport
    | EnsureModuleStatement | EnsureSetting | EnsureEnvExample | EnsureIgnored | EventsToLifespan | CloseAtShutdown
    | EnsureRouter | SetUpApp | EnsureMiddleware | AddFile | EnsureRequirement | EnsureTomlTable | InsertInstruction
    | ReplaceInstruction | ReplaceLineText | EnsureComposeService | EnsureComposeVariable | AppendLine | GuardStatement
    | EnsureBefore | EnsureAfter | EnsureEntry
)
