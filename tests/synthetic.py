"""Reports made by hand for the tests of what is shown: a plain one, a clean one, a hostile one, a huge one."""

from __future__ import annotations

import hashlib

from readybook.check import Estimate, Hours, Result
from readybook.effort import estimate
from readybook.finding import Finding, Fix, advice
from readybook.intents import SetKeyword
from readybook.place import Place
from readybook.report import Report, ServedApp, Target, Waived
from readybook.service import DataStore, Package, ServedRoute, Service

HOSTILE = (
    "<script>document.documentElement.dataset.pwned='1'</script>",
    "<img src=x onerror=\"document.documentElement.dataset.pwned='1'\">",
    "</script><script>document.documentElement.dataset.pwned='1'</script>",
    "<!--<script>",
    "]]>",
    "`${document.documentElement.dataset.pwned=1}`",
    "{{ 7*7 }}{% raw %}",
    "' onmouseover='document.documentElement.dataset.pwned=1' x='",
    "</pre></code></details></main><h1>broken</h1>",
    "[click](javascript:document.documentElement.dataset.pwned=1)",
    "```\n<b>out</b>\n```",
    "\u202egpj.exe\u2066",
    "\x1b[31m\x00",
)
SECRET = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


def finding(
    path: str,
    line: int,
    message: str,
    *,
    severity: str | None = None,
    evidence: str = "",
    fix: Fix | None = None,
    symbol: str = "",
    chain: tuple[Place, ...] = (),
    app: str | None = "app.main:app",
) -> Finding:
    """A finding as a run completes it."""
    return Finding(
        Place(path, line, symbol=symbol), message, severity=severity, evidence=evidence, fix=fix, app=app, chain=chain
    )


def result(
    id_: str,
    category: str,
    severity: str,
    title: str,
    findings: tuple[Finding, ...] = (),
    *,
    rights: int = 0,
    outcome: str = "",
    reason: str = "",
    hours: Hours = Hours(1, 2, 4, 0.5),
) -> Result:
    """A result whose outcome, ratio, effort and fingerprints follow from its findings."""
    counted = {"passed": 1.0, "failed": 0.0, "attested": 1.0}
    outcome = outcome or ("passed" if not findings else "partial" if rights else "failed")
    ratio = rights / (rights + len(findings)) if outcome == "partial" else counted.get(outcome)
    prints = tuple(fingerprint(id_, n) for n in range(len(findings)))
    return Result(
        id_,
        title.lower().replace(" ", "-")[:30],
        category,
        severity,
        title,
        outcome,
        ratio,
        reason,
        estimate(hours, findings) if findings else Estimate(),
        findings,
        prints,
    )


def fingerprint(id_: str, number: int) -> str:
    """A fingerprint that is the same in every process."""
    return hashlib.sha256(f"{id_} {number}".encode()).hexdigest()[:16]


