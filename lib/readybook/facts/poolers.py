"""Connection pools outside the process, and platforms on which a process keeps none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts

POOLERS = regex(r"pgbouncer|pgcat|odyssey|supavisor|pgpool|rds[-_]?proxy|proxysql", re.IGNORECASE)
# hosts and ports of hosted poolers in a connection address
HOSTS = regex(r"\.pooler\.supabase\.|-pooler\.[\w.-]{0,60}neon\.tech"
              r"|\.proxy-[\w-]{1,40}\.[\w-]{1,40}\.rds\.|pgbouncer", re.IGNORECASE)
SERVERLESS = {"mangum": "AWS Lambda (mangum)", "zappa": "AWS Lambda (Zappa)", "chalice": "AWS Lambda (Chalice)"}
FILES = {"vercel.json": "Vercel", "serverless.yml": "the Serverless Framework",
         "serverless.yaml": "the Serverless Framework", "zappa_settings.json": "Zappa"}


def pooler(facts: Facts) -> str:
    """What pools outside: a service, a hosted pooler's address, a serverless platform; empty when nothing shows it."""
    for service in facts.compose_services:
        words = f"{service.name} {service.image.name if service.image else ''}"
        if POOLERS.search(words):
            return f"{POOLERS.search(words)[0]} in {service.path}"  # type: ignore[index]
    for thing in facts.kubernetes:
        for container in thing.containers:
            image = str(getattr(getattr(container, "image", None), "name", ""))
            if POOLERS.search(image):
                return f"{POOLERS.search(image)[0]} in {thing.place.path}"  # type: ignore[index]
    for dotenv in facts.dotenvs:
        file = facts.project.files.get(dotenv.path)
        if file is not None and HOSTS.search(file.text):
            return f"a pooler's address in {dotenv.path}"
    for requirement in facts.requirements:
        if requirement.name.lower() in SERVERLESS:
            return SERVERLESS[requirement.name.lower()]
    for path in sorted(facts.project.files):
        name = path.rpartition("/")[2]
        if name in FILES and (name != "vercel.json" or ".py" in facts.project.text(path)):
            return f"{FILES[name]} ({path})"
        if name in ("template.yaml", "template.yml") and "AWS::Serverless" in facts.project.text(path):
            return f"AWS Lambda ({path})"
    return ""
