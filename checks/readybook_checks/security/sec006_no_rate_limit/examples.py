"""Examples of SEC006."""

from __future__ import annotations

from importlib.resources import files

from readybook import Bad, Good

HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\n"
SIGN_IN = "\n\n@app.post(\"/login\")\ndef login(name: str, password: str) -> str:\n    return find(name, password)\n"
ROUTE = "\n\n@app.get(\"/items\")\ndef items() -> list[int]:\n    return [1]\n"
HEALTH = "\n\n@app.get(\"/health\")\ndef health() -> str:\n    return \"ok\"\n"
CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
          "    redis_url: str = \"redis://localhost:6379/0\"\n")
END = "\n\nsettings = Settings()\n"


def _module(address: str, unlimited: str, strict: bool) -> str:
    """The module that the fix adds to the first example."""
    text = files(__package__).joinpath("rate_limit.py.tmpl").read_text(encoding="utf-8")
    extra = files(__package__).joinpath("sign_ins.py.tmpl").read_text(encoding="utf-8") if strict else ""
    text = text.replace("$limit", "SIGN_IN = parse(settings.sign_in_rate_limit)\n" if strict else "")
    text = text.replace("$unlimited", unlimited).replace("$address", address).replace("$sign_ins", extra)
    text = text.replace("{setting:rate_limit}", "settings.rate_limit")
    return text.replace("from limits.aio.strategies import SlidingWindowCounterRateLimiter\n",
                        "from limits.aio.strategies import SlidingWindowCounterRateLimiter\n\n"
                        "from app.config import settings\n")


SLOWAPI = ("from fastapi import APIRouter, FastAPI, Request\nfrom slowapi import Limiter\n"
           "from slowapi.middleware import SlowAPIMiddleware\nfrom slowapi.util import get_remote_address\n\n"
           "limiter = Limiter(key_func=get_remote_address, default_limits=[\"60/minute\"])\napp = FastAPI()\n"
           "app.state.limiter = limiter\napp.add_middleware(SlowAPIMiddleware)\nrouter = APIRouter()\n\n\n"
           "@router.get(\"/items\")\ndef items(request: Request) -> int:\n    return 1\n\n\n"
           "app.include_router(router)\n")
SETTINGS_ONLY = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
                 "    name: str = \"shop\"\n\n\nsettings = Settings()\n")
COMPOSE = ("services:\n  api:\n    build: .\n    environment:\n      LEVEL: info\n"
           "  cache:\n    image: redis:8-alpine\n")
WIRED = (HEAD + ROUTE).replace("import FastAPI\n", "import Depends, FastAPI\n\nfrom rate_limit import limit_requests\n"
                               ).replace("FastAPI()", "FastAPI(dependencies=[Depends(limit_requests)])")
