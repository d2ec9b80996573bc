"""Examples of SEC004: what it finds and what only looks like it. The keys in them are made up."""

from __future__ import annotations

from readybook import Bad, Good

KEY = "tR8mZq3LwX7" + "vNc2KpJ5sBd"  # in two pieces, so that no scanner of this repository stops at it
SETTINGS = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
TOKENS = (
    "import jwt\n\nfrom app.config import settings\n\n\ndef token(user: str) -> str:\n"
    "    return jwt.encode({\"sub\": user}, settings.secret_key, algorithm=\"HS256\")\n"
)
CONNECTS = ("import psycopg\n\nconnection = psycopg.connect(\n"
            "    host=\"77.88.12.9\", password=\"kW7!fq20_Zu\", user=\"shop\")\n")

EXAMPLES = (
    Bad(  # a script, called like a test, that somebody tried the real database with
        {"app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n", "app/scripts/test_db.py": CONNECTS,
         "tests/test_db.py": CONNECTS.replace("host=\"77.88.12.9\"", "host=\"192.0.2.7\"")},
        at=("app/scripts/test_db.py:3",), severity="critical",
    ),
    Good(  # a test of the code that connects; and an address that stands in every example
        {"app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
         "tests/test_db.py": CONNECTS + "\n\ndef test_it() -> None:\n    assert connection.ok\n",
         "scripts/try.py": CONNECTS.replace("77.88.12.9", "1.2.3.4")}, outcome="not_applicable"),
    Bad(  # its name says whom it is for: no start may ask for it, and production must refuse it
        {"app/keys.py": "import os\n\nLOCAL_TEST_FALLBACK_SECRET_KEY = \"q8Zr2Lk0VxW9tYb3NcM5aHs7Jd1Fg4Pe\"\n\n\n"
         "def key() -> str:\n    return os.environ.get(\"KEY\") or LOCAL_TEST_FALLBACK_SECRET_KEY\n"},
        at=("app/keys.py:3",), severity="medium", fixed={},
    ),
    Bad(  # a fallback that signs, whatever it says
        {"app/tokens.py": "import os\n\nfrom jose import jwt\n\n"
         "SECRET_KEY = os.getenv(\"SECRET_KEY\", \"change_this\")\n\n\n"
         "def token(user: str) -> str:\n    return jwt.encode({\"sub\": user}, SECRET_KEY, algorithm=\"HS256\")\n"},
        at=("app/tokens.py:5",), severity="high",
        fixed={"app/tokens.py": "import os\n\nfrom jose import jwt\n\nSECRET_KEY = os.environ[\"SECRET_KEY\"]\n\n\n"
               "def token(user: str) -> str:\n    return jwt.encode({\"sub\": user}, SECRET_KEY, "
               "algorithm=\"HS256\")\n"},
    ),
    Good(  # the same text as the key's fallback, and another variable: what weak it is, is told elsewhere
        {"app/tokens.py": "import os\n\nfrom jose import jwt\n\nKEY = os.environ[\"KEY\"]\n\n\n"
         "def token(user: str) -> str:\n    return jwt.encode({\"sub\": user}, os.getenv(\"JWT_SECRET\", KEY))\n",
         "app/reset.py": "import os\n\nRESET_SECRET = os.getenv(\"RESET_SECRET\", \"secret\")\n"}),
    Bad(
        {"app/tokens.py": "import os\n\nfrom jose import jwt\n\n"
         "SECRET_KEY = os.getenv(\"SECRET_KEY\", \"super_secret\")\n\n\n"
         "def token(user: str) -> str:\n    return jwt.encode({\"sub\": user}, SECRET_KEY, algorithm=\"HS256\")\n",
         "app/reset.py": "import os\n\nRESET_SECRET = os.getenv(\"RESET_SECRET\", \"super_secret\")\n"},
        at=("app/tokens.py:5",), severity="high",
    ),
    Bad(  # a settings default that signs in another module; the example file learns of the variable
        {"app/config.py": SETTINGS + "    debug: bool = False\n    secret_key: str = \"bubble\"\n\n\n"
         "settings = Settings()\n",
         "app/tokens.py": TOKENS, ".env.example": "DEBUG=false\n"},
        at=("app/config.py:6",), severity="high",
        fixed={"app/config.py": SETTINGS + "    debug: bool = False\n    secret_key: str\n\n\nsettings = Settings()\n",
               ".env.example": "DEBUG=false\nSECRET_KEY=\n"},
    ),
    Bad(  # the example file offers the variable as one that may be left out: now it may not
        {"app/tokens.py": "import os\n\nfrom jose import jwt\n\n"
         "SECRET_KEY = os.getenv(\"SECRET_KEY\", \"change_this\")\n\n\n"
         "def token(user: str) -> str:\n    return jwt.encode({\"sub\": user}, SECRET_KEY, algorithm=\"HS256\")\n",
         ".env.example": "# str, secret\n# SECRET_KEY=\n# str\n# NAME=shop\n"},
        at=("app/tokens.py:5",), severity="high",
        fixed={"app/tokens.py": "import os\n\nfrom jose import jwt\n\nSECRET_KEY = os.environ[\"SECRET_KEY\"]\n\n\n"
               "def token(user: str) -> str:\n    return jwt.encode({\"sub\": user}, SECRET_KEY, "
               "algorithm=\"HS256\")\n",
               ".env.example": "# str, required, secret\nSECRET_KEY=\n# str\n# NAME=shop\n"},
    ),
    Bad(  # a key in an argument, beside a settings class that can hold it
        {"app/config.py": SETTINGS + "    debug: bool = False\n\n\nsettings = Settings()\n",
         "app/model.py": f"from openai import OpenAI\n\nclient = OpenAI(api_key=\"{KEY}\")\n", "app/__init__.py": ""},
        at=("app/model.py:3",), severity="critical",
        fixed={"app/config.py": SETTINGS + "    debug: bool = False\n    openai_api_key: str\n\n\n"
               "settings = Settings()\n",
               "app/model.py": "from openai import OpenAI\n\nfrom app.config import settings\n\n"
               "client = OpenAI(api_key=settings.openai_api_key)\n"},
    ),
    Bad(  # a URL with the password of another machine, a backdoor, and a wrapper around the MAC
        {"db.py": "from sqlalchemy import create_engine\n\n"
         "engine = create_engine(\"postgresql://shop:Kw82hdPq@db4.shop-hosting.io:5432/shop\")\n",
         "login.py": "def allowed(password: str, user) -> bool:\n    if user.admin and password == \"864213\":\n"
          "        return True\n"
         "    return user.verify(password)\n",
         "hooks.py": "import hmac\n\nWEBHOOK_SECRET = b\"maryann\"\n\n\ndef sign(body: bytes, key: bytes) -> str:\n"
         "    return hmac.new(key, body, \"sha256\").hexdigest()\n\n\ndef check(body: bytes, given: str) -> bool:\n"
         "    return hmac.compare_digest(sign(body, WEBHOOK_SECRET), given)\n"},
        at=("db.py:3", "hooks.py:3", "login.py:2"), severity="critical",
    ),
    Bad(  # bytes, and a plain class in the place of a settings class
        {"conf.py": f"class Config:\n    ENCRYPTION_KEY = b\"{KEY}\"\n"},
        at=("conf.py:2",), severity="critical",
        fixed={"conf.py": "import os\n\n\nclass Config:\n    ENCRYPTION_KEY = "
               "os.environ[\"ENCRYPTION_KEY\"].encode()\n"},
    ),
    Good(  # names of things: headers, types, fields, enum members, parameters, pages
        {"names.py": "from enum import Enum\n\nfrom fastapi.security import APIKeyHeader, OAuth2PasswordBearer\n"
         "from pydantic import Field\n\n"
         "SECRET_KEY = \"SECRET_KEY\"\nAPI_KEY_HEADER = \"X-Api-Key\"\nPASSWORD_RESET = \"password_reset\"\n"
         "oauth = OAuth2PasswordBearer(tokenUrl=\"/auth/token\")\nheader = APIKeyHeader(name=\"X-Auth-Token\")\n"
         "answer = {\"access_token\": \"…\", \"token_type\": \"Bearer\", \"NextToken\": \"aG91c2UtMTIzNDU2Nzg5MA\"}\n"
         "password: str = Field(alias=\"newPassword1\", examples=[\"Tr0ub4dor&3\"], description=\"at least 8\")\n\n\n"
         "class Kind(str, Enum):\n    API_KEY = \"api_key\"\n    BEARER_TOKEN = \"bearer-token-v2\"\n"},
        outcome="not_applicable",
    ),
    Good(  # the key of a cursor: whoever knows it may turn a page; a program that tries the service out
        {"app/pages.py": "import hmac\n\n\nclass Cursor:\n    def sign(self, text: bytes) -> str:\n"
         "        return hmac.new(b\"offset\", text, \"sha256\").hexdigest()\n",
         "app/try_out.py": "import requests\n\n\ndef register() -> None:\n"
         "    requests.post(\"http://127.0.0.1:8000\", json={\"password\": \"Password123!\"}, timeout=5)\n\n\n"
         "if __name__ == \"__main__\":\n    register()\n"}, outcome="not_applicable",
    ),
    Good(  # data for a program elsewhere, which the service does not import
        {"app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
         "models/accounts.py": "def load(add) -> None:\n    add(name=\"anna\", password=\"Password123\")\n"},
        outcome="not_applicable",
    ),
    Good(  # a constant that the settings refuse where it matters
        {"app/auth.py": "import jwt\nfrom pydantic import Field, model_validator\n"
         "from pydantic_settings import BaseSettings\n\nDEFAULT_SECRET = \"dev-secret-of-the-shop\"\n\n\n"
         "class Settings(BaseSettings):\n    env: str = \"development\"\n"
         "    jwt_secret: str = Field(default=DEFAULT_SECRET)\n\n    @model_validator(mode=\"after\")\n"
         "    def harden(self) -> \"Settings\":\n        if self.env == \"production\" and self.jwt_secret == "
         "DEFAULT_SECRET:\n            raise ValueError(\"JWT_SECRET\")\n        return self\n\n\n"
         "def make(sub: str) -> str:\n    return jwt.encode({\"sub\": sub}, Settings().jwt_secret)\n"},
        outcome="passed",
    ),
    Good(  # the same constant with its type, handed to the method that refuses it
        {"app/auth.py": "import jwt\nfrom pydantic import model_validator\n"
         "from pydantic_settings import BaseSettings\n\nPLACEHOLDER_SECRET: str = \"dev-secret-of-the-shop\"\n\n\n"
         "class Settings(BaseSettings):\n    env: str = \"development\"\n"
         "    jwt_secret: str = PLACEHOLDER_SECRET\n\n    def refuse(self, value: str) -> None:\n"
         "        if value == PLACEHOLDER_SECRET and self.env == \"production\":\n"
         "            raise ValueError(\"set it\")\n\n    @model_validator(mode=\"after\")\n"
         "    def harden(self) -> \"Settings\":\n        self.refuse(self.jwt_secret)\n        return self\n\n\n"
         "def make(sub: str) -> str:\n    return jwt.encode({\"sub\": sub}, Settings().jwt_secret)\n"},
        outcome="passed",
    ),
    Good(  # the same, by another name; the field beside it signs nothing
        {"app/auth.py": "import os\n\nimport jwt\nfrom pydantic import SecretStr, model_validator\n"
         "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    jwt_secret: SecretStr = SecretStr(\"dev-only\")\n    csrf_secret: SecretStr = SecretStr(\"dev-only\")\n\n"
         "    @model_validator(mode=\"after\")\n    def harden(self) -> \"Settings\":\n"
         "        if os.environ.get(\"ENVIRONMENT\", \"\") != \"production\":\n            return self\n"
         "        unsafe = \"dev-only\"\n        if self.jwt_secret.get_secret_value() == unsafe:\n"
         "            raise ValueError(\"JWT_SECRET\")\n        return self\n\n\n"
         "def make(sub: str) -> str:\n"
         "    return jwt.encode({\"sub\": sub}, Settings().jwt_secret.get_secret_value())\n"},
        outcome="passed",
    ),
    Bad(  # a warning refuses nothing; asking for the default is no second secret
        {"app/auth.py": "import logging\nimport os\n\nimport jwt\n\n\ndef read(token: str) -> dict:\n"
         "    jwt_secret = os.environ.get(\"SHOP_JWT_SECRET\", \"jwtsecret\")\n"
         "    if jwt_secret == \"jwtsecret\":\n        logging.warning(\"SHOP_JWT_SECRET is not set\")\n    try:\n"
         "        return jwt.decode(token, jwt_secret, algorithms=[\"HS256\"])\n    except jwt.PyJWTError as e:\n"
         "        raise ValueError(token) from e\n"},
        at=("app/auth.py:8",), severity="high",
    ),
    Bad(  # a model in the settings, whose fields variables of their own fill
        {"app/config.py": "from pydantic import BaseModel, Field\nfrom pydantic_settings import BaseSettings, "
         "SettingsConfigDict\n\n\nclass Security(BaseModel):\n    secret_key: str = \"change-me-please\"\n\n\n"
         "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_nested_delimiter=\"__\")\n\n"
         "    security: Security = Field(default_factory=Security)\n\n\nsettings = Settings()\n",
         "app/tokens.py": TOKENS.replace("settings.secret_key", "settings.security.secret_key")},
        at=("app/config.py:6",), severity="high",
        fixed={"app/config.py": "from pydantic import BaseModel, Field\nfrom pydantic_settings import BaseSettings, "
               "SettingsConfigDict\n\n\nclass Security(BaseModel):\n    secret_key: str\n\n\n"
               "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_nested_delimiter=\"__\")\n\n"
               "    security: Security = Field(default_factory=Security)\n\n\nsettings = Settings()\n"},
    ),
    Bad(  # the settings of development alone
        {"app/auth.py": "import jwt\nfrom pydantic_settings import BaseSettings\n\n\n"
         "class DevelopmentSettings(BaseSettings):\n    secret_key: str = \"only-for-development-of-the-shop\"\n\n\n"
         "def make(sub: str) -> str:\n    return jwt.encode({\"sub\": sub}, DevelopmentSettings().secret_key)\n"},
        at=("app/auth.py:6",), severity="medium",
    ),
    Good(  # the tests' own tools, in the package and loaded by no application
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
         "shop/testing/tokens.py": "API_TOKEN = \"s9Jd72kLq0ZxPw83Tn\"\n"}, outcome="not_applicable",
    ),
    Bad(  # a folder of that name that the application does load
        {"main.py": "from fastapi import FastAPI\nfrom shop.testing.tokens import API_TOKEN\n\napp = FastAPI()\n",
         "shop/testing/tokens.py": "API_TOKEN = \"s9Jd72kLq0ZxPw83Tn\"\n"}, at=("shop/testing/tokens.py:1",),
    ),
    Good(  # required, generated, or read
        {"config.py": "import os\nimport secrets\n\n" + SETTINGS + "    secret_key: str\n"
         "    csrf_secret: str = secrets.token_urlsafe(32)\n"
         "    api_token: str | None = None\n\n\nPASSWORD = os.environ[\"PASSWORD\"]\n"},
    ),
    Good(  # the default signs, and a validator refuses it where it matters
        {"app/config.py": "from pydantic import model_validator\n" + SETTINGS + "    environment: str = \"local\"\n"
         "    secret_key: str = \"changethis\"\n\n    @model_validator(mode=\"after\")\n    def known_key(self):\n"
         "        if self.secret_key == \"changethis\" and self.environment != \"local\":\n"
         "            raise ValueError(\"SECRET_KEY is the default\")\n        return self\n\n\n"
         "settings = Settings()\n",
         "app/tokens.py": TOKENS},
    ),
    Good(  # weak defaults and placeholders that sign nothing are SEC005's; a local database is a developer's
        {"config.py": SETTINGS + "    smtp_password: str = \"changeme\"\n    db_password: str = \"postgres\"\n"
         "    database_url: str = \"postgresql://postgres:postgres@localhost:5432/app\"\n"
         "    admin_password: str = \"!Ch4ng3Th1sP4ssW0rd!\"\n"},
    ),
    Good(  # what documentation shows, by its name
        {"app/shown.py": "USER_EXAMPLE = {\"name\": \"ann\", \"password\": \"123456\"}\n"}, outcome="not_applicable"),
    Bad({"app/seed.py": "def seed(db):\n    user = {\"name\": \"root\", \"password\": \"Tr0ub4dor3x\"}\n"
         "    db.users.insert_one(user)\n"}, at=("app/seed.py:2",)),
    Good(  # tests, documentation, examples shown to readers, publishable keys
        {"tests/test_login.py": f"API_KEY = \"{KEY}\"\nPASSWORD = \"Tr0ub4dor&3\"\n",
         "app/schema.py": "from pydantic import BaseModel\n\n\nclass Login(BaseModel):\n"
          "    \"\"\"``password=\"Tr0ub4dor&3\"``.\"\"\"\n\n"
         "    password: str\n\n    model_config = {\"json_schema_extra\": {\"example\": {\"password\": "
         "\"Tr0ub4dor&3\"}}}\n",
         "app/web.py": "POSTHOG_API_KEY = \"phc_Zk3Vb8Qm1Xc6Lp9Rt2Yw5Ns7Hd4Gf0Ja\"\n"},
        outcome="not_applicable",
    ),
    Bad(  # the image carries the key
        {"main.py": "import os\n\nSECRET_KEY = os.environ[\"SECRET_KEY\"]\n",
         "Dockerfile": "FROM python:3.13-slim\nENV SECRET_KEY=560b4ae9522e4c82936efc2b8c310b4e\nCOPY . .\n"
         "CMD [\"python\", \"main.py\"]\n"}, at=("Dockerfile:2",), severity="critical"),
    Good(  # a run of digits that everybody writes, and accounts for a trial
        {"main.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    oidc_client_secret: str = \"0123456789abcdef0123456789abcdef\"\n",
         "database/seeders/users.py": "from models import User\n\nUser(totp_secret=\"JBSWY3DPEHPK3PXQ\")\n"}),
    Good(  # for the build only, and a placeholder
        {"main.py": "import os\n\nSECRET_KEY = os.environ[\"SECRET_KEY\"]\n",
         "Dockerfile": "FROM python:3.13-slim\nARG SECRET_KEY=560b4ae9522e4c82936efc2b8c310b4e\n"
         "ENV SECRET_KEY=changeme\nCOPY . .\nCMD [\"python\", \"main.py\"]\n"}),
    Good(  # what a key is not to be, a key for web pages, a delivery that is tried out, a description's example
        {"main.py": "import hmac\n\nfrom config import settings\n\n"
         "PUBLIC_MAPS_KEY = \"AIza" "SyAO1FJ2SlqU8Q4STEHLGCilw9Y9x11qcWm\"\n\n\n"
         "def sign(body: bytes, key: str) -> str:\n"
         "    return hmac.new(key.encode(), body, \"sha256\").hexdigest()\n\n\n"
         "def ready() -> bool:\n    return settings.api_secret != \"fillmein\"\n\n\n"
         "def test_hook(body: bytes) -> str:\n    api_key = None or \"test_key_placeholder\"\n"
         "    return sign(body, api_key)\n\n\ndef hook(body: bytes) -> str:\n"
         "    return sign(body, settings.api_secret)\n",
         "config.py": "import os\n\n\nclass Settings:\n    api_secret = os.environ[\"API_SECRET\"]\n\n\n"
         "settings = Settings()\n",
         "openapi.json": "{\n  \"example\": \"whsec_" "C2FVsBQIhrscChlQIMV10R9X4jZ8\"\n}\n"}),
    Bad(  # named after the function that it stands in: PASSWORD alone would tell nobody which
        {"users.py": "def create_first_admin(users):\n"
         "    users.add({\"name\": \"admin\", \"password\": \"Password123!\"})\n"},
        at=("users.py:2",),
        fixed={"users.py": "import os\n\n\ndef create_first_admin(users):\n"
               "    users.add({\"name\": \"admin\", \"password\": os.environ[\"ADMIN_PASSWORD\"]})\n"}),
    Good(  # who is handed it refuses it, in words that name the setting
        {"config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    cookie_secret_key: str = \"fillmein\"\n\n\nsettings = Settings()\n",
         "signing.py": "PLACEHOLDER = \"fillmein\"\n\n\ndef signer(secret_key: str) -> bytes:\n"
         "    if not secret_key or secret_key == PLACEHOLDER:\n"
         "        raise RuntimeError(\"COOKIE_SECRET_KEY must be set to a real secret\")\n"
         "    return secret_key.encode()\n",
         "main.py": "import hashlib\nimport hmac\n\nfrom config import settings\nfrom signing import signer\n\n\n"
         "def sign(body: bytes) -> str:\n"
         "    return hmac.new(signer(settings.cookie_secret_key), body, hashlib.sha256).hexdigest()\n"}),
)
