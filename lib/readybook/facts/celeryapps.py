"""Celery applications: what each is configured to do, wherever the code says so, and its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, ModuleValue
from readybook.facts.nodes import statements
from readybook.facts.values import External, Unknown
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.behaviour import Call
    from readybook.facts.modules import Module
    from readybook.facts.syntax import Node

DECORATORS = frozenset({"celery.Celery.task", "celery.app.base.Celery.task", "celery.app.Celery.task",
                        "celery.shared_task", "celery.app.shared_task", "celery.task", "celery.decorators.task"})
# arguments of the constructor that are no settings
OWN = frozenset({"main", "loader", "amqp", "events", "log", "control", "set_as_current", "tasks", "changes",
                 "config_source", "fixups", "task_cls", "autofinalize", "namespace", "strict_typing", "preconf"})
SHORT = {"broker": "broker_url", "backend": "result_backend"}
# names before Celery 4, which still hold
OLD = {"celeryd_task_time_limit": "task_time_limit", "celeryd_task_soft_time_limit": "task_soft_time_limit",
       "celery_acks_late": "task_acks_late", "celeryd_prefetch_multiplier": "worker_prefetch_multiplier",
       "celeryd_max_tasks_per_child": "worker_max_tasks_per_child", "celery_accept_content": "accept_content",
       "celery_task_serializer": "task_serializer", "celery_result_serializer": "result_serializer"}
# Celery 5.7's settings of these families
NAMES = frozenset("""
    accept_content beat_cron_starting_deadline beat_enable_remote_control beat_max_loop_interval
    beat_remote_control_max_tick_age beat_schedule beat_schedule_filename beat_scheduler beat_sync_every
    broker_channel_error_retry broker_connection_max_retries broker_connection_retry
    broker_connection_retry_on_startup broker_connection_timeout broker_failover_strategy broker_heartbeat
    broker_heartbeat_checkrate broker_host broker_login_method broker_native_delayed_delivery_queue_type
    broker_password broker_pool_acquire_timeout broker_pool_limit broker_port broker_read_url broker_transport
    broker_transport_options broker_url broker_use_ssl broker_user broker_vhost broker_write_url
    result_accept_content result_backend result_backend_always_retry result_backend_base_sleep_between_retries_ms
    result_backend_max_retries result_backend_max_sleep_between_retries_ms result_backend_transport_options
    result_cache_max result_chord_expires result_chord_join_timeout result_chord_retry_interval result_compression
    result_exchange result_exchange_type result_expires result_extended result_failure_expires result_persistent
    result_serializer task_acks_late task_acks_on_failure task_acks_on_failure_or_timeout task_acks_on_timeout
    task_allow_error_cb_on_chord_header task_always_eager task_annotations task_compression
    task_create_missing_queue_exchange_type task_create_missing_queue_type task_create_missing_queues
    task_default_delivery_mode task_default_exchange task_default_exchange_type task_default_priority
    task_default_queue task_default_queue_type task_default_rate_limit task_default_routing_key
    task_eager_propagates task_ignore_result task_inherit_parent_priority task_protocol task_publish_retry
    task_publish_retry_policy task_queue_max_priority task_queues task_reject_on_worker_lost task_remote_tracebacks
    task_repr_maxlevels task_retry_on_worker_lost task_routes task_send_sent_event task_serializer
    task_soft_time_limit task_store_eager_result task_store_errors_even_if_ignored task_time_limit
    task_track_started worker_agent worker_autoscaler worker_cancel_long_running_tasks_on_connection_loss
    worker_concurrency worker_consumer worker_deduplicate_successful_tasks worker_detect_quorum_queues worker_direct
    worker_disable_prefetch worker_disable_rate_limits worker_enable_prefetch_count_reduction
    worker_enable_remote_control worker_enable_soft_shutdown_on_idle worker_eta_task_limit worker_hijack_root_logger
    worker_log_color worker_log_datefmt worker_log_format worker_lost_wait worker_max_memory_per_child
    worker_max_tasks_per_child worker_pool worker_pool_putlocks worker_pool_restarts worker_pool_start_method
    worker_prefetch_multiplier worker_proc_alive_timeout worker_redirect_stdouts worker_redirect_stdouts_level
    worker_send_task_events worker_soft_shutdown_timeout worker_state_db worker_task_log_datefmt
    worker_task_log_format worker_timer worker_timer_precision
