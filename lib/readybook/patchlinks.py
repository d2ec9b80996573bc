"""Which patches of a series need which, and which exclude each other: worked out by trying them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from readybook.gitpatch import PatchRepository
from readybook.records import record


@record
class Stacked:
    """One patch of a series as diffs: on the ones before it, and alone on the base (None when it has no such form)."""

    diff: bytes
    single: bytes | None

    @property
    def paths(self) -> frozenset[str]:
        """The headers of the files that either form touches."""
        return frozenset(added_lines(self.diff)) | frozenset(added_lines(self.single or b""))


def requirements(repository: PatchRepository, patches: Sequence[Stacked]) -> list[tuple[int, ...]]:
    """For each patch the indexes of the earlier ones it needs, everything that those need included.

    A patch needs another when its stacked diff does not apply without it, or when it leaves out a line that it would
    have written itself had the other not written it (an import, a setting).
    """
    needs: list[tuple[int, ...]] = []
    for number, patch in enumerate(patches):
        related = [n for n in range(number) if patches[n].paths & patch.paths]
        meant = {n for n in related if _supplies(patches[n], patch)}
        wanted = _closed(meant, needs)
        if _unexplained(patch, [patches[n] for n in wanted]):
            wanted = _closed({*meant, *(n for n in related if patches[n].paths & patch.paths)}, needs)
        needs.append(_enough(repository, patches, number, related, wanted, needs))
    return needs


def _enough(
    repository: PatchRepository, patches: Sequence[Stacked], number: int, related: list[int], wanted: set[int],
    needs: list[tuple[int, ...]],
) -> tuple[int, ...]:
    """The smallest set found by leaving out one related patch after the other, on which the patch applies."""

    def applies(chosen: set[int]) -> bool:
        return repository.applies([*(patches[n].diff for n in sorted(chosen)), patches[number].diff])

    if applies(wanted):
        return tuple(sorted(wanted))
    chosen = _closed({*related, *wanted}, needs)
    if not applies(chosen):
        return tuple(range(number))
    for one in sorted(related, reverse=True):
        without = {n for n in chosen if n != one and one not in needs[n]}
        if wanted <= without and one in chosen and applies(without):
            chosen = without
    return tuple(sorted(chosen))


def _closed(chosen: set[int], needs: list[tuple[int, ...]]) -> set[int]:
    return chosen | {m for n in chosen for m in needs[n]}


def _missing(patch: Stacked) -> dict[str, Counter[bytes]]:
    """Lines that the patch writes when alone and does not write in the stack, by file."""
    alone, stacked = added_lines(patch.single or b""), added_lines(patch.diff)
    found = {path: lines - stacked.get(path, Counter()) for path, lines in alone.items()}
    return {path: Counter({k: v for k, v in lines.items() if k.strip()}) for path, lines in found.items()}


def _supplies(earlier: Stacked, patch: Stacked) -> bool:
    """Whether the earlier patch writes a line that this one leaves out because of it."""
    written = added_lines(earlier.diff)
    return any(lines & written.get(path, Counter()) for path, lines in _missing(patch).items())


def _unexplained(patch: Stacked, chosen: Sequence[Stacked]) -> bool:
    """Whether the patch leaves out lines that none of the chosen ones writes, in a file it does not touch itself."""
    if patch.single is None:
        return True
    written: dict[str, Counter[bytes]] = {}
    for one in chosen:
        for path, lines in added_lines(one.diff).items():
            written.setdefault(path, Counter()).update(lines)
    stacked = added_lines(patch.diff)
    return any(lines - written.get(path, Counter()) for path, lines in _missing(patch).items() if path not in stacked)


def conflicts(repository: PatchRepository, patches: Sequence[Stacked]) -> list[tuple[int, ...]]:
    """For each patch the indexes of those whose single form cannot be applied together with its own, in any order."""
    found: list[set[int]] = [set() for _ in patches]
    for a, first in enumerate(patches):
        for b in range(a + 1, len(patches)):
            second = patches[b]
            if first.single is None or second.single is None:
                continue
            if not frozenset(added_lines(first.single)) & frozenset(added_lines(second.single)):
                continue
            pair = [first.single, second.single]
            if not (repository.applies(pair) and repository.applies(pair[::-1])):
                found[a].add(b)
                found[b].add(a)
    return [tuple(sorted(one)) for one in found]


def added_lines(diff: bytes) -> dict[str, Counter[bytes]]:
    """The lines that a diff adds, counted, by the header line of their file."""
    found: dict[str, Counter[bytes]] = {}
    lines: Counter[bytes] = Counter()
    for line in diff.split(b"\n"):
        if line.startswith(b"diff --git "):
            lines = found.setdefault(line.decode("utf-8", "backslashreplace"), Counter())
        elif line.startswith(b"+") and not line.startswith(b"+++ "):
            lines[line[1:]] += 1
    return found
