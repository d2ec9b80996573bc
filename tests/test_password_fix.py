"""What SEC020's fix puts in place, run: Argon2 for new hashes, digests of before still accepted; and its facts."""

from __future__ import annotations

import hashlib
from types import ModuleType

import pytest

from readybook import Project
from readybook.facts.passwords import comparisons, fast_hashes, names_password
from readybook_checks.security.sec020_weak_password_hash.curing import template

pytest.importorskip("pwdlib")


@pytest.fixture(params=["md5", "sha256"])
def made(request: pytest.FixtureRequest) -> ModuleType:
    module = ModuleType("password_hashing")
    exec(compile(template(request.param), "password_hashing.py", "exec", dont_inherit=True), module.__dict__)
    return module


def test_new_hashes_are_salted_argon2_that_only_their_password_matches(made):
    first, second = made.argon2_hash("tr0ub4dor"), made.argon2_hash("tr0ub4dor")
    assert first != second and first.startswith("$argon2id$") and len(first) < 128
    assert made.password_matches("tr0ub4dor", first) and not made.password_matches("troubador", first)
    assert not made.needs_new_hash(first)


def test_a_digest_of_before_still_lets_its_owner_in_and_asks_for_a_new_hash(made):
    old = hashlib.new(made.LEGACY_ALGORITHM, "påssword".encode()).hexdigest()
    assert made.password_matches("påssword", old) and not made.password_matches("password", old)
    assert made.needs_new_hash(old)
    assert not made.password_matches("password", "") and not made.password_matches(old, old)


@pytest.mark.parametrize(("text", "answer"), [
    ("password", True), ("form.password", True), ("user_pwd", True), ("raw_pass", True), ("row['password']", True),
    ("password_hash", False), ("hashed_password", False), ("password_reset_token", False), ("bypass", False),
    ("min_password_length", False), ("passport", False), ("compass", False),
])
def test_names_of_passwords(text, answer):
    assert names_password(text) is answer


def found(code: str) -> tuple[list[int], list[int]]:
    behaviour = Project.from_files({"app.py": code}).facts.behaviour
    return [h.place.line for h in fast_hashes(behaviour)], [c.place.line for c in comparisons(behaviour)]


def test_a_password_is_followed_through_a_local_name_and_a_row():
    code = ("import hashlib\n\ndef add(password, salt):\n    mixed = salt + password\n    raw = mixed.encode()\n"
            "    return hashlib.sha512(mixed.encode()).hexdigest()\n\n"
            "def sign_in(form, db):\n    row = db.get(form.name)\n    return row['password'] == form.password\n")
    assert found(code) == ([6], [10])


@pytest.mark.parametrize("line", [
    "return form.password == form.password_confirm", "return new_password == old_password",
    "return user.password == hashed(password)", "return settings.password == password",
    "return self.password == password", "return user.password == user.password2", "return password == 'x'",
])
def test_other_comparisons_are_left_alone(line):
    same = "class A:\n    def __eq__(self, other):\n        return other.password == self.password\n"
    assert found(same) == found(same.replace("__eq__", "__ne__")) == ([], [])
    body = f"def ask(self, form, user, password, new_password, old_password, settings, hashed):\n    {line}\n"
    assert found(body) == ([], [])
