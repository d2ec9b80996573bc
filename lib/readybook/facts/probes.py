"""Paths that probes outside the code ask for: Kubernetes, compose files, Dockerfiles, platforms, load balancers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.facts import Facts

# the path in `curl -f http://localhost:8000/health`, with or without the scheme
URL = re.compile(r"(?:https?://[^/\s\"']{1,200}"
                 r"|(?<![\w.])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w${}]{1,40})?)"
                 r"(/[\w/.~-]{1,200})")
GIVEN = {  # file name → what says the path there
    re.compile(r"(?:^|/)render\.ya?ml$"): re.compile(r"healthCheckPath:[ \t]*[\"']?(/[\w/.~-]+)"),
    re.compile(r"(?:^|/)railway\.(?:json|toml)$"): re.compile(r"healthcheckPath[\"']?\s*[:=]\s*[\"'](/[\w/.~-]+)"),
    re.compile(r"(?:^|/)fly(?:\.\w+)?\.toml$"): re.compile(r"^[ \t]*path[ \t]*=[ \t]*[\"'](/[\w/.~-]+)", re.MULTILINE),
    re.compile(r"\.tf$"): re.compile(r"^[ \t]*(?:health_check_)?path[ \t]*=[ \t]*\"(/[\w/.~-]+)\"", re.MULTILINE),
    re.compile(r"(?:^|/)app\.ya?ml$"): re.compile(r"^[ \t]*http_path:[ \t]*[\"']?(/[\w/.~-]+)", re.MULTILINE),
    re.compile(r"\.ya?ml$"): re.compile(r"httpGet:[ \t]*\n(?:[ \t]+(?!path:)[^\n]{0,200}\n){0,6}[ \t]+path:[ \t]*"
                                        r"[\"']?(/[\w/.~-]+)"),
}


def _runs(text: str, path: str) -> bool:
    """Whether a health check's command names a script of the target: the file itself, or it below another folder."""
    return path.endswith((".py", ".sh")) and bool(re.search(rf"(?:^|[/\s\"']){re.escape(path)}(?:$|[\s\"'])", text))


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
        for name, given in GIVEN.items():
            if name.search(path) and "path" in file.text.lower():
                paths.update(given.findall(file.text))
    return frozenset(p.rstrip("/") for p in paths if p.rstrip("/"))
