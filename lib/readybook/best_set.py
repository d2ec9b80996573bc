"""The best set of fixes for a budget of hours: exact, with what each fix needs before it, and with the score's caps.

A fix puts a whole check right; it costs the mean hours with the offered patches. The score is a fraction (the share of
weight that is right), so the best set is found by Dinkelbach's method: the share λ that is reached so far makes each
fix worth its gain of right weight less λ × its gain of all weight, the set worth most within the hours is found by
dynamic programming, and λ is raised to the share of that set until nothing is better. An open critical finding holds
the score down, so the best set that clears all of them and the best set that need not are compared at the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from readybook.check import Result
from readybook.effort import with_patches
from readybook.records import record
from readybook.report import Report
from readybook.score import OVERALL_CAP, Score, Scorecard, after, weight
from readybook.severity import WEIGHTS

Requires = Mapping[str, Collection[str]]
UNITS = 1000     # of an hour: hours are compared as whole numbers of these
NEAR = 1e-9


@record
class BestSet:
    """The checks to put right within a budget, in the order of the report, and what that buys.

    ``hours`` is what they take on average with the patches.
    """

    budget: float
    ids: tuple[str, ...]
    hours: float
    before: Scorecard
    after: Scorecard

    @property
    def overall(self) -> tuple[Score, Score]:
        """The overall score before and after."""
        return self.before.overall, self.after.overall


@record
class _Fix:
    """One check as an item to choose: its cost in units, and what it adds to the right weight and to all weight."""

    id: str
    cost: int
    right: float
    whole: float
    critical: bool
    needs: frozenset[int]


@record
class _State:
    """A way to choose: bit set of fixes, their cost and worth."""

    cost: int
    worth: float
    chosen: int


def best_set(report: Report, budget: float, requires: Requires | None = None) -> BestSet:
    """The set of fixes with the highest overall score within ``budget`` hours; among equals that of fewest hours.

    ``requires`` names for a check the checks that must be put right before it.
    """
    fixes = _fixes(report.results, requires or {})
    right = sum(weight(r) * (r.ratio or 0.0) for r in report.results)
    whole = sum(weight(r) for r in report.results)
    limit = int(budget * UNITS + NEAR)
    critical = _closed(fixes, {n for n, fix in enumerate(fixes) if fix.critical})
    tried = [_best(fixes, right, whole, limit, forced) for forced in dict.fromkeys((frozenset[int](), critical))]
    chosen = max((s for s in tried if s is not None), key=lambda s: _reached(fixes, s, right, whole))
    ids = tuple(fix.id for n, fix in enumerate(fixes) if chosen.chosen >> n & 1)
    return BestSet(budget, ids, chosen.cost / UNITS, report.score, after(report.results, ids))


def closure(ids: Iterable[str], requires: Requires, among: Collection[str]) -> tuple[str, ...]:
    """The checks ``ids`` and all they need before them, as far as they are in ``among``; what is needed comes first."""
    done: dict[str, None] = {}
    open_: set[str] = set()

    def visit(id_: str) -> None:
        if id_ in done or id_ in open_ or id_ not in among:
            return
        open_.add(id_)
        for other in sorted(requires.get(id_, ())):
            visit(other)
        done[id_] = None

    for id_ in ids:
        visit(id_)
    return tuple(done)


def _fixes(results: Sequence[Result], requires: Requires) -> list[_Fix]:
    """The failing checks, each after those it needs."""
    failing = {r.id: r for r in results if r.findings}
    order = closure(failing, requires, failing)
    place = {id_: n for n, id_ in enumerate(order)}
    fixes = []
    for n, id_ in enumerate(order):
        r = failing[id_]
        own, base = weight(r), WEIGHTS[r.severity]
        critical = own > 0 and any((f.severity or r.severity) == "critical" for f in r.findings)
        needs = frozenset(place[other] for other in requires.get(id_, ()) if place.get(other, n) < n)
        fixes.append(_Fix(id_, max(0, round(with_patches(r).mean * UNITS)), base - own * (r.ratio or 0.0), base - own,
                          critical, needs))
    return fixes


def _closed(fixes: Sequence[_Fix], chosen: set[int]) -> frozenset[int]:
    """The fixes and all that they need."""
    for n in sorted(range(len(fixes)), reverse=True):
        if n in chosen:
            chosen |= fixes[n].needs
    return frozenset(chosen)


def _reached(fixes: Sequence[_Fix], state: _State, right: float, whole: float) -> tuple[float, float, int]:
    """The score that a state gives, capped as the report's, then uncapped, then the hours saved."""
    own = [fix for n, fix in enumerate(fixes) if state.chosen >> n & 1]
    everything = whole + sum(f.whole for f in own)
    value = 10 * (right + sum(f.right for f in own)) / everything if everything else 0.0
    held = any(fix.critical and not state.chosen >> n & 1 for n, fix in enumerate(fixes))
    return round(min(value, OVERALL_CAP) if held else value, 9), round(value, 9), -state.cost


