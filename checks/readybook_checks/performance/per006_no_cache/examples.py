"""Projects on which PER006 is tried."""

from __future__ import annotations

from importlib.resources import files

from readybook import Bad, Good

CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    redis_url: str\n\n\n"
          "settings = Settings()\n")
HEAD = "import httpx\nfrom fastapi import FastAPI\n\nfrom config import settings\n\n"
APP = "app = FastAPI(title=settings.redis_url[:0])\n\n\n"
ROUTE = ("@app.get(\"/rates/{name}\")\n{0}async def rate(name: str) -> dict[str, float]:\n"
         "    async with httpx.AsyncClient() as client:\n"
         "        return (await client.get(\"https://rates.example/\" + name)).json()\n")
PLAIN = HEAD + APP + ROUTE.replace("{0}", "")
IMPORTS = ("from datetime import date, time as clock, timedelta\n", "from redis.backoff import NoBackoff\n")
TEXT = files(__package__).joinpath("response_cache.py.tmpl").read_text(encoding="utf-8")
MADE = TEXT.replace("$address", "settings.redis_url").replace(IMPORTS[1], IMPORTS[1] + "\n"
     "from config import settings\n")
LIFE = ("@asynccontextmanager\nasync def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
        "    \"\"\"Run what start-up needs, serve, then run what shutdown needs.\"\"\"\n    try:\n        yield\n"
        "    finally:\n        await close_cache()\n\n\n")
DB = ("from fastapi import Depends, FastAPI\nfrom sqlalchemy import select\n"
     "from sqlalchemy.orm import DeclarativeBase, "
      "Mapped, Session, mapped_column\n\n\nclass Base(DeclarativeBase):\n    pass\n\n\nclass Item(Base):\n"
      "    __tablename__ = \"items\"\n    id: Mapped[int] = mapped_column(primary_key=True)\n\n\n"
      "def get_session() -> Session:\n    return Session()\n\n\napp = FastAPI()\n\n\n@app.get(\"/items\")\n"
      "def items(session: Session = Depends(get_session)):\n    return session.scalars(select(Item)).all()\n")
FILES = {"main.py": PLAIN, "config.py": CONFIG, "requirements.txt": "fastapi==0.165.0\nredis==7.1.0\n"}
EXAMPLES = (
    Bad(FILES, at=("main.py:10",), severity="low",
        fixed={"main.py": "from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"
               + HEAD.rstrip("\n") + "\nfrom response_cache import cached, close_cache\n\n\n" + LIFE
               + APP.replace(")\n", ", lifespan=lifespan)\n")
               + ROUTE.replace("{0}", "@cached(60, model=dict[str, float])\n"), "response_cache.py": MADE}),
    Bad({"main.py": DB}, at=("main.py:23",)),  # a plain function: advice
    Bad({"main.py": "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/weather\")\ndef weather():\n    return requests.get(\"https://w.example\", timeout=3).json()\n"},
        at=("main.py:8",)),
    Good({**FILES, "main.py": PLAIN.replace("import httpx\n", "import httpx\n"
         "from fastapi_cache.decorator import cache\n")
          }),
    Good(  # asks who calls
        {"main.py": DB.replace(
            "import Depends, FastAPI\n", "import Depends, FastAPI\nfrom fastapi.security import OAuth2PasswordBearer\n"
         ).replace("(get_session))", "(get_session), token: str = Depends(OAuth2PasswordBearer(\"t\")))")},
        outcome="not_applicable"),
    Good({"main.py": DB.replace("/items", "/users/{user_id}/items")}, outcome="not_applicable"),  # somebody's own
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef root() -> int:\n"
          "    return 1\n"}, outcome="not_applicable"),
    Good({"main.py": DB.replace("    return session", "    response.headers[\"Cache-Control\"] = \"max-age=60\"\n"
                                "    return session").replace("items(session", "items(response, session")}),
)
