"""Edits of projects that keep their settings as constants: a new one stands there, in the style of the others."""

from __future__ import annotations

import pytest
from readybook.edits import apply
from readybook.errors import PatchError
from readybook.intents import AddFile, EnsureSetting, Intent, ReplaceExpression
from readybook.place import Place
from readybook.project import Project

MAIN = '''\
from fastapi import FastAPI

from app import config

app = FastAPI(docs_url="/docs", title=config.TITLE)
'''
DOCS = ReplaceExpression(Place("app/main.py", 5), '"/docs"', '"/docs" if {setting:docs_enabled} else None')
SWITCH = EnsureSetting("docs_enabled", "bool", "False", "DOCS_ENABLED", example="false", meaning="show /docs")
HOSTS = EnsureSetting("allowed_hosts", "list[str]", '["a.example", "b.example"]', "ALLOWED_HOSTS")
SIZE = EnsureSetting("max_body_size", "int", "1_000", "MAX_BODY_SIZE", example="1000")
KEY = EnsureSetting("signing_key", "str", None, "SIGNING_KEY", secret=True)


def edited(files: dict[str, str], *intents: Intent) -> dict[str, str]:
    """What the intents change, after a second round that must change nothing."""
    project = Project.from_files({"app/__init__.py": "", **files})
    done = apply(project, intents)
    assert apply(project.with_files(done), [i for i in intents if isinstance(i, EnsureSetting)]) == {}
    return done


def config_after(config: str, *intents: Intent, main: str = MAIN) -> str:
    done = edited({"app/config.py": config, "app/main.py": main}, *intents)
    assert not [path for path in done if path.endswith("settings.py")]
    return done["app/config.py"]


@pytest.mark.parametrize(
    ("config", "intent", "line"),
    [
        ('import os\n\nTITLE = os.getenv("TITLE", "shop")\n', SWITCH,
         'DOCS_ENABLED = os.getenv("DOCS_ENABLED", "false").lower() in ("1", "true", "yes", "on")\n'),
        ("import os\n\nTITLE = os.environ.get('TITLE', 'shop')\nD = os.environ.get('D', '').lower() == 'true'\n",
         SWITCH,
         "DOCS_ENABLED = os.environ.get('DOCS_ENABLED', 'false').lower() == 'true'\n"),
        ('from os import getenv\n\nTITLE: str = getenv("TITLE", "shop")\n', SIZE,
         'MAX_BODY_SIZE: int = int(getenv("MAX_BODY_SIZE", "1000"))\n'),
        ('import os\n\nTITLE = os.environ["TITLE"]\n', HOSTS,
         'ALLOWED_HOSTS = [part.strip() for part in os.getenv("ALLOWED_HOSTS", "a.example,b.example").split(",") '
         'if part.strip()]\n'),
        ('import os\n\nTITLE = os.getenv("TITLE")\n', KEY, 'SIGNING_KEY = os.environ["SIGNING_KEY"]\n'),
        ('from decouple import config\n\nTITLE = config("TITLE", default="x")\n', SIZE,
         'MAX_BODY_SIZE = config("MAX_BODY_SIZE", default=1000, cast=int)\n'),
        ('from starlette.config import Config\n\nconfig = Config(".env")\n\n'
         'TITLE = config("TITLE", cast=str, default="x")\n', SWITCH,
         'DOCS_ENABLED = config("DOCS_ENABLED", cast=bool, default=False)\n'),
        ('from environs import Env\n\nenv = Env()\nenv.read_env()\n\nTITLE = env.str("TITLE")\n', HOSTS,
         'ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["a.example", "b.example"])\n'),
    ],
)
def test_a_constant_in_the_style_of_the_others(config: str, intent: EnsureSetting, line: str) -> None:
    assert config_after(config, intent) == config + line


def test_lists_of_the_readers_that_cast() -> None:
    decouple = config_after('from decouple import config\n\nTITLE = config("TITLE")\n', HOSTS)
    assert decouple == ('from decouple import Csv, config\n\nTITLE = config("TITLE")\n'
                        'ALLOWED_HOSTS = config("ALLOWED_HOSTS", default="a.example,b.example", cast=Csv())\n')
    starlette = config_after(
        'from starlette.config import Config\n\nconfig = Config()\nTITLE = config("TITLE")\n', HOSTS)
    assert starlette.endswith('ALLOWED_HOSTS = list(config("ALLOWED_HOSTS", default="a.example,b.example", '
                              'cast=CommaSeparatedStrings))\n')
    assert "from starlette.datastructures import CommaSeparatedStrings\n" in starlette


def test_code_reads_the_constant_as_it_reads_the_others() -> None:
    config = 'import os\n\nTITLE = os.getenv("TITLE", "shop")\nOTHER = 3\n'
    done = edited({"app/config.py": config, "app/main.py": MAIN, ".env.example": "TITLE=shop\n"}, SWITCH, DOCS)
    assert 'docs_url="/docs" if config.DOCS_ENABLED else None' in done["app/main.py"]
    assert done["app/config.py"].index("DOCS_ENABLED") < done["app/config.py"].index("OTHER")
    assert done[".env.example"] == "TITLE=shop\nDOCS_ENABLED=false\n"


