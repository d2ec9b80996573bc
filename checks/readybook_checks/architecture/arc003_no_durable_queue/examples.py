"""Projects on which ARC003 must speak, and such on which it must be silent."""

from importlib.resources import files

from readybook import Bad, Good

APP = "from fastapi import BackgroundTasks, FastAPI\n\napp = FastAPI()\n\n\n"
REPORTS = (
    "from fastapi import BackgroundTasks, FastAPI\n\nfrom reports import build_report\n\napp = FastAPI()\n\n\n"
    "@app.post(\"/reports/{key}\")\ndef start(key: str, tasks: BackgroundTasks) -> None:\n"
    "    tasks.add_task(build_report, key)\n\n\n"
    "@app.get(\"/reports/{key}/status\")\ndef state(key: str) -> str:\n    return key\n"
)
COMPOSE = (
    "services:\n  web:\n    image: shop\n    command: uvicorn main:app\n    environment:\n      LEVEL: info\n\n"
    "  cache:\n    image: redis:7\n\nvolumes: {}\n"
)
SETTINGS = (
    "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    level: str = \"info\"\n{more}"
    "\n\nsettings = Settings()\n"
)
QUEUE = files(__package__).joinpath("celery_app.py.tmpl").read_text(encoding="utf-8")
TASKS = files(__package__).joinpath("tasks.py.tmpl").read_text(encoding="utf-8")
BAD = (
    Bad(
        {"main.py": REPORTS, "reports.py": "def build_report(key: str) -> None:\n    print(key)\n",
         "requirements.txt": "fastapi\n", "settings.py": SETTINGS.format(more=""),
         "compose.yml": COMPOSE, "Procfile": "web: uvicorn main:app"},
        at=("main.py:10",), severity="high",
        fixed={
            "requirements.txt": "fastapi\ncelery[redis]>=5.4,<6\n",
            "Procfile": "web: uvicorn main:app\nworker: celery -A celery_app worker --loglevel INFO --concurrency 2\n",
            "compose.yml": COMPOSE.replace(
                "info\n", "info\n      CELERY_BROKER_URL: redis://cache:6379/1\n").replace(
                "redis:7\n", "redis:7\n\n  worker:\n    image: shop\n    environment:\n      LEVEL: info\n"
                "      CELERY_BROKER_URL: redis://cache:6379/1\n    command: [\"celery\", \"-A\", \"celery_app\", "
                "\"worker\", \"--loglevel\", \"INFO\", \"--concurrency\", \"2\"]\n    restart: unless-stopped\n"
                "    depends_on: [cache]\n    stop_grace_period: 60s\n"),
            "settings.py": SETTINGS.format(more='    celery_broker_url: str = "redis://localhost:6379/0"\n'),
            "celery_app.py": QUEUE.replace("$module", "celery_app").replace("$name", "main").replace(
                "$tasks", "tasks.background").replace("{setting:celery_broker_url}", "settings.celery_broker_url")
            .replace("import Celery\n", "import Celery\n\nfrom settings import settings\n"),
            "tasks/__init__.py": '"""What workers do."""\n',
            "tasks/background.py": TASKS.replace(
                "$imports", "\nfrom typing import Any\n\nfrom celery_app import celery_app\n"
                "from reports import build_report").replace("$name", "main").replace(
                "$tasks\n", "\n\n@celery_app.task(name=\"main.build_report\", **RETRIES)\n"
                "def build_report_task(key: str) -> None:\n"
                "    \"\"\"Do what build_report() does, in a worker.\"\"\"\n    build_report(key)\n"),
        },
    ),
    Bad(  # money, handed on by a service that keeps the BackgroundTasks of the request; celery is declared only
        {"main.py": "from fastapi import BackgroundTasks, Depends, FastAPI\n\napp = FastAPI()\n\n\n"
         "async def refund_payment(order: str) -> None:\n    print(order)\n\n\n"
         "class Orders:\n    def __init__(self, later: BackgroundTasks) -> None:\n        self.later = later\n\n"
         "    def cancel(self, order: str) -> None:\n        self.later.add_task(refund_payment, order)\n\n\n"
         "@app.delete(\"/orders/{order}\")\ndef cancel(order: str, orders: Orders = Depends()) -> None:\n"
         "    orders.cancel(order)\n", "requirements.txt": "fastapi\ncelery\n"},
        at=("main.py:15",), severity="high",
    ),
    Bad(  # a task that somebody holds, and that keeps a status in the database
        {"main.py": "import asyncio\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\ntasks = set()\n\n\n"
         "async def work(row) -> None:\n    row.status = \"done\"\n\n\n"
         "@app.post(\"/rows\")\nasync def start(row: str) -> None:\n    task = asyncio.create_task(work(row))\n"
         "    tasks.add(task)\n    task.add_done_callback(tasks.discard)\n"},
        at=("main.py:15",), severity="medium",
    ),
    Bad(  # two routes leave the same function behind: it is moved once
        {"main.py": APP + "def convert_video(key: str) -> None:\n    print(key)\n\n\n@app.post(\"/a\")\n"
         "def a(tasks: BackgroundTasks) -> None:\n    tasks.add_task(convert_video, \"a\")\n\n\n"
         "@app.post(\"/b\")\ndef b(tasks: BackgroundTasks) -> None:\n    tasks.add_task(convert_video, \"b\")\n"},
        at=("main.py:12",), severity="medium",
    ),
    Bad(  # a list in Redis, taken off before the job is done
        {"main.py": APP + "import redis\n\nclient = redis.Redis()\n\n\n@app.post(\"/jobs\")\n"
         "def start(job: str) -> None:\n    client.lpush(\"jobs\", job)\n\n\n"
         "def work() -> None:\n    while True:\n        print(client.brpop(\"jobs\"))\n"},
        at=("main.py:18",), severity="medium",
    ),
)
GOOD = (
    Good(  # a queue, in a module of its own
        {"main.py": REPORTS, "reports.py": "from worker import app as queue\n\n\n@queue.task\n"
         "def build_report(key: str) -> None:\n    print(key)\n",
         "worker.py": "from celery import Celery as Queue\n\napp = Queue(\"shop\", broker=\"redis://localhost\")\n"},
    ),
    Good(  # a class of the project that derives from a queue's; arq
        {"main.py": APP + "from arq import create_pool\nfrom arq.connections import RedisSettings\n\n\n"
         "@app.post(\"/reports\")\nasync def start(key: str) -> None:\n    pool = await create_pool(RedisSettings())\n"
         "    await pool.enqueue_job(\"build_report\", key)\n"},
    ),
    Good(  # telling somebody may be lost
        {"main.py": APP + "def send_order_email(to: str) -> None:\n    print(to)\n\n\n@app.post(\"/orders\")\n"
         "def order(to: str, tasks: BackgroundTasks) -> None:\n    tasks.add_task(send_order_email, to)\n"},
        outcome="not_applicable",
    ),
    Good(  # the request waits for what it starts
        {"main.py": "import asyncio\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "async def export_file(key: str) -> None:\n    await asyncio.sleep(30)\n\n\n"
         "@app.post(\"/exports\")\nasync def start(key: str) -> None:\n"
         "    task = asyncio.create_task(export_file(key))\n    await asyncio.wait({task})\n"
         "    await asyncio.gather(*[asyncio.create_task(export_file(key))])\n"},
        outcome="not_applicable",
    ),
    Good(  # a temporary file is taken away
        {"main.py": "import os\n\nfrom fastapi import BackgroundTasks, FastAPI\n\napp = FastAPI()\n\n\n"
         "def try_delete_file(path: str) -> None:\n    os.remove(path)\n\n\n"
         "@app.post(\"/sounds\")\ndef make(tasks: BackgroundTasks) -> str:\n"
         "    tasks.add_task(try_delete_file, \"/tmp/a.wav\")\n    return \"a\"\n"},
        outcome="not_applicable",
    ),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
