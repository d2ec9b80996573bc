"""Examples of ARC006."""

from __future__ import annotations

from readybook import Bad, Good
from readybook_checks.architecture.arc006_no_circuit_breaker.curing import module

HEAD = "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
CALL = ("\n\nasync def fetch() -> str:\n    async with httpx.AsyncClient(timeout=3) as client:\n"
        "        return (await client.get(\"https://a.example\")).text\n")
ROUTE = "\n\n@app.get(\"/\")\nasync def root() -> str:\n    return await fetch()\n"
BREAKER = "\nimport pybreaker\n\nguard = pybreaker.CircuitBreaker(fail_max=5)\n"
CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    title: str = \"Shop\"\n"
          "{0}\n\nsettings = Settings()\n")
NEW = CONFIG.format("    circuit_failures: int = 5\n    circuit_reset_seconds: float = 30.0\n")
RATES = ("import requests as web\n\n{0}BASE = \"https://rates.example\"\n\n\ndef rate(code: str) -> dict[str, str]:\n"
         "    try:\n{1}    except web.RequestException:\n        return {{}}\n    return found\n")
PLAIN = "        found = web.get(\n            f\"{BASE}/{code}\",\n            timeout=3,\n        ).json()\n"
INSIDE = ("        with requests_circuit(f\"{BASE}/{code}\") as upstream:\n            found = upstream.saw(web.get(\n"
          "                f\"{BASE}/{code}\",\n                timeout=3,\n            )).json()\n")
USE = ("from fastapi import FastAPI\n\nfrom app import rates\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
       "def root(code: str) -> dict[str, str]:\n    return rates.rate(code)\n")


def _text(*kinds: str) -> str:
    """The module that the fix adds beside the settings of ``CONFIG``."""
    text = module({*kinds}).replace("{setting:", "settings.").replace("failures}", "failures").replace(
        "seconds}", "seconds")
    return text.replace("import HTTPException\n", "import HTTPException\n\nfrom app.config import settings\n", 1)


EXAMPLES = (
    Bad(  # a client in a block, and one that an object keeps
        {"app/__init__.py": "", "app/config.py": CONFIG.format(""),
         "app/main.py": HEAD + CALL + ROUTE.replace("await fetch()", "await fetch() + await client.text()")
         .replace("\n\n@app", "\n\nclass Client:\n    def __init__(self) -> None:\n"
                  "        self.http = httpx.AsyncClient()\n\n    async def text(self) -> str:\n"
                  "        return (await self.http.request(\"GET\", \"https://b.example\")).text\n\n\n"
                  "client = Client()\n\n\n@app", 1)},
        at=("app/main.py:9",), severity="low",
        fixed={
            "app/config.py": NEW, "app/circuit_breaker.py": _text("AsyncClient"),
            "app/main.py": HEAD.replace("\n\napp", "\n\nfrom app.circuit_breaker import guarded_async_client\n\napp")
            + CALL.replace("httpx.AsyncClient(timeout=3)", "guarded_async_client(httpx.AsyncClient(timeout=3))")
            + ROUTE.replace("await fetch()", "await fetch() + await client.text()")
            .replace("\n\n@app", "\n\nclass Client:\n    def __init__(self) -> None:\n"
                     "        self.http = guarded_async_client(httpx.AsyncClient())\n\n"
                     "    async def text(self) -> str:\n"
                     "        return (await self.http.request(\"GET\", \"https://b.example\")).text\n\n\n"
                     "client = Client()\n\n\n@app", 1)},
    ),
    Bad(  # a call over several lines, whose errors are caught
        {"app/__init__.py": "", "app/config.py": CONFIG.format(""), "app/main.py": USE,
         "app/rates.py": RATES.format("", PLAIN)}, at=("app/rates.py:8",),
        fixed={"app/config.py": NEW, "app/circuit_breaker.py": _text("requests block"),
               "app/rates.py": RATES.format("from app.circuit_breaker import requests_circuit\n\n", INSIDE)},
    ),
    Bad({"main.py": HEAD + CALL + ROUTE, "requirements.txt": "httpx\npurgatory==3.0.1\n"}, at=("main.py:9",),
        fixed={}),  # a library of its own choice is at hand
    Bad(  # it may not be called at all, and its address is worked out anew each time
        {"main.py": "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def root(ask: bool) -> int:\n    one = requests.get(\"https://a.example\").status_code if ask else 0\n"
         "    return one + requests.get(where()).status_code\n"}, at=("main.py:9",), fixed={}),
    Bad({"main.py": HEAD + BREAKER + CALL.replace("async def", "@guard\nasync def") + ROUTE}, at=("main.py:12",),
        severity="high"),
    Bad({"main.py": "import requests as r\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def root() -> str:\n    return r.get(\"https://a.example\", timeout=3).text\n"}, at=("main.py:9",)),
    Good({"main.py": HEAD + BREAKER + ROUTE
          + CALL.replace("        return", "        with guard.calling():\n            return")}),
    Good({"main.py": "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n" + BREAKER
          + "\n\n@guard\ndef fetch() -> str:\n    return requests.get(\"https://a.example\", timeout=3).text\n"
          + ROUTE.replace("async ", "").replace("await ", "")}),
    Good({"main.py": HEAD + ROUTE.replace("await fetch()", "\"ok\"")}, outcome="not_applicable"),
    Good({"main.py": HEAD + CALL}, outcome="not_applicable"),  # no request calls it
)