def test_a_constant_is_imported_by_its_name() -> None:
    main = MAIN.replace("from app import config", "from app.config import TITLE").replace("config.TITLE", "TITLE")
    done = edited({"app/config.py": 'import os\n\nTITLE = os.getenv("TITLE", "shop")\n', "app/main.py": main},
                  SWITCH, DOCS)
    assert "from app.config import DOCS_ENABLED, TITLE\n" in done["app/main.py"]
    assert '"/docs" if DOCS_ENABLED else None' in done["app/main.py"]


@pytest.mark.parametrize(("made", "used"), [("\n\nsettings = Settings()\n", "settings"), ("", "Settings")])
def test_a_plain_class_of_constants(made: str, used: str) -> None:
    config = ('import os\n\n\nclass Settings:\n    """What differs."""\n\n    TITLE: str = os.getenv("TITLE", "shop")\n'
              "\n    def short(self) -> str:\n        return self.TITLE[:3]\n") + made
    main = MAIN.replace("from app import config", f"from app.config import {used}")
    main = main.replace("config.TITLE", f"{used}.TITLE")
    done = edited({"app/config.py": config, "app/main.py": main}, SWITCH, DOCS)
    assert ('    TITLE: str = os.getenv("TITLE", "shop")\n    DOCS_ENABLED: bool = os.getenv("DOCS_ENABLED", "false")'
            '.lower() in ("1", "true", "yes", "on")\n') in done["app/config.py"]
    assert f'"/docs" if {used}.DOCS_ENABLED else None' in done["app/main.py"]


@pytest.mark.parametrize(
    "config",
    [
        'import os\n\nTITLE = "shop"\n',  # nothing is read from the environment
        'from store import config\n\nTITLE = config("TITLE")\n',  # a reader that nobody here knows
    ],
)
def test_another_home_where_no_constant_is_read(config: str) -> None:
    done = edited({"app/config.py": config, "app/main.py": MAIN, "requirements.txt": "fastapi\n"}, SWITCH)
    assert "app/config.py" not in done
    assert "app/settings.py" in done


def test_a_script_that_nothing_imports_is_no_home() -> None:
    done = edited({"app/env.py": 'import os\n\nTITLE = os.getenv("TITLE")\n', "requirements.txt": "fastapi\n",
                   "app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, SWITCH)
    assert "app/env.py" not in done


def test_a_settings_class_comes_first() -> None:
    done = edited({"app/config.py": 'import os\n\nTITLE = os.getenv("TITLE")\n', "app/main.py": MAIN,
                   "app/core.py": "from pydantic_settings import BaseSettings\n\n\nclass Own(BaseSettings):\n"
                                  "    title: str = ''\n\n\nown = Own()\n"}, SWITCH)
    assert list(done) == ["app/core.py"]


def test_constants_that_need_the_file_are_refused() -> None:
    files = {"app/__init__.py": "", "app/main.py": MAIN,
             "app/config.py": 'import os\n\nfrom app import limits\n\nTITLE = os.getenv("TITLE")\n',
             "app/limits.py": "MOST = 5\n"}
    use = ReplaceExpression(Place("app/limits.py", 1), "5", "{setting:max_body_size}")
    with pytest.raises(PatchError, match="imports this file"):
        apply(Project.from_files(files), [SIZE, use])


SEVERAL = {
    "app/config/__init__.py": "from app.config.web import get_web\nfrom app.config.store import get_store\n",
    **{f"app/config/{name}.py": "from functools import lru_cache\n\nfrom pydantic_settings import BaseSettings\n\n\n"
       f"class {name.title()}(BaseSettings):\n    {name}_url: str = ''\n\n\n"
       f"@lru_cache\ndef get_{name}() -> {name.title()}:\n    return {name.title()}()\n"
       for name in ("errors", "store", "web")},
    "app/main.py": "from fastapi import FastAPI\n\nfrom app.config import get_web\nfrom app.config.errors import "
                   "get_errors\n\nweb = get_web()\napp = FastAPI(docs_url=\"/docs\")\n",
    "app/store.py": "from app.config import get_store\n\nstore = get_store()\nLIMIT = 5\n",
    "app/one.py": "from app.config.errors import get_errors\n",
    "app/two.py": "from app.config.errors import get_errors\n",
}


def test_of_several_settings_classes_the_one_that_the_file_reads() -> None:
    use = ReplaceExpression(Place("app/store.py", 4), "5", "{setting:max_body_size}")
    done = apply(Project.from_files(SEVERAL), [SIZE, use])
    assert sorted(done) == ["app/config/store.py", "app/store.py"]
    assert "LIMIT = store.max_body_size\n" in done["app/store.py"]


def test_of_several_settings_classes_the_applications_own_for_a_new_file() -> None:
    files = {k: v.replace("from app.config.errors import get_errors\n", "") if k == "app/main.py" else v
             for k, v in SEVERAL.items()}
    made = AddFile("app/limits.py", '"""Limits."""\n\nMOST = {setting:max_body_size}\n')
    done = apply(Project.from_files(files), [SIZE, made])
    assert sorted(done) == ["app/config/web.py", "app/limits.py"]


def test_a_prefix_is_written_in_capitals_where_case_does_not_count() -> None:
    config = ('from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Own(BaseSettings):\n'
              '    model_config = SettingsConfigDict(env_prefix="shop_")\n\n    title: str = ""\n\n\nown = Own()\n')
    done = edited({"app/config.py": config, "app/main.py": MAIN, ".env.example": "SHOP_TITLE=x\n"}, SWITCH)
    assert done[".env.example"] == "SHOP_TITLE=x\nSHOP_DOCS_ENABLED=false\n"
