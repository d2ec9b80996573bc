"""Options of the test suite."""

from __future__ import annotations

import forked
import pytest

# Files that take longest, slowest first: they start first, so that no worker is left with one of them at the end.
SLOW = ("test_sample_fixed.py", "test_probe_samples.py", "test_verify.py", "test_queue_live.py", "01_audit.ipynb",
        "02_remediate.ipynb", "00_explore.ipynb", "test_migrations_live.py", "test_fix_laws.py", "03_portfolio.ipynb",
        "test_laws.py", "test_readiness_live.py", "test_missing_index.py", "test_probe.py", "test_notebooks.py",
        "test_batch.py", "test_html.py", "test_samples.py", "test_browser.py", "test_workers_live.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the slow files first, all others in the order in which they were found."""
    items.sort(key=lambda item: SLOW.index(item.path.name) if item.path.name in SLOW else len(SLOW))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="try many more random cases (minutes)")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether many more random cases are asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session", autouse=True)
def _started_anew(long: bool) -> None:
    """With --long each Python program of a tested project is started as users start it; else it is a fork."""
    forked.enabled = forked.enabled and not long