def _best(fixes: Sequence[_Fix], right: float, whole: float, limit: int, forced: frozenset[int]) -> _State | None:
    """The state of the greatest share within the limit that holds all ``forced`` fixes; None when those cost more."""
    if sum(fixes[n].cost for n in forced) > limit:
        return None
    share = 0.0
    while True:
        state = _knapsack(fixes, share, limit, forced)
        own = [fix for n, fix in enumerate(fixes) if state.chosen >> n & 1]
        everything = whole + sum(f.whole for f in own)
        reached = (right + sum(f.right for f in own)) / everything if everything else 0.0
        if reached <= share + NEAR:
            return state
        share = reached


def _knapsack(fixes: Sequence[_Fix], share: float, limit: int, forced: frozenset[int]) -> _State:
    """The set worth most within the limit, where a fix is worth ``right - share × whole``.

    States are kept apart by the chosen fixes that later ones still ask for; among the others only those stay that no
    cheaper state equals in worth, and that could still reach the best set known.
    """
    worths = [fix.right - share * fix.whole for fix in fixes]
    asked = _last_asked(fixes)
    floor = _greedy(fixes, worths, limit, forced)
    ahead = _bounds(fixes, worths)
    groups: dict[int, list[_State]] = {0: [_State(0, 0.0, 0)]}
    for n, fix in enumerate(fixes):
        grown: dict[int, list[_State]] = {}
        watched = sum(1 << m for m in range(n + 1) if asked[m] > n)
        for states in groups.values():
            for state in states:
                for new in _branches(state, n, fix, worths[n], n in forced):
                    if new.cost <= limit and new.worth + ahead(n + 1, limit - new.cost) >= floor - NEAR:
                        grown.setdefault(new.chosen & watched, []).append(new)
        groups = {key: _undominated(states) for key, states in grown.items()}
    return min((s for states in groups.values() for s in states), key=lambda s: (-round(s.worth, 9), s.cost, s.chosen))


def _branches(state: _State, n: int, fix: _Fix, worth: float, forced: bool) -> Iterator[_State]:
    if not forced:
        yield state
    if all(state.chosen >> m & 1 for m in fix.needs):
        yield _State(state.cost + fix.cost, state.worth + worth, state.chosen | 1 << n)


def _greedy(fixes: Sequence[_Fix], worths: Sequence[float], limit: int, forced: frozenset[int]) -> float:
    """What a set is worth that takes the forced fixes, then the most worth for an hour: no best set is worth less."""
    chosen = set(forced)
    left = limit - sum(fixes[n].cost for n in chosen)
    for n in sorted(range(len(fixes)), key=lambda n: (-worths[n] / (fixes[n].cost or NEAR), n)):
        more = _closed(fixes, {n}) - chosen
        cost = sum(fixes[m].cost for m in more)
        if cost <= left and sum(worths[m] for m in more) > 0:
            chosen |= more
            left -= cost
    return sum(worths[n] for n in chosen)


def _bounds(fixes: Sequence[_Fix], worths: Sequence[float]) -> Callable[[int, int], float]:
    """How much the fixes from the n-th on can add within so many units at most: fixes could be done in part."""
    tables = []
    for start in range(len(fixes) + 1):
        rest = sorted((n for n in range(start, len(fixes)) if worths[n] > 0),
                      key=lambda n: -worths[n] / (fixes[n].cost or NEAR))
        costs = list(accumulate((fixes[n].cost for n in rest), initial=0))
        sums = list(accumulate((worths[n] for n in rest), initial=0.0))
        tables.append((costs, sums))

    def bound(start: int, left: int) -> float:
        costs, sums = tables[start]
        whole = bisect_right(costs, left) - 1
        if whole == len(costs) - 1:
            return sums[whole]
        part = (left - costs[whole]) / (costs[whole + 1] - costs[whole])
        return sums[whole] + part * (sums[whole + 1] - sums[whole])

    return bound


def _last_asked(fixes: Sequence[_Fix]) -> list[int]:
    """For each fix the last one that needs it, -1 when none does."""
    last = [-1] * len(fixes)
    for n, fix in enumerate(fixes):
        for m in fix.needs:
            last[m] = n
    return last


def _undominated(states: list[_State]) -> list[_State]:
    """By cost, only those worth more than every cheaper one."""
    states.sort(key=lambda s: (s.cost, -s.worth, s.chosen))
    kept: list[_State] = []
    for state in states:
        if not kept or state.worth > kept[-1].worth + NEAR:
            kept.append(state)
    return kept
