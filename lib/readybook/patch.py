"""Patches: the fixes that checks offer, carried out one check after the other and proven before they are offered.

A series is stacked: each patch is worked out on the tip that the ones before it left, so fixes that touch one place
compose. Beside it stands each patch alone on the base. A patch is offered only when its check, asked again, no longer
finds what it fixed and has nothing more to fix, and when every Python file it changes still parses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from readybook.attempts import Attempt, attempts
from readybook.check import Check
from readybook.fixing_order import fixing_order, saved_hours
from readybook.gitpatch import Commit, PatchRepository, diff_part, short_subject
from readybook.patchlinks import Stacked, conflicts, requirements
from readybook.project import Project
from readybook.records import record
from readybook.run import ask_all, without_collector

SCHEMA_VERSION = 1
LISTED = 40


@record
class Change:
    """One file's text before (None: it is new) and after a patch, for display."""

    path: str
    before: str | None
    after: str


@record
class Patch:
    """One check's fixes as a commit.

    ``number`` is its position in the series, from 1; ``requires`` and ``conflicts`` are numbers of others:
    ``requires`` those that must be applied before it, ``conflicts`` those whose single form excludes its own.
    ``effort_saved`` is in hours; ``data`` holds the bytes of the file, ``sha256`` their digest; ``verified`` is None
    until ``verify`` has run.
    """

    number: int
    file: str
    check: str
    title: str
    safety: str
    reason: str
    fingerprints: tuple[str, ...]
    paths: tuple[str, ...]
    effort_saved: float
    message: str
    data: bytes = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)
    requires: tuple[int, ...] = ()
    conflicts: tuple[int, ...] = ()
    verified: dict[str, Any] | None = None

    @property
    def diff(self) -> str:
        """The unified diff, without the mail around it."""
        return diff_part(self.data).decode("utf-8", "replace")

    @property
    def sha256(self) -> str:
        """The digest of the patch file."""
        return hashlib.sha256(self.data).hexdigest()

    def _repr_html_(self) -> str:
        from readybook.diffs import patch_html
        from readybook.seriesview import view

        return str(patch_html(view(self)))

    def to_dict(self) -> dict[str, Any]:
        """The patch's entry in series.json."""
        return {
            "number": self.number, "file": self.file, "check": self.check, "title": self.title, "safety": self.safety,
            "reason": self.reason, "requires": list(self.requires), "conflicts": list(self.conflicts),
            "fingerprints": list(self.fingerprints), "paths": list(self.paths), "effort_saved": self.effort_saved,
            "sha256": self.sha256, "verified": self.verified,
        }


@record
class Unfixed:
    """A finding that no patch of the series cures, and why."""

    fingerprint: str
    check: str
    place: str
    reason: str


