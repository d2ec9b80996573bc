"""Applications that run as functions: the platform starts, freezes and ends their processes, one request in each.

What a server's process needs, a function does not: AWS Lambda replaces an environment that hangs or fails and asks no
health route, gives each one request at a time, freezes it between two of them, and runs an image as a user of its own
without rights, whatever its Dockerfile says (AWS Lambda Developer Guide, container images). Mangum runs the lifespan
of an application around each request, so what is closed at its end would be opened anew for the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.containers import Dockerfile
    from readybook.facts.program import App

ADAPTERS = ("mangum.Mangum", "mangum.adapter.Mangum")
LAMBDA_BASE = regex(r"^public\.ecr\.aws/(?:lambda|sam)/|(?:^|/)amazon/aws-lambda-")
RUNTIME_CLIENT = "awslambdaric"


def function_platform(facts: Facts, app: App) -> str:
    """Where an application runs as a function, and the adapter's place; empty when a server of its own serves it."""
    if any(command.purpose == "deploy" for command in facts.serve_commands):
        return ""
    for call in facts.handed_on.get(id(app.instance), ()):
        if call.path in ADAPTERS:
            return f"AWS Lambda ({call.place.path}:{call.place.line})"
    return ""


def only_functions(facts: Facts) -> str:
    """Where all served applications run as functions, in words; empty when one of them does not, or none is served."""
    found = [function_platform(facts, app) for app in facts.apps if app.served]
    return found[0] if found and all(found) else ""


def is_function_image(dockerfile: Dockerfile) -> bool:
    """Whether an image is made for AWS Lambda: on its base image, or with its runtime client."""
    if LAMBDA_BASE.search(dockerfile.outside_base.reference):
        return True
    return any(RUNTIME_CLIENT in instruction.script for instruction in dockerfile.final_instructions)
