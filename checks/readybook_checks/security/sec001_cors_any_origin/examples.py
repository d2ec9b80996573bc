"""Examples of SEC001."""

from __future__ import annotations

from readybook import Bad, Good

MAIN = "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n"
SIGN = ("\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n\n\n"
        "@app.post(\"/in\")\ndef sign_in(response: Response):\n    response.set_cookie(\"user\", \"ann\"{})\n\n\n"
        "@app.get(\"/me\")\ndef me(request: Request):\n    return request.cookies[\"user\"]\n")
GIVEN = ("import os\n" + MAIN + "\napp = FastAPI()\norigins = os.getenv(\"ORIGINS\", \"*\").split(\",\")\n"
         "app.add_middleware(CORSMiddleware, allow_origins=origins, allow_credentials=True)\n")
NAMED = ("from conf import TITLE\n\napp = FastAPI(title=TITLE)\n{}"
         "app.add_middleware(\n    CORSMiddleware,\n    allow_origins={},\n    allow_credentials=True,\n)\n")
EXAMPLES = (
    Bad(  # the list goes with its last reader
        {"main.py": MAIN + NAMED.format("origins = [\n    \"*\",\n]\n\n", "origins"),
         "conf.py": "import os\n\nTITLE = os.getenv(\"TITLE\", \"shop\")\n"},
        at=("main.py:10",), severity="high",
        fixed={"main.py": MAIN + NAMED.format("\n", "CORS_ORIGINS").replace("TITLE\n", "CORS_ORIGINS, TITLE\n", 1),
               "conf.py": "import os\n\nTITLE = os.getenv(\"TITLE\", \"shop\")\nCORS_ORIGINS = [part.strip() for part "
               "in os.getenv(\"CORS_ORIGINS\", \"\").split(\",\") if part.strip()]\n"},
    ),
    Bad(
        {"app/main.py": MAIN + "\napp = FastAPI()\napp.add_middleware(\n    CORSMiddleware,\n"
         "    allow_origins=[\"*\"],\n    allow_credentials=True,\n)\n"},
        at=("app/main.py:5",), severity="high",
    ),
    Bad(  # a cookie tells who calls
        {"app/main.py": MAIN.replace("FastAPI\n", "Depends, FastAPI\n", 1)
         + "from app.users import user\n\napp = FastAPI(dependencies=[Depends(user)])\n"
         "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n",
         "app/users.py": "from fastapi import Request\n\n\ndef user(request: Request) -> str | None:\n"
         "    return request.cookies.get(\"session\")\n"},
        at=("app/main.py:6",), severity="critical",
    ),
    Bad(  # the setting is a text that a property takes apart: its default goes, the code stays
        {"app/config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    cors_origins: str = \"*\"\n\n    @property\n    def origins(self):\n"
         "        found = [o.strip() for o in self.cors_origins.split(\",\")]\n        return found or []\n\n\n"
         "settings = Settings()\n",
         "app/main.py": MAIN + "\nfrom app.config import settings\n\napp = FastAPI()\n"
         "app.add_middleware(CORSMiddleware, allow_origins=settings.origins, allow_credentials=True)\n"},
        at=("app/main.py:7",),
        fixed={"app/config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
               "    cors_origins: str = \"\"\n\n    @property\n    def origins(self):\n"
               "        found = [o.strip() for o in self.cors_origins.split(\",\")]\n        return found or []\n\n\n"
               "settings = Settings()\n"},
    ),
    Bad(  # through settings, two modules away
        {
            "app/config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
            "    cors_origins: list[str] = [\"*\"]\n\n\nsettings = Settings()\n",
            "app/main.py": "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware as Cors\n"
            "from app.config import settings\n\n\ndef create_app() -> FastAPI:\n    app = FastAPI()\n"
            "    app.add_middleware(Cors, allow_origins=settings.cors_origins, allow_credentials=True)\n"
            "    return app\n\n\napp = create_app()\n",
        },
        at=("app/main.py:8",), severity="high",
        fixed={"app/config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
               "    cors_origins: list[str] = []\n\n\nsettings = Settings()\n"},
    ),
    Bad(  # the environment that lies beside the code lists them
        {"main.py": GIVEN, "compose.yaml": "services:\n  api:\n    build: .\n    env_file: .env.prod\n",
         ".env.prod": "ORIGINS=https://shop.example.com\n"},
        at=("main.py:7",), severity="low"),
    Bad(  # and there, too, all may
        {"main.py": GIVEN, "compose.yaml": "services:\n  api:\n    build: .\n    env_file: .env.prod\n",
         ".env.prod": "ORIGINS=*\n"},
        at=("main.py:7",), severity="high"),
    Bad(  # an environment default, split by comma; no credentials
        {"main.py": "import os\n" + MAIN + "\napp = FastAPI()\norigins = os.getenv(\"ORIGINS\", \"*\").split(\",\")\n"
         "app.add_middleware(CORSMiddleware, allow_origins=origins)\n"},
        at=("main.py:7",), severity="low",
    ),
    Bad(  # the variable that deployments set already goes on to count
        {"main.py": "import os\n" + MAIN + "\napp = FastAPI()\n"
         "given = os.getenv(\"CORS_ALLOW_ORIGINS\", \"*\").strip()\n"
         "origins = [\"*\"] if given == \"*\" or not given else given.split(\",\")\n"
         "app.add_middleware(CORSMiddleware, allow_origins=origins)\n",
         "conf.py": "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\n"
         "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_file=\".env\")\n\n"
         "    debug: bool = False\n\n\nsettings = Settings()\n",
         "requirements.txt": "fastapi==0.136.0\npydantic-settings==2.10.1\n"},
        at=("main.py:8",), severity="low",
        fixed={
            "main.py": "import os\n" + MAIN + "from conf import settings\n\napp = FastAPI()\n"
            "given = os.getenv(\"CORS_ALLOW_ORIGINS\", \"*\").strip()\n"
            "origins = [\"*\"] if given == \"*\" or not given else given.split(\",\")\n"
            "app.add_middleware(CORSMiddleware, allow_origins=settings.cors_allow_origins)\n",
            "conf.py": "from typing import Annotated\n\nfrom pydantic import field_validator\n"
            "from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict\n\n\n"
            "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_file=\".env\")\n\n"
            "    debug: bool = False\n    cors_allow_origins: Annotated[list[str], NoDecode] = []\n\n"
            "    @field_validator(\"cors_allow_origins\", mode=\"before\")\n    @classmethod\n"
            "    def split_commas(cls, value: object) -> object:\n"
            "        \"\"\"Read ``a, b`` from the environment as a list of two.\"\"\"\n"
            "        if isinstance(value, str):\n"
            "            return [part.strip() for part in value.split(\",\") if part.strip()]\n"
            "        return value\n\n\nsettings = Settings()\n",
        },
    ),
    Bad(
        {"main.py": MAIN + "\napp = FastAPI()\napp.add_middleware(\n    CORSMiddleware,\n"
         "    allow_origin_regex=\"^https?://.*$\",\n    allow_credentials=True,\n)\n"},
        at=("main.py:5",), severity="high",
    ),
    Bad(  # in the constructor's list
        {"main.py": MAIN + "from starlette.middleware import Middleware\n\napp = FastAPI(\n    middleware=[\n"
         "        Middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True),\n    ]\n)\n",
         "requirements.txt": "fastapi==0.136.0\npydantic-settings==2.10.1\n"},
        at=("main.py:7",), severity="high",
    ),
    Bad(  # on developers' machines only, and wherever nobody says which this is
        {"main.py": MAIN + "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    environment: str = \"production\"\n    stage: str = \"dev\"\n\n    @property\n"
         "    def is_development(self) -> bool:\n        return self.environment.lower() == \"development\"\n\n\n"
         "settings = Settings()\napp = FastAPI()\nif settings.is_development:\n"
         "    app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n"
         "if settings.stage != \"prod\":\n"
         "    app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n"},
        at=("main.py:18", "main.py:20"), severity="medium",
    ),
    Good(
        {"main.py": MAIN + "\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"https://a.example\"])\n"},
    ),
    Good(  # the variable is required: what it holds is not in the code
        {"main.py": "import os\n" + MAIN + "\napp = FastAPI()\n"
         "app.add_middleware(CORSMiddleware, allow_origins=os.environ[\"ORIGINS\"].split(\",\"))\n"},
        outcome="unknown",
    ),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
    Bad(  # one text in the settings, told of in the example
        {"config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    cors_origins: str = \"*\"\n\n\nsettings = Settings()\n", ".env.example": "# CORS_ORIGINS=*\n",
         "main.py": MAIN + "\nfrom config import settings\n\napp = FastAPI()\n"
         "app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins.split(\",\"))\n\n\n"
         "@app.post(\"/a\")\ndef add():\n    pass\n"},
        at=("main.py:7",), severity="low",
        fixed={"config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
               "    cors_origins: str = \"\"\n\n\nsettings = Settings()\n",
               ".env.example": "# CORS_ORIGINS=https://app.example.com\n"}),
    Bad(  # a session in which only an OAuth package keeps its state; one that the code looks into
        {"main.py": MAIN + "from starlette.middleware.sessions import SessionMiddleware\n\nimport keys\n\n"
         "app = FastAPI()\napp.add_middleware(SessionMiddleware, secret_key=keys.SESSION)\n"
         "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n",
         "keys.py": "import os\n\nSESSION = os.environ[\"SESSION_KEY\"]\n"}, at=("main.py:9",), severity="high"),
    Bad({"main.py": MAIN + "from starlette.middleware.sessions import SessionMiddleware\n\nimport keys\n\n"
         "app = FastAPI()\napp.add_middleware(SessionMiddleware, secret_key=keys.SESSION, same_site=\"none\")\n"
         "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n",
         "keys.py": "import os\n\nSESSION = os.environ[\"SESSION_KEY\"]\n\n\ndef user(req) -> str:\n"
         "    return req.session[\"user\"]\n"}, at=("main.py:9",), severity="critical"),
    Bad(  # which no other site's request carries
        {"main.py": MAIN + "from starlette.middleware.sessions import SessionMiddleware\n\nimport keys\n\n"
         "app = FastAPI()\napp.add_middleware(SessionMiddleware, secret_key=keys.SESSION)\n"
         "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n",
         "keys.py": "import os\n\nSESSION = os.environ[\"SESSION_KEY\"]\n\n\ndef user(req) -> str:\n"
         "    return req.session[\"user\"]\n"}, at=("main.py:9",), severity="high"),
    Bad(  # a cookie that goes out with every request, and one that does not
        {"main.py": MAIN.replace("FastAPI\n", "FastAPI, Request, Response\n", 1) + SIGN.format(", samesite=\"none\"")},
        at=("main.py:5",), severity="critical"),
    Bad({"main.py": MAIN.replace("FastAPI\n", "FastAPI, Request, Response\n", 1) + SIGN.format("")},
        at=("main.py:5",), severity="high"),
    Good(  # a middleware refuses other origins
        {"main.py": MAIN.replace("FastAPI\n", "FastAPI\nfrom fastapi.responses import JSONResponse\n", 1)
         + "\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=True)\n\n\n"
         "@app.middleware(\"http\")\nasync def same(request, call_next):\n"
         "    if request.headers.get(\"origin\") != str(request.base_url):\n"
         "        return JSONResponse({}, status_code=403)\n    return await call_next(request)\n"}, outcome="unknown"),
    Good(  # what everybody may read, without credentials
        {"main.py": MAIN + "\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"*\"])\n\n\n"
         "@app.get(\"/names\")\ndef names() -> list[str]:\n    return []\n"}),
    Good(  # a pattern for one's own hosts
        {"main.py": MAIN + "\napp = FastAPI()\napp.add_middleware(\n    CORSMiddleware,\n"
         "    allow_origin_regex=r\"https://.*\\.example\\.com\",\n    allow_credentials=True,\n)\n"},
    ),
    Bad(  # credentials only where the origins are listed
        {"main.py": "import os\n" + MAIN + "\nANY = \"*\"\napp = FastAPI()\n"
         "origins = os.getenv(\"ORIGINS\", \"*\").split(\",\")\nmay = ANY not in origins\n"
         "app.add_middleware(CORSMiddleware, allow_origins=origins, allow_credentials=may)\n\n\n"
         "@app.post(\"/a\")\ndef add():\n    pass\n"}, at=("main.py:9",), severity="low"),
    Bad(  # of another list
        {"main.py": "import os\n" + MAIN + "\napp = FastAPI()\nhosts = [\"a.example\"]\n"
         "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_credentials=\"*\" not in hosts)\n"},
        at=("main.py:7",), severity="high"),
)