def plain() -> Report:
    """An ordinary service with defects of each severity."""
    origins = Fix(
        "Read the allowed origins from the settings",
        (SetKeyword(Place("app/main.py", 14), "add_middleware", "allow_origins", "settings.origins"),),
        safety="review",
        reason="other sites lose access",
    )
    pool = Fix(
        "Set the pool's size",
        (SetKeyword(Place("app/db.py", 9), "create_async_engine", "pool_size", "10"),),
        safety="safe",
    )
    return Report(
        Target(
            "cypherx", "4f0c2d9a8b7e6f5d4c3b2a190817263544536271", 118, 6420, (("data/blob.py", "contains null bytes"),)
        ),
        (ServedApp("app.main:app", "app/main.py", 12, 41), ServedApp("app.admin:create_app()", "app/admin.py", 30, 7)),
        (
            result(
                "SEC001",
                "security",
                "critical",
                "Any website may call the API with the user's credentials.",
                (
                    finding(
                        "app/main.py",
                        14,
                        'allow_origins is ["*"] together with allow_credentials=True; every site is let in.',
                        evidence='app.add_middleware(\n    CORSMiddleware,\n    allow_origins=["*"],\n'
                        "    allow_credentials=True,\n)",
                        fix=origins,
                        chain=(Place("app/settings.py", 8, symbol="Settings.origins"), Place("app/main.py", 14)),
                    ),
                ),
            ),
            result(
                "SEC004",
                "security",
                "high",
                "A secret has a default that ships with the code.",
                (
                    finding(
                        "app/settings.py",
                        11,
                        "JWT_SECRET falls back to a literal.",
                        evidence=f'jwt_secret: str = "{SECRET}"',
                        symbol="Settings",
                        severity="critical",
                        fix=advice("Make the setting required", "the secret must be rotated by a person"),
                    ),
                    finding(
                        "app/mail.py",
                        3,
                        "SMTP_PASSWORD falls back to a literal.",
                        evidence='password = "hunter2hunter2"',
                    ),
                ),
                rights=3,
            ),
            result(
                "SEC011",
                "security",
                "medium",
                "Responses carry no security headers.",
                outcome="waived",
                reason="1 finding waived",
            ),
            result(
                "PER001",
                "performance",
                "high",
                "An async handler blocks the event loop.",
                tuple(
                    finding(
                        f"app/routes/orders_{n}.py",
                        20 + n,
                        f"requests.get blocks the loop for up to {n + 3} seconds.",
                        evidence="def load(order_id):\n    return requests.get(URL + order_id).json()",
                        symbol=f"load_{n}",
                    )
                    for n in range(6)
                ),
                rights=12,
                hours=Hours(0.5, 1, 3, 0.75),
            ),
            result(
                "PER002",
                "performance",
                "medium",
                "The database pool is left at its default size.",
                (
                    finding(
                        "app/db.py",
                        9,
                        "create_async_engine has no pool_size.",
                        evidence="engine = create_async_engine(URL)",
                        fix=pool,
                    ),
                ),
            ),
            result(
                "ARC012",
                "architecture",
                "medium",
                "Start-up handlers are deprecated events.",
                (finding("app/main.py", 60, "on_event is deprecated.", evidence='@app.on_event("startup")'),),
                rights=1,
            ),
            result("OPS001", "devops", "high", "There is no liveness endpoint."),
            result(
                "OPS010",
                "devops",
                "medium",
                "The container runs as root.",
                (
                    finding(
                        "Dockerfile",
                        7,
                        "No USER instruction in the last stage.",
                        evidence="FROM python:3.12-slim",
                        app=None,
                    ),
                ),
            ),
            result(
                "TST002",
                "testing",
                "medium",
                "Coverage is not measured.",
                outcome="unknown",
                reason="cannot tell: tox.ini:3: the command is built at run time",
            ),
            result("COD003", "code_quality", "low", "A module is too long.", rights=1),
        ),
        (
            Waived(
                "SEC011",
                finding("app/main.py", 20, "No security headers are set."),
                "00000000000000aa",
                "the gateway sets them",
                "readybook.toml waive 1",
            ),
        ),
        (("Vulnerable versions of packages", "the audit makes no network request"),),
        Service(
            tuple(
                ServedRoute("app.main:app", method, f"/orders/{n}", "app/routes/orders.py", 10 + n, guarded)
                for n, (method, guarded) in enumerate((("GET", False), ("POST", True), ("DELETE", None)))
            ),
            (DataStore("database", "sqlalchemy", "postgresql", "app/db.py", 9),
             DataStore("redis", "redis.asyncio.Redis", "", "app/cache.py", 4)),
            (Package("fastapi", "0.115.6", "pinned"), Package("sqlalchemy", "2.0", "lower bound")),
        ),
    )


def clean() -> Report:
    """A service on which nothing fails."""
    return Report(
        Target("hardened", None, 40, 1800),
        (ServedApp("app.main:app", "app/main.py", 5, 12),),
        (
            result("SEC001", "security", "critical", "Any website may call the API."),
            result("OPS001", "devops", "high", "There is no liveness endpoint."),
        ),
    )


def hostile() -> Report:
    """Every text that comes from the target tries to run in the reader's browser, or to leak a secret."""
    findings = tuple(
        Finding(
            Place(f"app/{text}.py", n + 1, symbol=text),
            f"{text} {SECRET}",
            evidence=f'{text}\nkey = "{SECRET}"',
            app=text,
            chain=(Place(text, 3, symbol=text),),
            fix=Fix(text, kinds=("codemod",), reason=text),
        )
        for n, text in enumerate(HOSTILE)
    )
    return Report(
        Target(HOSTILE[0], HOSTILE[1], 3, 40, tuple((text, text) for text in HOSTILE)),
        tuple(ServedApp(text, text, 1, 1) for text in HOSTILE),
        (result("SEC001", "security", "critical", "Any website may call the API.", findings, reason=HOSTILE[2]),),
        (Waived("SEC004", findings[0], "00000000000000ab", HOSTILE[0], HOSTILE[1]),),
        tuple((text, text) for text in HOSTILE),
        Service(
            tuple(ServedRoute(text, text, text, text, 1, None) for text in HOSTILE),
            tuple(DataStore(text, text, text, text, 1) for text in HOSTILE),
            tuple(Package(text, text, text) for text in HOSTILE),
        ),
    )


def huge(checks: int = 120, each: int = 400) -> Report:
    """More than a page can hold: long texts, many findings of many checks."""
    categories = ("architecture", "security", "performance", "testing", "devops", "code_quality", "product")
    evidence = "\n".join(f"    value_{n} = compute(<{n}>) & store({n})" + "x" * 300 for n in range(40))
    return Report(
        Target("monolith", None, 9000, 900000),
        (),
        tuple(
            result(
                f"BIG{n:03}",
                categories[n % 7],
                ("critical", "high", "medium", "low")[n % 4],
                f"Defect {n} " + "of some length " * 8,
                tuple(
                    finding(f"{'deep/' * 40}module_{n}_{k}.py", k + 1, "The same again. " * 80, evidence=evidence)
                    for k in range(each)
                ),
            )
            for n in range(checks)
        ),
        not_checked=tuple((f"thing {n}", "because " * 60) for n in range(3000)),
    )