""".split())
FAMILIES = ("task_", "worker_", "broker_", "result_", "beat_")
# options of a worker's command line that stand for a setting
COMMAND = (("task_time_limit", regex(r"--time-limit[= ](\d+)")),
           ("task_soft_time_limit", regex(r"--soft-time-limit[= ](\d+)")),
           ("worker_max_tasks_per_child", regex(r"--max-tasks-per-child[= ](\d+)")),
           ("worker_max_memory_per_child", regex(r"--max-memory-per-child[= ](\d+)")))
STARTING = regex(r"(?:^|/)(?:Procfile|Makefile|[\w.-]*Dockerfile[\w.-]*|[\w.-]+\.(?:sh|conf|service|toml|ya?ml))$")


@record
class Setting:
    """One setting: its present name, its value where it is known, where it stands, and the name that was written."""

    name: str
    value: Any
    place: Place
    written: str


@record
class CeleryApp:
    """One application. ``complete``: no further settings come from where the code does not show them.

    ``update`` is the call of ``conf.update`` in the same module, to which settings can be added. ``elsewhere``: some
    come from a module or class that ``config_from_object`` is given.
    """

    place: Place
    settings: dict[str, Setting]
    complete: bool
    call: Call = field(repr=False, compare=False)
    update: Call | None = field(default=None, repr=False, compare=False)
    elsewhere: bool = False

    def value(self, name: str) -> Any:
        """A setting's value, None when it is not set."""
        return self.settings[name].value if name in self.settings else None


@record
class CeleryTask:
    """One task; ``options`` are those of its decorator, ``**`` among them when more may be given."""

    function: FunctionValue = field(repr=False, compare=False)
    place: Place
    options: dict[str, Any]
    decorator: Place | None


def celery_apps(facts: Facts) -> tuple[CeleryApp, ...]:
    """Every Celery application of the code."""
    calls = [q.call for q in facts.behaviour.queues if q.library == "celery"]
    return tuple(_app(facts, call, len(calls) == 1) for call in calls)


def _app(facts: Facts, call: Call, single: bool) -> CeleryApp:
    settings: dict[str, Setting] = {}
    complete = "**" not in call.kwargs
    for name, value in call.kwargs.items():
        if name not in OWN and name != "**":
            _put(settings, SHORT.get(name, name), value, call.place)
    update, elsewhere = None, False
    for other in facts.behaviour.written_as("update", "config_from_object", "config_from_envvar", "add_defaults"):
        if not re.match(r"celery\.(?:app\.(?:base\.)?)?Celery\.", other.path) or not (single or other.place.path
                                                                                         == call.place.path):
            continue
        if other.last == "config_from_object":
            elsewhere = True
            complete &= _from_object(facts, settings, other)
        elif other.last in ("update", "add_defaults"):
            given = [a for a in other.args if isinstance(a, dict)]
            for name, value in [*other.kwargs.items(), *(i for g in given for i in g.items())]:
                if isinstance(name, str) and name != "**":
                    _put(settings, name, value, other.place)
            complete &= "**" not in other.kwargs and len(given) == len(other.args)
            if other.place.path == call.place.path and other.last == "update" and not other.args:
                update = other
        else:
            complete = False
    for module in facts.modules.by_path.values():
        if module.role == "application" and ".conf" in module.text and (single or module.path == call.place.path):
            for name, node in _assigned(module):
                _put(settings, name, _literal(node), module.place(node))
    for name, value, place in _command_line(facts):
        settings.setdefault(name, Setting(name, value, place, name))
    return CeleryApp(call.place, settings, complete, call, update, elsewhere)


