"""The target's configuration: where it is read from, what it may say, and that errors name the file and the key."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from readybook import Config, ConfigError
from readybook.config import load

EVERYTHING = """
app = "app.main:app"
app_dir = "src"
exclude = ["old/*"]
public_api = true
profile = "executive"
fail_under = 7
fail_on = "high"
baseline = "baseline.json"
[[waive]]
check = "SEC001"
path = "app/*"
reason = "behind a gateway"
until = 2027-01-31
[[waive]]
check = "TST"
reason = "later"
[[attest]]
check = "SEC009"
who = "Ops"
when = "2026-11-01"
evidence = "ticket 12"
expires = 2027-05-01
"""


def write(folder: Path, text: str, name: str = "readybook.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_every_key(tmp_path):
    config = load(write(tmp_path, EVERYTHING))
    assert (config.source, config.app, config.app_dir, config.exclude) == (
        "readybook.toml", "app.main:app", "src", ("old/*",))
    assert (config.public_api, config.profile, config.fail_under, config.fail_on, config.baseline) == (
        True, "executive", 7.0, "high", "baseline.json")
    first, second = config.waivers
    assert (first.check, first.path, first.reason, first.until, first.by) == (
        "SEC001", "app/*", "behind a gateway", dt.date(2027, 1, 31), "readybook.toml [[waive]] 1")
    assert (second.path, second.until) == ("*", None)
    (attested,) = config.attestations
    assert (attested.who, attested.when, attested.expires) == ("Ops", dt.date(2026, 11, 1), dt.date(2027, 5, 1))


def test_the_table_in_pyproject(tmp_path):
    write(tmp_path, "[project]\nname = 'x'\n[tool.readybook]\nfail_on = 'low'\n", "pyproject.toml")
    assert load(tmp_path).fail_on == "low" and load(tmp_path).source == "pyproject.toml"


def test_no_configuration(tmp_path):
    assert load(tmp_path) == Config()
    write(tmp_path, "[tool.other]\nx = 1\n", "pyproject.toml")
    assert load(tmp_path) == Config()


def test_two_files_are_one_too_many(tmp_path):
    write(tmp_path, "[tool.readybook]\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"readybook\.toml and \[tool\.readybook\] in pyproject\.toml"):
        load(write(tmp_path, "app = 'a:b'\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exlude = []", "readybook.toml: key 'exlude' is unknown; did you mean 'exclude'?"),
        ("zzz = 1", "readybook.toml: key 'zzz' is unknown; known keys: app, "),
        ("exclude = 'a'", "key 'exclude' must be list, not str"),
        ("exclude = [1]", "key 'exclude' must be a list of strings"),
        ("public_api = 'yes'", "key 'public_api' must be bool, not str"),
        ("fail_under = true", "key 'fail_under' must be int or float, not bool"),
        ("fail_under = 11", "key 'fail_under' must lie between 0 and 10"),
        ("fail_on = 'severe'", "key 'fail_on' must be one of critical, high, medium, low, not 'severe'"),
        ("profile = 'x'", "key 'profile' must be one of engineer, executive"),
        ("app = 1", "key 'app' must be str, not int"),
        ("app_dir = '../x'", "key 'app_dir' must be a path inside the target"),
        ("baseline = '/etc/passwd'", "key 'baseline' must be a path inside the target"),
        ("waive = 1", "key 'waive' must be list, not int"),
        ("waive = [1]", "key 'waive' must be a list of tables: [[waive]]"),
        ("[[waive]]\ncheck = 'SEC001'", "readybook.toml [[waive]] 1: key 'reason' is missing"),
        ("[[waive]]\ncheck = 'SEC001'\nreason = ' '", "key 'reason' is missing"),
        ("[[waive]]\nreason = 'r'", "[[waive]] 1: key 'check' is missing"),
        ("[[waive]]\ncheck = 'A'\nreason = 'r'\nuntil = 'soon'", "key 'until' must be a date such as 2026-12-31"),
        ("[[waive]]\ncheck = 'A'\nreason = 'r'\nwhen = 'x'", "[[waive]] 1: key 'when' is unknown"),
        ("[[attest]]\ncheck = 'A'\nwho = 'w'\nevidence = 'e'", "[[attest]] 1: key 'when' is missing"),
        ("[[attest]]\ncheck = 'A'\nwhen = 2026-01-01\nevidence = 'e'", "[[attest]] 1: key 'who' is missing"),
        ("[[attest]]\ncheck = 'A'\nwhen = 2026-01-01\nwho = 'w'", "[[attest]] 1: key 'evidence' is missing"),
        ("app = ", "readybook.toml: is not valid TOML"),
    ],
)
def test_errors_name_the_file_and_the_key(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)
    assert str(caught.value).startswith("readybook.toml") and str(tmp_path) not in str(caught.value)


def test_errors_in_pyproject_name_the_table(tmp_path):
    write(tmp_path, "[tool.readybook]\nfoo = 1\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"pyproject\.toml \[tool\.readybook\]: key 'foo'"):
        load(tmp_path)
    write(tmp_path, "tool.readybook = 1\n", "pyproject.toml")
    assert "must be a table" in load(tmp_path).notes[0][1]


def test_a_broken_pyproject_does_not_stop_the_audit(tmp_path):
    write(tmp_path, "{{ cookiecutter }}\n", "pyproject.toml")
    config = load(tmp_path)
    assert config.notes[0][0] == "pyproject.toml" and "not valid TOML" in config.notes[0][1]


def test_the_callers_file_replaces_the_targets(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    write(target, "app = 'a:b'\nnonsense = 1\n")
    mine = write(tmp_path, "app = 'c:d'\napp_dir = '/srv'\n", "mine.toml") / "mine.toml"
    config = load(target, mine)
    assert (config.app, config.app_dir, config.source, config.inline) == ("c:d", "/srv", "mine.toml", True)
    with pytest.raises(ConfigError, match="no such configuration file"):
        load(target, tmp_path / "none.toml")


def test_the_targets_word_can_be_left_aside(tmp_path):
    write(tmp_path, "nonsense = 1\n")
    assert load(tmp_path, use_target=False) == Config(inline=False)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_a_link_is_not_followed(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    write(tmp_path, "app = 'a:b'\n", "outside.toml")
    (target / "readybook.toml").symlink_to(tmp_path / "outside.toml")
    assert load(target) == Config()


def test_options_of_the_command_line_win():
    config = Config(source="readybook.toml", app="a:b", exclude=("x",), fail_under=3.0)
    config = config.with_options(app="c:d", app_dir="", exclude=["y"], fail_under=0.0, fail_on=None)
    assert (config.app, config.app_dir, config.fail_under, config.fail_on) == ("c:d", "", 0.0, None)
    assert (config.exclude, config.caller_exclude) == (("x",), ("y",))
    assert (config.said_by("app"), config.said_by("public_api")) == ("the caller", "readybook.toml")
