"""SEC020: passwords that a thief of the database can read."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Check, Finding, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.digests import fate
from readybook.facts.passwords import FastHash, comparisons, fast_hashes, password_of
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.security.sec020_weak_password_hash.curing import cure
from readybook_checks.security.sec020_weak_password_hash.examples import EXAMPLES

GOOD = ("bcrypt.hashpw", "pwdlib.PasswordHash", "pwdlib.PasswordHash.recommended", "argon2.PasswordHasher",
        "hashlib.scrypt", "werkzeug.security.generate_password_hash", "fastapi_users.password.PasswordHelper",
        "nacl.pwhash.str", "argon2.low_level.hash_secret")
WEAK_SCHEMES = frozenset("""
    plaintext md5_crypt apr_md5_crypt hex_md4 hex_md5 hex_sha1 hex_sha256 hex_sha512 ldap_md5 ldap_sha1 ldap_salted_md5
    ldap_salted_sha1 ldap_plaintext des_crypt bsdi_crypt bigcrypt crypt16 nthash lmhash msdcc mysql323 mysql41
    django_salted_sha1 django_salted_md5 django_des_crypt postgres_md5 oracle10 roundup_plaintext unix_fallback
""".split())
STORING = regex(r"(?i)hash|verify|check|encrypt|password|authenticat|log_?in|sign_?(?:in|up)|regist|create|user")
ROUNDS = 100_000
MOVE = advice("Move to pwdlib with Argon2, keeping the old hashes valid",
              "PasswordHash((Argon2Hasher(), BcryptHasher())) of pwdlib[argon2,bcrypt] reads bcrypt hashes, and"
              " verify_and_update gives the new hash to store at sign-in; calls and tests change with it")


class WeakPasswordHash(Check):
    """Passwords are stored so that whoever gets hold of the database reads them.

    Looked at: general hashes (MD5, SHA-1, SHA-2 …) over values that are named passwords, or whose digest is kept or
    compared as one: a graphics card tries billions
    of them a second, with a salt too; stored passwords compared as they are; passlib contexts whose scheme for new
    hashes is one of these; PBKDF2 of a password below 100,000 rounds. Digests of random API keys, keys to
    encrypt with, hashes before bcrypt, look-ups in
    lists of leaked passwords, and old schemes that passlib only still reads are right. Low: passlib itself, which
    has had no release since 2020.

    Fix: where one function makes the hash and comparisons use it, a module with Argon2 that still accepts the digests
    of before; else advice, since stored hashes and their columns must move.
    """

    id = "SEC020"
    name = "weak-password-hash"
    category = "security"
    severity = "critical"
    hours = Hours(1, 2, 4, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each way in which passwords are hashed or compared."""
        behaviour = project.facts.behaviour
        answers: list[Answer] = [_hashed(project, one) for one in fast_hashes(behaviour)]
        for one in comparisons(behaviour):
            what = "asks the database for" if one.query else "compares"
            answers.append(Finding(
                one.place, f"{one.function.rpartition('.')[2]} {what} {one.stored} with {one.given} as it is: "
                "passwords are stored in plain text, and whoever reads the table has them all.", "critical",
                confidence="medium" if one.query else "high",
                fix=advice("Store Argon2 hashes and compare with PasswordHash.verify",
                           "the passwords that are stored must be hashed by a migration in the same deployment")))
        contexts = [_passlib(call) for call in behaviour.calls_to("passlib.context.CryptContext")]
        grave = [a for a in contexts if a.severity == "critical"]
        answers += grave or contexts[:1]  # the package is one matter, however many contexts there are
        for call in behaviour.calls_to("hashlib.pbkdf2_hmac"):
            given = call.site.node[4]
            data = given[1] if len(given) > 1 else next((v for k, v in call.site.node[5] if k == "password"), None)
            if password_of(data, call):
                answers.append(_pbkdf2(call))
        answers += [Right(c.place, f"{c.path} is made for passwords") for c in behaviour.calls_to(*GOOD)]
        if not answers:
            yield NotApplicable("the code hashes and compares no passwords")
        yield from answers


def _hashed(project: Project, one: FastHash) -> Answer:
    if one.prehash:
        return Right(one.place, "the digest goes into a password hash")
    name = one.call.function.rpartition(".")[2]
    sure = bool(STORING.search(name)) or fate(one.call) == "password"
    return Finding(
        one.place, f"{name or 'The module'} hashes {one.password} with {one.algorithm}, which is made to be fast: "
        "whoever gets the table tries billions of passwords a second.", "critical" if sure else "high",
        confidence="high" if sure else "medium", fix=cure(project, one))


def _passlib(call: Call) -> Finding:
    schemes = by_default(call.kwargs.get("schemes", call.args[0] if call.args else None))
    first = schemes[0] if isinstance(schemes, list | tuple) and schemes else schemes
    default = by_default(call.kwargs.get("default"))
    used = default if isinstance(default, str) else first
    if isinstance(used, str) and used in WEAK_SCHEMES:
        return Finding(call.place, f"New passwords are stored as {used}: whoever gets the table reads most of them.",
                       "critical", fix=MOVE)
    return Finding(call.place, "Passwords go through passlib, which has had no release since 2020 and breaks with "
                   "bcrypt 5.", "low", fix=MOVE)


def _pbkdf2(call: Call) -> Answer:
    rounds = by_default(call.kwargs.get("iterations", call.args[3] if len(call.args) > 3 else None))
    if isinstance(rounds, int) and rounds < ROUNDS:
        return Finding(call.place, f"PBKDF2 runs {rounds:,} rounds, where 600,000 of SHA-256 are advised: guesses are "
                       "cheap.", "medium", fix=advice("Use Argon2, or 600,000 rounds and keep the number beside the "
                                                      "hash", "stored hashes were made with the old number"))
    return Right(call.place, "PBKDF2 is made for passwords")
