"""SEC025: environment and key files in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.dotenv import Dotenv, DotenvVariable
from readybook.facts.ignorefiles import ignored_by_git
from readybook.facts.secretvalues import dsn_password, kind_of, names_secret, provider_of
from readybook.finding import Answer
from readybook.intents import EnsureIgnored
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

PUBLIC = regex(r"(?i)^(?:NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|EXPO_PUBLIC|NUXT_PUBLIC|VUE_APP|GATSBY|STORYBOOK)_")
KEY_FILES = regex(r"(?i)\.(?:pem|key|json|p8|ppk)$|(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)$")
NO_KEYS = regex(r"(?i)(?:^|[/_.-])(?:tests?|testing|fixtures?|examples?|samples?|localhost|local|dev|snakeoil"
                r"|dummy|mocks?|self[-_]?signed|docs?|demo)(?:[/_.-]|$)")
PRIVATE = regex(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY")
RANKS = ("critical", "high", "medium")
ROTATE = ("the history keeps what was committed: give out every secret in it anew, then `git rm --cached {0}`; to take"
          " it out of the history too, git filter-repo rewrites it for everybody")


@record
class Leak:
    """What is worst in a file: the severity, where, and what to say of it."""

    severity: str
    place: Place
    what: str
    confidence: str = "high"


class EnvFileCommitted(Check):
    """A file with the service's secrets is in the repository, where everybody who can read it has them.

    Looked at: dotenv files, private keys and service-account files that git tracks; where the target is no git
    repository, those that no .gitignore leaves out. Critical where a value looks real (a provider's key, a random
    text, a password for another machine), high where somebody made it up, medium where placeholders and local
    passwords stand: the next person puts the real ones there. A file without secrets, examples, files of tests and what
    a web page's build shows to everybody anyway are right. Files that lie untracked and are not left out are low.

    Fix: the file is left out by .gitignore. Taking it out of git and giving out new secrets is for a person: a patch
    that deletes it would delete everybody's copy.
    """

    id = "SEC025"
    name = "env-file-committed"
    category = "security"
    severity = "critical"
    hours = Hours(0.25, 0.5, 2)
    fix_kinds = ("config", "advice")
    references = ("https://cwe.mitre.org/data/definitions/538.html", "https://12factor.net/config")

    def find(self, project: Project) -> Iterator[Answer]:
        """One or two answers for each file that holds secrets, one when there is no such file in git."""
        found = False
        for path, leak in _leaks(project):
            found = True
            if leak is None:
                yield Right(Place(path, 1), f"{path} holds nothing secret")
            else:
                yield from _answers(project, path, leak)
        if not found:
            example = next((d for d in project.facts.dotenvs if d.example), None)
            if example is not None:
                yield Right(Place(example.path, 1), "the example is in the repository, the file itself is not")
            elif project.tracked is not None:
                first = min(project.files, default="")
                yield Right(Place(first, 1), "git tracks no dotenv file and no private key")
            else:
                yield NotApplicable("there is no dotenv file and no private key")


def _leaks(project: Project) -> Iterator[tuple[str, Leak | None]]:
    """Each dotenv and key file that is meant to be used, with the worst in it, None when nothing is secret."""
    for dotenv in project.facts.dotenvs:
        if not dotenv.example and project.facts.role(dotenv.path) in ("application", "script"):
            yield dotenv.path, _worst(dotenv)
    for path, file in sorted(project.files.items()):
        if KEY_FILES.search(path) and PRIVATE.search(file.text) and not NO_KEYS.search(path):
            if path.endswith(".json") and '"client_email"' not in file.text:
                continue  # a mock, a snippet: not what a cloud gives out
            line = next(n for n, text in enumerate(file.text.split("\n"), 1) if PRIVATE.search(text))
            locked = "ENCRYPTED" in file.text
            what = "a service account's key" if path.endswith(".json") else "a private key"
            yield path, Leak("medium" if locked else "critical", Place(path, line),
                             f"{what}{', encrypted' if locked else ''}")


def _worst(dotenv: Dotenv) -> Leak | None:
    leaks = [leak for v in dotenv.variables if not v.commented_out and (leak := _leak(v, dotenv.test)) is not None]
    return min(leaks, key=lambda leak: RANKS.index(leak.severity), default=None)


def _leak(variable: DotenvVariable, test: bool) -> Leak | None:
    name, kind = variable.name, kind_of(variable.value)
    staged = test or bool(NO_KEYS.search(variable.place.path.rpartition("/")[2]))
    if kind == "provider":
        label = provider_of(variable.value) or "key"
        mild = label in ("Google API key", "Stripe test key") or PUBLIC.match(name)
        article = "an" if label[0] in "AO" else "a"
        return Leak("high" if mild else "critical", variable.place, f"{name}, {article} {label}")
    if kind == "private key":
        return Leak("critical", variable.place, f"{name}, a private key")
    if test or PUBLIC.match(name):
        return None
    if kind == "dsn":
        return _dsn(variable)
    if not names_secret(name) or kind in ("empty", "public", "template"):
        return None
    if kind == "random":
        return Leak("high" if staged else "critical", variable.place, f"{name}, which looks real")
    if kind == "chosen":
        return Leak("medium" if staged else "high", variable.place, f"{name}, which looks real", "medium")
    return Leak("medium", variable.place, f"{name}, a placeholder or a weak value so far")


def _dsn(variable: DotenvVariable) -> Leak | None:
    parts = dsn_password(variable.value)
    if parts is None:
        return None
    real = kind_of(parts.password) not in ("placeholder", "template", "empty", "weak", "words")
    if not parts.local and real and not re.search(r"(?i)example|your|(?:^|\.)test(?::|$)|^host", parts.host):
        return Leak("critical", variable.place, f"{variable.name}, a URL with the password for {parts.host}")
    if parts.local and real:
        return Leak("medium", variable.place, f"{variable.name}, a URL with a password", "medium")
    return Leak("medium", variable.place, f"{variable.name}, a URL with a placeholder or a weak password so far")


def _answers(project: Project, path: str, leak: Leak) -> Iterator[Answer]:
    left_out = ignored_by_git(project, path)
    tracked = None if project.tracked is None else path in project.tracked
    if tracked is None and not left_out:
        yield Finding(leak.place, f"{path} lies in the target, and no .gitignore leaves it out; it holds {leak.what}.",
                      leak.severity, confidence="medium" if leak.confidence == "high" else "low",
                      fix=_ignore(project, path))
    elif tracked:
        yield Finding(leak.place, f"{path} is in git and holds {leak.what}: whoever reads the repository has it.",
                      leak.severity, confidence=leak.confidence,
                      fix=advice(f"Take {path} out of git and replace its secrets", ROTATE.format(path)))
        if not left_out:
            yield Finding(Place(path, 1), f"No .gitignore leaves {path} out: taken out of git, it comes back with the"
                          " next `git add`.", "low", fix=_ignore(project, path))
    elif not left_out:
        yield Finding(Place(path, 1), f"No .gitignore leaves {path} out: the next `git add .` commits it with "
                      f"{leak.what}.", "low", fix=_ignore(project, path))
    else:
        yield Right(Place(path, 1), f"{path} is left out of git")


def _ignore(project: Project, path: str) -> Fix:
    name = path.rpartition("/")[2]
    patterns: tuple[str, ...] = (name,) if name == ".env" else (f"/{path}",)
    if any(c in path for c in "*?[\\!#") or path.strip() != path:
        return advice(f"Leave {path} out of git", "its name has characters that a pattern reads otherwise")
    return Fix(
        f"Leave {path} out of git", (EnsureIgnored(".gitignore", patterns, "secrets: never in git"),),
        kinds=("config",), safety="review",
        reason="who gets the file with the repository today needs another way to it. " + ROTATE.format(path),
    )


APP = "import os\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\nKEY = os.environ[\"SECRET_KEY\"]\n"
RANDOM = "SECRET_KEY=q8Vz1nR4tYw7Lk2Pm9Xc5Bd3Gh6Js0Fa\n"
PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 3 \
    + "-----END PRIVATE KEY-----\n"
EnvFileCommitted.examples = (
    Bad(
        {"main.py": APP, ".env": "DEBUG=false\n" + RANDOM, ".gitignore": "__pycache__/\n*.log\n"},
        at=(".env:2",), severity="critical",
        fixed={".gitignore": "__pycache__/\n*.log\n\n# secrets: never in git\n.env\n"},
    ),
    Bad(  # placeholders that the next person replaces; there is no .gitignore
        {"main.py": APP, "deploy/.env.server": "SECRET_KEY=changethis\nPOSTGRES_PASSWORD=postgres\n"},
        at=("deploy/.env.server:1",), severity="medium",
        fixed={".gitignore": "# secrets: never in git\n/deploy/.env.server\n"},
    ),
    Bad(  # a private key, and a pattern that leaves another file out
        {"main.py": APP, "keys/service.pem": PEM, ".gitignore": "service.pem.bak\n.env\n"},
        at=("keys/service.pem:1",), severity="critical",
        fixed={".gitignore": "service.pem.bak\n.env\n\n# secrets: never in git\n/keys/service.pem\n"},
    ),
    Bad(  # a pattern that a later one takes back
        {"main.py": APP, ".env": "DATABASE_URL=postgresql://shop:tr0ub4dor-x9@db.shop.io/shop\n",
         ".gitignore": ".env*\n!.env\n"},
        at=(".env:1",), severity="critical",
        fixed={".gitignore": ".env*\n!.env\n\n# secrets: never in git\n.env\n"},
    ),
    Good({"main.py": APP, ".env": RANDOM, ".gitignore": ".env\n"}),
    Good(  # an example to copy, with a value to replace
        {"main.py": APP, ".env.example": "SECRET_KEY=changethis\n"}),
    Good({"main.py": APP, ".env_examples": "SECRET_KEY=changethis\n"}),
    Good(  # nothing secret: a page's public address, a compose project's name
        {"main.py": APP, "frontend/.env.production": "VITE_API_URL=https://api.shop.example\n",
         ".env": "COMPOSE_PROJECT_NAME=shop\nTOKEN_EXPIRE_MINUTES=30\n"}),
    Good(  # a deeper .gitignore, a certificate that everybody may see, a key for tests
        {"main.py": APP, "app/.env": RANDOM, "app/.gitignore": "/.env\n", "tests/fixtures/key.pem": PEM,
         "ca.pem": PEM.replace("PRIVATE KEY", "CERTIFICATE")}),
    Good({"main.py": APP}, outcome="not_applicable"),
)