def _put(settings: dict[str, Setting], name: str, value: Any, place: Place) -> None:
    low = name.lower()
    present = OLD.get(low, low)
    settings[present] = Setting(present, value, place, name)


def _from_object(facts: Facts, settings: dict[str, Setting], call: Call) -> bool:
    """Take in the settings of a module or a class; False when it is not seen."""
    source = call.args[0] if call.args else call.kwargs.get("obj")
    if isinstance(source, str):
        found = facts.modules.find(source.replace(":", "."), call.site.module)
        loaded = facts.behaviour.run.loaded.get(getattr(found, "path", ""))
        names = loaded.scope.names if loaded is not None else None
    elif isinstance(source, ModuleValue | ClassValue):
        names = source.scope.names
    elif isinstance(source, Instance) and isinstance(source.cls, ClassValue):
        names = {**source.cls.scope.names, **source.attrs}
    else:
        names = None
    if names is None:
        return False
    prefix = call.kwargs.get("namespace", call.args[2] if len(call.args) > 2 else "")
    begin = f"{prefix}_".lower() if isinstance(prefix, str) and prefix else ""
    for name, value in dict(names).items():
        if isinstance(name, str) and name.lower().startswith(begin) and not name.startswith("_"):
            if not isinstance(value, FunctionValue | ClassValue | ModuleValue | External):
                _put(settings, name[len(begin):], value, call.place)
    return True


def _assigned(module: Module) -> Iterator[tuple[str, Node]]:
    """(setting, value) of every ``….conf.name = value`` and ``….conf["name"] = value`` of a module."""
    todo: list[Any] = [module.body]
    while todo:
        for s in statements(todo.pop()):
            if s[0] == "def":
                todo.append(s[6])
            for target in s[4] if s[0] == "assign" else ():
                if target[0] == "attr" and target[3][0] == "attr" and target[3][4] == "conf":
                    yield target[4], s[5]
                elif target[0] == "sub" and target[3][0] == "attr" and target[3][4] == "conf":
                    if target[4][0] == "const" and isinstance(target[4][3], str):
                        yield target[4][3], s[5]


def _literal(node: Node) -> Any:
    if node[0] == "const":
        return node[3]
    if node[0] in ("list", "tuple", "set"):
        return [_literal(part) for part in node[3]]
    if node[0] == "dict":
        return {_literal(k): _literal(v) for k, v in node[3] if k is not None and k[0] == "const"}
    return Unknown("not known")


def _command_line(facts: Facts) -> Iterator[tuple[str, int, Place]]:
    for path, file in facts.project.files.items():
        if STARTING.search(path) and "celery" in file.text:
            for name, pattern in COMMAND:
                match = pattern.search(file.text)
                if match:
                    yield name, int(match[1]), Place(path, file.text.count("\n", 0, match.start()) + 1)


def celery_tasks(facts: Facts) -> tuple[CeleryTask, ...]:
    """Every function of application code under a decorator of Celery, by place."""
    found = []
    for function in facts.behaviour.run.functions.values():
        if function.module.role != "application" or function.node[0] != "def":
            continue
        for decorator in function.decorators:
            name = _name(decorator)
            if name in DECORATORS:
                made = isinstance(decorator, Instance) and decorator.node is not None
                place = function.module.place(decorator.node, function.qualname) if made else None
                options = dict(decorator.kwargs) if isinstance(decorator, Instance) else {}
                if made and any(key is None for key, _ in decorator.node[5]):
                    options["**"] = True
                here = function.module.place(function.node, function.qualname)
                found.append(CeleryTask(function, here, options, place))
                break
    return tuple(sorted(found, key=lambda t: (t.place.path, t.place.line)))


def _name(decorator: object) -> str:
    if isinstance(decorator, Bound):
        return _name(decorator.function)
    if isinstance(decorator, Instance):
        return decorator.path.removesuffix("()")
    return decorator.path if isinstance(decorator, External) else ""
