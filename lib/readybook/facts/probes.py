"""Paths that probes outside the code ask for: Kubernetes, compose files, Dockerfiles, platforms, load balancers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts

# the path in `curl -f http://localhost:8000/health`, with or without the scheme
URL = regex(r"(?:https?://[^/\s\"']{1,200}"
            r"|(?<![\w.])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w${}]{1,40})?)"
            r"(/[\w/.~-]{1,200})")
GIVEN = {  # file name → what says the path there
    regex(r"(?:^|/)render\.ya?ml$"): regex(r"healthCheckPath:[ \t]*[\"']?(/[\w/.~-]+)"),
    regex(r"(?:^|/)railway\.(?:json|toml)$"): regex(r"healthcheckPath[\"']?\s*[:=]\s*[\"'](/[\w/.~-]+)"),
    regex(r"(?:^|/)fly(?:\.\w+)?\.toml$"): regex(r"^[ \t]*path[ \t]*=[ \t]*[\"'](/[\w/.~-]+)", re.MULTILINE),
    regex(r"\.tf$"): regex(r"^[ \t]*(?:health_check_)?path[ \t]*=[ \t]*\"(/[\w/.~-]+)\"", re.MULTILINE),
    regex(r"(?:^|/)app\.ya?ml$"): regex(r"^[ \t]*http_path:[ \t]*[\"']?(/[\w/.~-]+)", re.MULTILINE),
    regex(r"\.ya?ml$"): regex(r"httpGet:[ \t]*\n(?:[ \t]+(?![ \t]|path:)[^\n]{0,200}\n){0,6}[ \t]+path:[ \t]*"
                                        r"[\"']?(/[\w/.~-]+)"),
}
TOLD_BY = (".yml", ".yaml", ".json", ".toml", ".tf")


def _runs(text: str, path: str) -> bool:
    """Whether a health check's command names a script of the target: the file itself, or it below another folder."""
    return path.endswith((".py", ".sh")) and path in text and bool(
        re.search(rf"(?:^|[/\s\"']){re.escape(path)}(?:$|[\s\"'])", text))


def probed_paths(facts: Facts) -> frozenset[str]:
    """Every such path without its last slash; the root alone is none."""
    texts = [str(s.healthcheck) for s in facts.compose_services if s.healthcheck]
    texts += [d.healthcheck.script for d in facts.dockerfiles if d.healthcheck is not None]
    texts += [file.text for text in texts for path, file in facts.project.files.items() if _runs(text, path)]
    paths = {path for text in texts for path in URL.findall(text)}
    for thing in facts.kubernetes:
        for container in thing.containers:
            for probe in (container.liveness, container.readiness, container.startup):
                if probe is not None and probe.path:
                    paths.add(probe.path)
    for path, file in facts.project.files.items():
        for name, given in GIVEN.items() if path.endswith(TOLD_BY) else ():
            if name.search(path):
                paths.update(given.findall(file.text))
    return frozenset(p.rstrip("/") for p in paths if p.rstrip("/"))
