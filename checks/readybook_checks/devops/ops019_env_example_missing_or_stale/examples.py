"""Examples of OPS019."""

from __future__ import annotations

from readybook import Bad, Good

HEAD = "# Copy to .env and fill in. A line that is commented out shows a default.\n"
IMPORTS = "from pydantic import Field, SecretStr\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n\n\n"
SETTINGS = IMPORTS + (
    "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_file=\".env\", env_prefix=\"SHOP_\")\n\n"
    "    # Host, port and name\n    database_url: str\n    api_key: SecretStr = Field(description=\"Of the payment "
    "provider\")\n"
    "    timeout: float = 2.5  # seconds\n    title: str = \"My shop\"\n    hosts: list[str] = [\"a.example\"]\n"
)

EXAMPLES = (
    Bad(
        {"app/__init__.py": "", "app/config.py": SETTINGS},
        at=("app/config.py:9",), severity="medium",
        fixed={".env.example": HEAD + "\n# app/config.py\n# Host, port and name (str, required)\nSHOP_DATABASE_URL=\n"
               "# Of the payment provider (SecretStr, required, secret)\nSHOP_API_KEY=\n"
               "# seconds (float)\n# SHOP_TIMEOUT=2.5\n# SHOP_TITLE='My shop'\n# list[str]\n"
               "# SHOP_HOSTS='[\"a.example\"]'\n"},
    ),
    Bad(  # fallen behind: one required, one optional
        {"app/__init__.py": "", "app/config.py": SETTINGS,
         ".env.example": "# the database\nSHOP_DATABASE_URL=\nSHOP_TIMEOUT=2.5\n# SHOP_TITLE=Shop\n"},
        at=("app/config.py:10", "app/config.py:13"), severity="medium",
        fixed={".env.example": "# the database\nSHOP_DATABASE_URL=\nSHOP_TIMEOUT=2.5\n# SHOP_TITLE=Shop\n"
               "# Of the payment provider (SecretStr, required, secret)\nSHOP_API_KEY=\n"
               "# list[str]\n# SHOP_HOSTS=\"[\\\"a.example\\\"]\"\n"},
    ),
    Bad(  # plain reads; the front end's example is not this code's
        {"backend/main.py": "import os\n\nURL = os.environ[\"DATABASE_URL\"]\n"
         "LEVEL = os.getenv(\"LOG_LEVEL\", \"INFO\")\n",
         "frontend/.env.example": "VITE_API_URL=\n"},
        at=("backend/main.py:3",), severity="medium",
        fixed={"backend/.env.example": HEAD + "\n# backend/main.py\n# required\nDATABASE_URL=\n"
               "# LOG_LEVEL=INFO\n"},
    ),
    Bad(  # a name that nothing reads any more
        {"main.py": "import os\n\nURL = os.environ[\"DATABASE_URL\"]\n", ".env.example": "DATABASE_URL=\n"
         "MAILER_KEY=\n"},
        at=(".env.example:2",), severity="low",
    ),
    Good(
        {"main.py": "import os\n\nURL = os.environ[\"DATABASE_URL\"]\nHOME = os.environ[\"HOME\"]\n",
         ".env.example": "DATABASE_URL=\nPOSTGRES_PASSWORD=\nGREETING=\n", "compose.yml":
         "services:\n  api:\n    build: .\n    environment:\n      - TEXT=${GREETING}\n"},
    ),
    Good(  # told of in lines that are commented out, in another spelling of the file's name
        {"app/__init__.py": "", "app/config.py": SETTINGS,
         "env.sample": "SHOP_DATABASE_URL=\nSHOP_API_KEY=\n# SHOP_TIMEOUT=2.5\n# SHOP_TITLE=Shop\n# SHOP_HOSTS=a\n"},
    ),
    Good(  # among lines that are commented out, a value of two words
        {"app/__init__.py": "", "app/config.py": SETTINGS,
         ".env.example": "SHOP_DATABASE_URL=\nSHOP_API_KEY=\n# SHOP_TIMEOUT=2.5\n# SHOP_TITLE=My shop\n"
         "# SHOP_HOSTS=a\n"},
    ),
    Good(  # names alone; fields of a model inside the settings; a default that a factory works out
        {"app/__init__.py": "", "app/config.py": "from pydantic import BaseModel, Field\n"
         "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Database(BaseModel):\n"
         "    host: str = \"db\"\n\n\nclass Settings(BaseSettings):\n"
         "    model_config = SettingsConfigDict(env_nested_delimiter=\"__\")\n\n    database: Database = Database()\n"
         "    api_key: str\n",
         ".env.example": "DATABASE__HOST=db\nAPI_KEY\n"},
    ),
    Bad(  # optional: a factory works the default out
        {"app/__init__.py": "", "app/config.py": "from datetime import timedelta\n\nfrom pydantic import Field\n"
         "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    seconds: int = Field(default_factory=lambda: int(timedelta(minutes=3).total_seconds()))\n    key: str\n",
         ".env.example": "KEY=\n"}, at=("app/config.py:8",), severity="low",
    ),
    Bad(  # the client's own, whatever it shares
        {"shop/__init__.py": "", "shop/main.py": "import os\n\nKEY = os.environ[\"SHOP_API_KEY\"]\n"
         "URL = os.environ[\"DATABASE_URL\"]\n", "clients/js/package.json": "{}\n",
         "clients/js/.env.example": "SHOP_API_KEY=\n"}, at=("shop/main.py:3",)),
    Bad(  # a folder without code of its own tells for all; nothing is asked of another program's example
        {"shop/main.py": "import os\n\nURL = os.environ[\"DATABASE_URL\"]\nLEVEL = os.environ[\"LEVEL\"]\n",
         "deploy/.env.example": "LEVEL=\n", "worker/run.py": "import os\n\nLEVEL = os.environ[\"LEVEL\"]\n",
         "worker/.env.example": "LEVEL=\n"}, at=("shop/main.py:3",),
        fixed={"deploy/.env.example": "LEVEL=\nDATABASE_URL=\n"}),
    Good(
        {"shop/main.py": "import os\n\nURL = os.environ[\"DATABASE_URL\"]\nLEVEL = os.environ[\"LEVEL\"]\n",
         "worker/run.py": "import os\n\nLEVEL = os.environ[\"LEVEL\"]\n", "worker/.env.example": "LEVEL=\n"}),
    Bad(  # read by Starlette's Config in the class's body: the import fails without it
        {"config.py": "from pydantic import SecretStr\nfrom pydantic_settings import BaseSettings\n"
         "from starlette.config import Config\n\nconfig = Config(\".env\")\n\n\nclass Settings(BaseSettings):\n"
         "    SECRET_KEY: SecretStr = config(\"SECRET_KEY\", cast=SecretStr)\n"
         "    ALGORITHM: str = config(\"ALGORITHM\", default=\"HS256\")\n\n\nsettings = Settings()\n"},
        at=("config.py:9",), severity="medium",
        fixed={".env.example": HEAD + "\n# config.py\n# SecretStr, required, secret\nSECRET_KEY=\n"
               "# ALGORITHM=HS256\n"}),
    Bad(  # where the code lies depends on the machine; what a step does is not what its variable means
        {"app/__init__.py": "", "app/config.py": "import os\nfrom pathlib import Path\n\n"
         "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    rules: str = str(Path(__file__).parent / \"rules.conf\")\n\n\ndef is_loud() -> bool:\n"
         "    # The louder of the two wins\n    if os.getenv(\"LOUD\", \"no\") == \"yes\":\n        return True\n"
         "    return False\n"}, at=("app/config.py:8",), severity="low",
        fixed={".env.example": HEAD + "\n# app/config.py\n# RULES=\n# LOUD=no\n"}),
    Bad(  # another thing's example: it shares nothing with the code, and is named for something else
        {"main.py": "import os\n\nURL = os.environ[\"DATABASE_URL\"]\n",
         "metrics-credentials.env.template": "AGENT_NAME=\nAGENT_TOKEN=\n"},
        at=("main.py:3",), fixed={".env.example": HEAD + "\n# main.py\n# required\nDATABASE_URL=\n"}),
    Good(  # a TOML file is what the settings read besides, and its example is here
        {"app/__init__.py": "", "config.example.toml": "database_url = \"\"\n",
         "app/config.py": "from pydantic_settings import BaseSettings, TomlConfigSettingsSource\n\n\n"
         "class Settings(BaseSettings):\n    database_url: str\n\n    @classmethod\n"
         "    def settings_customise_sources(cls, settings_cls, env_settings, **more):\n"
         "        return env_settings, TomlConfigSettingsSource(settings_cls)\n"}),
    Good({"main.py": "import os\n\nPATH = os.environ[\"PATH\"]\n"}, outcome="not_applicable"),
    Good(  # a base class of settings that are read under prefixes; a variable whose absence is caught
        {"app/__init__.py": "", "app/config.py": "import os\n\nfrom pydantic_settings import BaseSettings\n\n\n"
         "class Database(BaseSettings):\n    host: str\n\n\nclass Primary(Database):\n    class Config:\n"
         "        env_prefix = \"PRIMARY_\"\n\n\ndef settings() -> Primary:\n    return Primary()\n\n\n"
         "def models() -> str:\n    try:\n        return os.environ[\"MODELS_DIR\"]\n    except KeyError:\n"
         "        return \"models\"\n", ".env.example": "PRIMARY_HOST=\n# MODELS_DIR=\n"}),
    Bad(  # what is optional is told of as such
        {"app/__init__.py": "", "app/config.py": "import os\n\nNAME = os.environ[\"SHOP_NAME\"]\ntry:\n"
         "    FOLDER = os.environ[\"SHOP_FOLDER\"]\nexcept KeyError:\n    FOLDER = \".\"\n",
         ".env.example": "SHOP_NAME=\n"}, at=("app/config.py:5",), severity="low"),
    Good(  # another program's example, in a folder of that program's own
        {"search/main.py": "import os\n\nKEY = os.environ[\"SEARCH_KEY\"]\n",
         "search/.env.example": "SEARCH_KEY=\n",
         "mail/main.py": "import os\n\nURL = os.environ[\"MAIL_URL\"]\nNAME = os.getenv(\"MAIL_NAME\", \"x\")\n",
         "mail/deploy/large.env.example": "MAIL_URL=\nMAIL_NAME=\n"}),
)
