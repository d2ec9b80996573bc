"""Examples of SEC005."""

from __future__ import annotations

from readybook import Bad, Good

TOP = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
WITH_FIELD = "from pydantic import Field\n" + TOP
END = "\n\nsettings = Settings()\n"
GUARD = ("\n    @model_validator(mode=\"after\")\n    def check(self):\n        if self.SECRET_KEY == \"changethis\":\n"
         "            raise ValueError(\"set SECRET_KEY\")\n        return self\n")
READS = "from config import settings\n\nprint(settings.URI)\n"
CODES = ("import os\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\nDEV_OTP = os.getenv(\"DEV_OTP\", \"123456\")\n"
         "SENT: dict[str, str] = {}\n\n\n@app.post(\"/verify\")\ndef verify(phone: str, code: str) -> bool:\n"
         "    return code == SENT[phone] or @guard@code == DEV_OTP\n")
EXAMPLES = (
    Bad({"config.py": TOP + "    SECRET_KEY: str = \"changeme\"\n    NAME: str = \"shop\"\n" + END},
        at=("config.py:5",), severity="high",
        fixed={"config.py": WITH_FIELD + "    SECRET_KEY: str = Field(..., min_length=32)\n    NAME: str = \"shop\"\n"
               + END}),
    Bad(  # the password of the first user; a store's; another company's key is left alone
        {"config.py": TOP + "    first_superuser_password: str = \"admin\"\n    postgres_password: str = \"postgres\"\n"
         "    openai_api_key: str = \"your-key-here\"\n" + END, "db.py": READS.replace("URI", "postgres_password")},
        at=("config.py:5", "config.py:6"), severity="high"),
    Bad(  # made anew by each process, four of them
        {"config.py": "import secrets\n\n" + TOP + "    secret_key: str = secrets.token_urlsafe(32)\n" + END,
         "Procfile": "web: uvicorn main:app --workers 4\n", ".env.example": "# SECRET_KEY=\n"},
        at=("config.py:7",), severity="medium",
        fixed={"config.py": WITH_FIELD + "    secret_key: str = Field(..., min_length=32)\n" + END,
               ".env.example": "SECRET_KEY=\n"}),
    Bad(  # a dotenv file here holds a shorter one: a minimum would end the start
        {"config.py": "import secrets\n\n" + TOP + "    secret_key: str = secrets.token_urlsafe(32)\n" + END,
         ".env": "SECRET_KEY=development\n"},
        at=("config.py:7",), fixed={"config.py": TOP + "    secret_key: str\n" + END}),
    Bad({"config.py": TOP + "    jwt_secret: str = \"\"\n" + END, "keys.py": READS.replace("URI", "jwt_secret"),
         "compose.yml": "services:\n  api:\n    build: .\n    environment:\n      JWT_SECRET: ${JWT_SECRET:?}\n"},
        at=("config.py:5",), severity="medium"),
    Bad({"main.py": "import os\n\nADMIN_PASSWORD = os.getenv(\"ADMIN_PASSWORD\", \"admin\")\n"}, at=("main.py:3",),
        severity="high", fixed={"main.py": "import os\n\nADMIN_PASSWORD = os.environ[\"ADMIN_PASSWORD\"]\n"}),
    Good({"config.py": TOP + "    secret_key: str\n" + END}),
    Good({"config.py": TOP.replace("from pyd", "from pydantic import model_validator\nfrom pyd", 1)
          + "    SECRET_KEY: str = \"changethis\"\n" + GUARD + END}),
    Good(  # other companies' keys, off by default; names of things; settings of tests
        {"config.py": TOP + "    smtp_password: str = \"\"\n    stripe_api_key: str | None = None\n"
         "    token_type: str = \"bearer\"\n    google_client_secret: str = \"\"\n"
         "    artifact_storage_secret_key: str = \"\"\n"
         "\n\nclass TestAppSettings(BaseSettings):\n    secret_key: str = \"test\"\n"
         + END},
        outcome="not_applicable"),
    Good(  # asked before it is used
        {"config.py": TOP + "    jwt_secret: str = \"\"\n" + END,
         "main.py": "from config import settings\n\nif not settings.jwt_secret:\n    raise RuntimeError(\"set it\")\n"},
        outcome="not_applicable"),
    Good(  # another one in its place, one that no code reads, one that a function asks for by its name and refuses
        {"config.py": TOP + "    hook_secret: str\n    jwt_secret: str = \"\"\n    session_secret: str = \"\"\n"
         "    signing_secret: str = \"\"\n" + END,
         "main.py": "from config import settings\n\n\ndef require(name: str) -> str:\n"
         "    value = getattr(settings, name)\n    if not value:\n        raise RuntimeError(name)\n"
         "    return value\n\n\nKEY = settings.jwt_secret or settings.hook_secret\n"
         "OTHER = require(\"signing_secret\")\n"}),
    Bad(  # what it opens is said by the class
        {"config.py": TOP.replace("Settings(B", "DatabaseSettings(B") + "    password: str = \"admin\"\n"
         + END.replace("Settings()", "DatabaseSettings()"), "db.py": READS.replace("URI", "password")},
        at=("config.py:5",), severity="low"),
    Good({"main.py": "print(\"no settings\")\n"}, outcome="not_applicable"),
    Bad(  # Starlette's Config reads a file of its own, and the class goes on with the name: only the fallback goes
        {"config.py": "from pydantic_settings import BaseSettings\nfrom starlette.config import Config\n\n"
         "config = Config(\".env\")\n\n\nclass Settings(BaseSettings):\n"
         "    POSTGRES_PASSWORD: str = config(\"POSTGRES_PASSWORD\", default=\"postgres\")\n"
         "    POSTGRES_URI: str = f\"postgres:{POSTGRES_PASSWORD}@db\"\n" + END,
         "db.py": READS.replace("URI", "POSTGRES_URI")},
        at=("config.py:8",), severity="low",
        fixed={"config.py": "from pydantic_settings import BaseSettings\nfrom starlette.config import Config\n\n"
               "config = Config(\".env\")\n\n\nclass Settings(BaseSettings):\n"
               "    POSTGRES_PASSWORD: str = config(\"POSTGRES_PASSWORD\")\n"
               "    POSTGRES_URI: str = f\"postgres:{POSTGRES_PASSWORD}@db\"\n" + END}),
    Good(  # what tests read, by its name; a store that a template offers and no code connects to
        {"config.py": TOP + "    test_db_password: str = \"test\"\n    MYSQL_PASSWORD: str = \"password\"\n"
         "    POSTGRES_PASSWORD: str\n\n    @property\n    def MYSQL_URL(self) -> str:\n"
         "        return f\"mysql://root:{self.MYSQL_PASSWORD}@db\"\n" + END,
         "db.py": READS.replace("URI", "POSTGRES_PASSWORD")}),
    Bad(  # by way of a property
        {"config.py": TOP + "    MYSQL_PASSWORD: str = \"password\"\n\n    @property\n    def MYSQL_URL(self) -> str:\n"
         "        return f\"mysql://root:{self.MYSQL_PASSWORD}@db\"\n" + END,
         "db.py": READS.replace("URI", "MYSQL_URL")}, at=("config.py:5",), severity="low"),
    Bad(  # a code for developers, which everybody has where nobody sets another
        {"main.py": CODES.replace("@guard@", "")}, at=("main.py:6",), severity="high"),
    Good(  # taken in development alone
        {"main.py": CODES.replace("@guard@", "os.environ[\"APP_ENV\"] == \"dev\" and ")}, outcome="not_applicable"),
    Bad(  # what a request is compared with signs nothing
        {"main.py": "import os\n\nfrom fastapi import FastAPI, HTTPException\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/seed\")\ndef seed(secret: str) -> None:\n"
         "    expected = os.environ.get(\"SEED_SECRET_KEY\", \"change-me\")\n    if secret != expected:\n"
         "        raise HTTPException(403)\n"}, at=("main.py:10",), severity="high"),
)