@record
class Series:
    """All patches for a target: stacked in ``patches``, each alone on the base in ``single``."""

    target: str
    commit: str | None
    base_digest: str
    patches: tuple[Patch, ...] = ()
    single: tuple[Patch, ...] = ()
    unfixed: tuple[Unfixed, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The series as series.json of the contract."""
        return {
            "schema_version": SCHEMA_VERSION, "target": self.target, "commit": self.commit,
            "base_digest": self.base_digest, "patches": [p.to_dict() for p in self.patches],
            "unfixed": [{"fingerprint": u.fingerprint, "check": u.check, "place": u.place, "reason": u.reason}
                        for u in self.unfixed],
        }


def series(
    project: Project, checks: Sequence[Check], *, unsafe: bool = False, waived: Collection[str] = (),
    on_request: bool = False,
) -> Series:
    """Work out the patches of the given checks.

    ``waived``: fingerprints of findings that stay as they are. ``unsafe`` admits fixes that change public behaviour,
    ``on_request`` takes the further-reaching cure of a finding. Raises PatchError when git is missing.
    """
    with without_collector():
        asked = ask_all(checks, project)
        order = fixing_order(checks, {i: a.findings for i, a in asked.items()}, unsafe)
        stacked, singles = attempts(project, order, asked, (unsafe, waived, on_request))
    tip, made, unfixed, begun = project, list[_Made](), list[Unfixed](), frozenset[str]()
    for check, attempt, alone in zip(order, stacked, singles, strict=True):
        unfixed += [Unfixed(print_, check.id, str(f.place), why) for print_, f, why in attempt.unfixed]
        if attempt.texts:
            after = tip.with_files(attempt.texts)
            made.append(_Made(check, attempt, alone if alone.texts else None, tip, after, begun))
            tip, begun = after, begun | {check.hours.once[0]}
    rank = {check.id: number for number, check in enumerate(checks)}
    unfixed.sort(key=lambda u: rank[u.check])
    return _in_git(project, made, tuple(unfixed))


@record
class _Made:
    check: Check
    attempt: Attempt
    alone: Attempt | None
    before: Project
    after: Project
    begun: frozenset[str]  # pieces of work that earlier patches of the series did

    def saved(self, attempt: Attempt) -> float:
        """Likely hours that one of its two attempts saves: alone on the base, nothing was begun before it."""
        return saved_hours(self.check, [f for _, f in attempt.fixed], () if attempt is self.alone else self.begun)


def _in_git(project: Project, made: list[_Made], unfixed: tuple[Unfixed, ...]) -> Series:
    """The attempts as commits and mails, with what requires and excludes what."""
    digest = base_digest(project)
    head = Series(project.name, project.commit, digest, unfixed=unfixed)
    if not made:
        return head
    touched = {path for one in made for path in (*one.attempt.texts, *(one.alone.texts if one.alone else ()))}
    held = {path: project.files[path].data for path in sorted(touched) if path in project.files}
    with PatchRepository(held, _executable(project, held)) as repository:
        mails = repository.formatted([_commit(m, m.after, m.attempt) for m in made])
        singles = [
            repository.formatted([_commit(m, project.with_files(m.alone.texts), m.alone)])[0] if m.alone else None
            for m in made
        ]
        stacked = [Stacked(diff_part(mail), diff_part(single) if single else None)
                   for mail, single in zip(mails, singles, strict=True)]
        needs, excludes = requirements(repository, stacked), conflicts(repository, stacked)
    patches, alone = list[Patch](), list[Patch]()
    for n, one in enumerate(made):
        patch = replace(_patch(n + 1, one, one.attempt, one.before, mails[n]),
                        requires=tuple(k + 1 for k in needs[n]), conflicts=tuple(k + 1 for k in excludes[n]))
        patches.append(patch)
        single = singles[n]
        if one.alone and single:
            alone.append(replace(_patch(n + 1, one, one.alone, project, single), conflicts=patch.conflicts))
    return replace(head, patches=tuple(patches), single=tuple(alone))


def _commit(one: _Made, after: Project, attempt: Attempt) -> Commit:
    files = {path: after.files[path].data for path in attempt.texts}
    return Commit(_message(one, attempt), files, _executable(after, files))


def _executable(project: Project, paths: Collection[str]) -> frozenset[str]:
    return frozenset(path for path in paths if project.files[path].executable)


def _patch(number: int, one: _Made, attempt: Attempt, before: Project, mail: bytes) -> Patch:
    check = one.check
    safety, reason = _safety(attempt)
    changes = tuple(Change(path, before.text(path) if path in before.files else None, text)
                    for path, text in sorted(attempt.texts.items()))
    return Patch(
        number, f"{number:04d}-{check.id}-{check.name}.patch", check.id, check.title(), safety, reason,
        tuple(p for p, _ in attempt.fixed), tuple(sorted(attempt.texts)),
        one.saved(attempt), _message(one, attempt), mail, changes,
    )


def _safety(attempt: Attempt) -> tuple[str, str]:
    """The least safe of the fixes carried out, and the reasons that such fixes give."""
    order = ("sketch", "review", "safe")
    fixes = [f.fix for _, f in attempt.fixed if f.fix]
    worst = min((fix.safety for fix in fixes), key=order.index)
    reasons = dict.fromkeys(fix.reason for fix in fixes if fix.safety == worst and fix.reason)
    return worst, "; ".join(reasons)


def _message(one: _Made, attempt: Attempt) -> str:
    """The commit message: what, why, which findings, how safe, what it saves, how it was tried."""
    check = one.check
    safety, reason = _safety(attempt)
    title = _plain(check.title())
    titles = dict.fromkeys(_plain(f.fix.title) for _, f in attempt.fixed if f.fix)
    hours = one.saved(attempt)
    parts = [
        f"fix({check.id}): {_subject([*titles] or [title])}", title, "What: " + "; ".join(titles),
        _why(check),
        _listed("Findings fixed:", [str(f.place) for _, f in attempt.fixed]),
        _listed("Findings not fixed:", [f"{f.place}: {why}" for _, f, why in attempt.unfixed]),
        f"Safety: {safety}" + (f". {_plain(reason)}" if reason else ""),
        f"Effort saved: {hours:.1f} hours",
        f"Verified: every changed Python file parses, and {check.id}, asked again, finds none of the places above.",
        *(f"Note: {_plain(note)}" for note in attempt.notes),
        f"Readybook-Check: {check.id}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _subject(titles: list[str]) -> str:
    """The first of the titles, and how many others there are: a subject that told of one would hide them."""
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    return short_subject(titles[0], 59 - len(more)) + more


def _why(check: Check) -> str:
    """The first paragraph of a check's explanation, under the heading it has or as the reason."""
    text = _plain(check.explanation().split("\n\n")[0])
    return text if not text or re.match(r"[A-Z][\w ]{0,20}:", text) else f"Why: {text}"


def _listed(head: str, items: list[str]) -> str:
    if not items:
        return ""
    rows = [f"- {_plain(item)}" for item in items[:LISTED]]
    rows += [f"- and {len(items) - LISTED} more"] if len(items) > LISTED else []
    return "\n".join([head, *rows])


def _plain(text: str) -> str:
    """One line without control characters: what the target's author wrote must not end the message or start a diff."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def base_digest(project: Project) -> str:
    """A digest of all text files of a project: the same bytes at the same paths give the same digest."""
    digest = hashlib.sha256()
    for path in sorted(project.files):
        data = project.files[path].data
        digest.update(f"{path}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        digest.update(data)
    return digest.hexdigest()


def write(made: Series, out: Path) -> list[Path]:
    """Write a series to a folder (see ``readybook.patchfiles``); returns the files, series.json last."""
    from readybook.patchfiles import write_series

    return write_series(made, out)


def apply_to(target: Path, made: Series) -> str:
    """Commit a series on a new branch of the target's repository; returns the branch's name. Raises PatchError."""
    from readybook.patchfiles import apply_series

    return apply_series(target, made)
