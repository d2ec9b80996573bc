"""Task queues and message brokers that the code sets up: what carries work from one process to another."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from readybook.facts.objects import ClassValue
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call

_MADE = (
    ("celery", r"celery\.(?:app\.(?:base\.)?)?Celery"),
    ("rq", r"rq\.(?:queue\.)?Queue|rq_scheduler\.\w*Scheduler"),
    ("arq", r"arq\.(?:connections\.)?(?:create_pool|ArqRedis)|arq\.(?:worker\.)?(?:run_worker|Worker)"),
    ("dramatiq", r"dramatiq\.(?:set_broker|actor|brokers\.\w+\.\w+Broker)"),
    ("taskiq", r"taskiq(?:_\w+)?\.(?:[\w.]+\.)?(?!InMemory)\w*Broker"),
    ("procrastinate", r"procrastinate\.(?:app\.)?App"),
    ("saq", r"saq\.(?:queue\.(?:\w+\.)?)?(?:\w*Queue)(?:\.from_url)?"),
    ("huey", r"huey\.(?:\w+\.)*(?:PriorityRedis|Redis|Sqlite|File)\w*Huey\w*"),
    ("streaq", r"streaq\.(?:\w+\.)*Worker"),
    ("hatchet", r"hatchet_sdk\.(?:\w+\.)*Hatchet"),
    ("temporal", r"temporalio\.client\.Client\.connect"),
    ("faststream", r"faststream\.\w+\.(?:\w+\.)*\w+Broker"),
    ("cloud tasks", r"google\.cloud\.tasks(?:_v\d\w*)?\.CloudTasks(?:Async)?Client"),
    ("rabbitmq", r"aio_pika\.connect(?:_robust)?|pika\.(?:\w+\.)*\w*Connection"),
    ("kafka", r"aiokafka\.(?:\w+\.)*AIOKafka(?:Producer|Consumer)|confluent_kafka\.(?:Producer|Consumer)"
               r"|kafka\.Kafka(?:Producer|Consumer)"),
    ("nats", r"nats\.(?:aio\.client\.)?(?:connect|Client\.connect)"),
)
# which of them fits is told by the group
_ANY = regex("|".join(f"({pattern})" for _, pattern in _MADE))
_AWS = regex(r"(?:aio)?boto(?:3|core)?(?:\.[\w.]+)?\.(?:client|resource|create_client)")


@record
class Queue:
    """One object through which work is handed to other processes; ``library`` names the package or the broker."""

    library: str
    place: Place
    call: Call = field(repr=False, compare=False)


def queues(behaviour: Behaviour) -> tuple[Queue, ...]:
    """Every queue that application code sets up, by place."""
    found = []
    for path, calls in behaviour.by_path.items():
        library = _library(path)
        of_aws = not library and _AWS.fullmatch(path) is not None
        for call in calls:
            own = library or (of_aws and "sqs" in call.args[:1] and "sqs") or _derived(call)
            if own:
                found.append(Queue(own, call.place, call))
    return tuple(sorted(found, key=lambda q: (q.place.path, q.place.line, q.place.column)))


def _library(path: str) -> str:
    found = _ANY.fullmatch(path)
    return _MADE[found.lastindex - 1][0] if found is not None and found.lastindex is not None else ""


def _derived(call: Call) -> str:
    """The library of a class of the project that derives from one of a queue."""
    callee = call.site.callee
    if not isinstance(callee, ClassValue):
        return ""
    return next((name for base in callee.external_bases() if (name := _library(base))), "")