EXAMPLES = (
    Bad(  # sign-in in a router, Redis known to the settings
        {"app/__init__.py": "", "app/config.py": CONFIG + END,
         "app/users.py": "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.post(\"/login\")\n"
         "def login(name: str, password: str) -> str:\n    return find(name, password)\n",
         "app/main.py": "from fastapi import FastAPI\n\nfrom app import users\nfrom app.config import settings\n\n"
         "app = FastAPI(title=settings.redis_url[:0])\napp.include_router(users.router)\n" + HEALTH,
         "requirements.txt": "fastapi==0.165.0\npydantic-settings==2.16.3\nredis==7.1.0\n"},
        at=("app/main.py:6",), severity="high",
        fixed={
            "app/config.py": CONFIG + "    rate_limit: str = \"300/minute\"\n"
            "    sign_in_rate_limit: str = \"10/minute\"\n" + END,
            "app/rate_limit.py": _module("settings.redis_url", "{\"/health\"}", True),
            "app/users.py": "from fastapi import APIRouter, Depends\n\nfrom app.rate_limit import limit_sign_ins\n\n"
            "router = APIRouter()\n\n\n@router.post(\"/login\", dependencies=[Depends(limit_sign_ins)])\n"
            "def login(name: str, password: str) -> str:\n    return find(name, password)\n",
            "app/main.py": "from fastapi import Depends, FastAPI\n\nfrom app import users\n"
            "from app.config import settings\nfrom app.rate_limit import limit_requests\n\n"
            "app = FastAPI(title=settings.redis_url[:0], dependencies=[Depends(limit_requests)])\n"
            "app.include_router(users.router)\n" + HEALTH,
            "requirements.txt": "fastapi==0.165.0\nlimits>=4.2,<6\npydantic-settings==2.16.3\nredis==7.1.0\n",
        },
    ),
    Bad({"main.py": HEAD + ROUTE}, at=("main.py:3",), severity="medium"),
    Bad(  # where compose runs the service its Redis has the name of its service
        {"main.py": HEAD + ROUTE, "config.py": SETTINGS_ONLY, "requirements.txt": "fastapi\n",
         "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD [\"uvicorn\", \"main:app\"]\n",
         "compose.yml": COMPOSE},
        at=("main.py:3",), severity="medium",
        fixed={"main.py": WIRED, "rate_limit.py": _module("settings.rate_limit_redis_url", "", False).replace(
                   "from app.config", "from config"), "config.py": SETTINGS_ONLY.replace(
                   "    name: str = \"shop\"\n", "    name: str = \"shop\"\n    rate_limit: str = \"300/minute\"\n"
                   "    rate_limit_redis_url: str = \"redis://localhost:6379/0\"\n"),
               "requirements.txt": "fastapi\nlimits>=4.2,<6\nredis>=5.2,<9\n",
               "compose.yml": COMPOSE.replace(
                   "LEVEL: info\n", "LEVEL: info\n      RATE_LIMIT_REDIS_URL: redis://cache:6379/0\n")}),
    Bad(  # a table of all statuses says 429 too, and refuses nobody
        {"main.py": "from codes import Codes\n\n" + HEAD + "app.add_middleware(Codes)\n" + ROUTE,
         "codes.py": "from fastapi import Request, Response\nfrom starlette.middleware.base import BaseHTTPMiddleware\n"
         "\n\nclass Codes(BaseHTTPMiddleware):\n"
         "    async def dispatch(self, request: Request, call_next) -> Response:\n"
         "        answer = await call_next(request)\n        words = {404: \"missing\", 429: \"slow\"}\n"
         "        answer.headers[\"X-Word\"] = words.get(answer.status_code, \"ok\")\n        return answer\n"},
        at=("main.py:5",), severity="medium"),
    Bad(  # named like a sign-in, and nothing is tried there
        {"main.py": HEAD + "\n\n@app.post(\"/login\")\ndef login(name: str, password: str) -> str:\n    return name\n"},
        at=("main.py:3",), severity="medium"),
    Bad(  # dependencies there already; another service's 429 that is handed on is no limit
        {"main.py": "import httpx\nfrom fastapi import Depends, FastAPI, HTTPException\n\n\n"
         "def tenant() -> int:\n    return 1\n\n\napp = FastAPI(dependencies=[Depends(tenant)])\n\n\n"
         "@app.post(\"/ask\")\ndef ask(text: str) -> str:\n    got = httpx.get(\"https://a.example\")\n"
         "    if got.status_code == 429:\n        raise HTTPException(429)\n    return got.text\n"},
        at=("main.py:9",), severity="medium"),
    Bad(  # some routes, and not the one that takes passwords
        {"main.py": "from fastapi import Depends, FastAPI\nfrom fastapi_limiter.depends import RateLimiter\n\n"
         "app = FastAPI()\n\n\n@app.get(\"/items\", dependencies=[Depends(RateLimiter(times=2, seconds=5))])\n"
         "def items() -> int:\n    return 1\n" + SIGN_IN}, at=("main.py:13",), severity="high"),
    Bad(  # slowapi's middleware does not see included routers
        {"main.py": SLOWAPI, "requirements.txt": "fastapi==0.165.0\nslowapi==0.1.10\n"}, at=("main.py:6",),
        severity="medium"),
    Bad(  # counted in each of four processes
        {"main.py": SLOWAPI, "requirements.txt": "fastapi==0.115.0\nslowapi==0.1.10\n",
         "Procfile": "web: uvicorn main:app --workers 4\n"}, at=("main.py:6",), severity="medium"),
    Bad(  # what is registered is a schema, nobody's account: requests are not limited, and that is all
        {"main.py": HEAD.replace("FastAPI\n", "FastAPI\nfrom pydantic import BaseModel\n", 1) + ROUTE
         + "\n\nclass Schema(BaseModel):\n    subject: str\n    fields: list[str]\n\n\n"
         "@app.post(\"/schema/register\")\n"
         "def add(schema: Schema) -> bool:\n    return schema.subject in find(schema.fields)\n"},
        at=("main.py:4",), severity="medium"),
    Good({"main.py": SLOWAPI, "requirements.txt": "fastapi==0.115.0\nslowapi==0.1.10\n"}),
    Good(  # its own dependency, on the application, through a helper
        {"main.py": "from fastapi import Depends, FastAPI, HTTPException\n\nseen = {}\n\n\ndef count(key):\n"
         "    seen[key] = seen.get(key, 0) + 1\n    if seen[key] > 100:\n        raise HTTPException(status_code=429)\n"
         "\n\ndef guard() -> None:\n    count(\"all\")\n\n\napp = FastAPI(dependencies=[Depends(guard)])\n" + SIGN_IN}),
    Good(  # its own middleware
        {"main.py": "from fastapi import FastAPI\nfrom fastapi.responses import JSONResponse\n\napp = FastAPI()\n\n\n"
         "@app.middleware(\"http\")\nasync def slow_down(request, call_next):\n    if request.app.state.busy:\n"
         "        return JSONResponse({}, status_code=429)\n    return await call_next(request)\n" + SIGN_IN}),
    Good(  # a lock after wrong passwords, in the service that the handler calls
        {"main.py": "from fastapi import FastAPI, HTTPException, status\n\napp = FastAPI()\n\n\nclass Users:\n"
         "    def check(self, name):\n        if name in self.locked:\n"
         "            raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS)\n\n\n@app.post(\"/login\")\n"
         "def login(name: str) -> str:\n    Users().check(name)\n    return name\n"}),
    Good(  # the proxy
        {"main.py": HEAD + SIGN_IN,
         "nginx.conf": "limit_req_zone $binary_remote_addr zone=all:1m rate=9r/s;\nserver {\n"
         "    location / {\n        limit_req zone=all burst=9;\n        proxy_pass http://app:8000;\n    }\n}\n"}),
    Bad(  # who signs in does it elsewhere, or has done so: nothing to guess here
        {"main.py": "from authlib.integrations.starlette_client import OAuth\nfrom fastapi import FastAPI, Request\n"
         "from starlette.authentication import requires\n\napp = FastAPI()\noauth = OAuth()\n\n\n"
         "@app.post(\"/auth/login\")\nasync def login(request: Request):\n"
         "    return await oauth.google.authorize_redirect(request, \"/auth\")\n\n\n"
         "@app.post(\"/auth/token\")\n@requires([\"authenticated\"])\nasync def token(request: Request):\n"
         "    return print(request.user)\n"},
        at=("main.py:5",), severity="medium"),
    Good({"main.py": HEAD + HEALTH}, outcome="not_applicable"),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
