"""Work shared between processes gives what one process gives, whatever happens to the copies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from readybook import forks, run
from readybook.config import Config
from readybook.facts import loweredfiles
from readybook.project import Project

CYPHERX = Path(__file__).parent.parent / "sample_projects" / "cypherx"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are copied on Linux only")


@pytest.fixture
def three(monkeypatch):
    """Three processes, whatever the machine has and though a test runner has threads."""
    monkeypatch.setattr(forks, "processes", lambda: 3)


def test_results_come_in_the_order_of_their_numbers(three):
    assert forks.shared(500, lambda number: number * number) == [number * number for number in range(500)]


def test_results_come_from_several_processes(three, tmp_path):
    import time

    def work(_: int) -> int:
        """Work that lasts until a second process has begun some, however late that gets its turn."""
        (tmp_path / str(os.getpid())).touch()
        end = time.monotonic() + 60
        while len(os.listdir(tmp_path)) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return os.getpid()

    assert len(set(forks.shared(60, work))) > 1


def test_a_result_is_packed_on_its_way(three):
    packed = forks.shared(50, lambda number: {number}, sorted, set)
    assert packed == [{number} for number in range(50)]


def test_what_a_copy_cannot_send_is_worked_out_here(three):
    functions = forks.shared(30, lambda number: lambda: number)  # a function cannot be pickled
    assert [function() for function in functions] == list(range(30))


def test_a_copy_that_dies_loses_nothing(three):
    here = os.getpid()

    def work(number: int) -> int:
        if os.getpid() != here:
            os._exit(9)
        return number

    assert forks.shared(40, work) == list(range(40))


def test_what_work_raises_is_raised_here(three):
    with pytest.raises(ZeroDivisionError):
        forks.shared(20, lambda number: 1 // (number - 13))


def test_no_process_and_no_pipe_is_left(three):
    def held() -> tuple[set[str], set[str]]:
        tasks = Path("/proc/self/task").iterdir()
        children = {pid for task in tasks for pid in (task / "children").read_text().split()}
        return set(os.listdir("/proc/self/fd")), children

    before = held()
    forks.shared(20, lambda number: number)
    assert held() == before


def test_threads_forbid_copies():
    import threading

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert forks.processes() == 1
    finally:
        stop.set()
        thread.join()


def test_an_audit_in_several_processes_is_the_audit_in_one(three, monkeypatch):
    def audited() -> dict:
        return run.audit(Project.open(CYPHERX, cache=False), config=Config()).to_dict()

    alone = audited()
    monkeypatch.setattr(run, "WORTH_SHARING", 0)
    monkeypatch.setattr(loweredfiles, "WORTH_SHARING", 0)
    assert audited() == alone


def test_begun_work_gives_what_shared_work_gives(three):
    begun = forks.Begun(200, lambda number: number + 1)
    sum(range(100_000))  # something else meanwhile
    assert begun.results() == list(range(1, 201))


def test_dropped_work_leaves_no_process_and_no_pipe(three):
    import time

    before = set(os.listdir("/proc/self/fd"))
    forks.Begun(200, lambda _: time.sleep(600)).drop()
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "dropped"])
def test_code_that_other_processes_began_to_read_is_read_the_same(three, monkeypatch, asked):
    monkeypatch.setattr(loweredfiles, "WORTH_SHARING", 0)
    project, alone = Project.open(CYPHERX, cache=False), Project.open(CYPHERX, cache=False)
    with project.facts.begun():
        if asked:
            assert project.facts.modules.by_path.keys() == alone.facts.modules.by_path.keys()
    bodies = {path: module.body for path, module in project.facts.modules.by_path.items()}
    assert bodies == {path: module.body for path, module in alone.facts.modules.by_path.items()}
