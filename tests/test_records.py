"""Records: they behave as frozen dataclasses do, and nothing in the workbook sets an attribute of one."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from readybook.records import record

ROOT = Path(__file__).resolve().parent.parent
# the same audit and the same patches with records that refuse to be changed
FROZEN = """
import dataclasses, sys
import readybook.records
readybook.records.record = dataclasses.dataclass(frozen=True, slots=True)
from readybook.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@record
class Kept:
    """Fields of each kind."""

    name: str
    parts: tuple[int, ...] = ()
    aside: object = field(default=None, compare=False, repr=False)


@record
class Alone:
    """A single field, whose value stands for the whole."""

    name: str


@dataclass(frozen=True, slots=True)
class Plain:
    """What a record is measured by."""

    name: str
    parts: tuple[int, ...] = ()
    aside: object = field(default=None, compare=False, repr=False)


def test_equality_and_hash_go_by_the_fields_that_compare() -> None:
    one, same, other = Kept("a", (1,), aside=1), Kept("a", (1,), aside=[]), Kept("a", (2,))
    assert one == same and hash(one) == hash(same) and len({one, same, other}) == 2
    assert one != other and one != ("a", (1,)) and Alone("a") != "a" and Alone("a") == Alone("a")
    assert hash(one) == hash(Plain("a", (1,)))


def test_a_record_reads_as_a_dataclass_does() -> None:
    assert repr(Kept("a", (1,))).replace("Kept", "Plain") == repr(Plain("a", (1,)))


def test_records_are_copied_sent_and_have_slots() -> None:
    one = Kept("a", (1,), aside=3)
    assert pickle.loads(pickle.dumps(one)) == one and pickle.loads(pickle.dumps(one)).aside == 3
    assert replace(one, name="b") == Kept("b", (1,)) and not hasattr(one, "__dict__")
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]


def test_nothing_sets_an_attribute_of_a_record(tmp_path: Path) -> None:
    sample = str(ROOT / "sample_projects" / "cypherx")
    told = []
    for start in (["-c", FROZEN], ["-m", "readybook"]):
        audit = [sys.executable, *start, "audit", sample, "--format", "json", "--no-cache"]
        told.append(subprocess.run(audit, capture_output=True, text=True, check=False))
        fix = [sys.executable, *start, "fix", sample, "--out", str(tmp_path / str(len(told)))]
        fixed = subprocess.run(fix, capture_output=True, text=True, check=False)
        assert fixed.returncode == 0, fixed.stderr
    frozen, plain = (json.loads(t.stdout) for t in told)
    assert [c for c in frozen["checks"] if c["outcome"] == "error"] == []
    assert frozen == plain
    names = [{p.name: p.read_bytes() for p in (tmp_path / str(n)).rglob("*.patch")} for n in (1, 2)]
    assert names[0] == names[1] and names[0]
