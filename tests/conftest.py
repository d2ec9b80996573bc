"""Options of the test suite."""

from __future__ import annotations

import forked
import pytest

# Files that take longest, in the order in which they start, before all others: no worker is left with one of them at
# the end, and those that mostly wait (for servers, a browser) stand between those that compute.
SLOW = ("test_sample_fixed.py", "test_queue_live.py", "test_verify.py", "test_lab.py", "test_probe_samples.py",
        "test_fix_laws.py", "test_readiness_live.py", "01_audit.ipynb", "test_laws.py", "test_state_store.py",
        "02_remediate.ipynb", "test_table_changes.py", "00_explore.ipynb", "test_browser.py", "test_probe.py",
        "test_migrations_live.py", "03_portfolio.ipynb", "test_rate_limit.py", "test_notebooks.py", "test_html.py",
        "test_batch.py", "test_response_cache.py", "test_pack.py", "test_verify_parts.py", "test_samples.py",
        "test_workers_live.py", "test_missing_index.py", "test_commands.py", "test_container_fix.py")


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
