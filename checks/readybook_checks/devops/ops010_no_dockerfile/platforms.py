"""Platforms that run a Python service without a Dockerfile of its own."""

from __future__ import annotations

import posixpath
import re

from readybook.patterns import regex
from readybook.project import Project

ANY = regex(r"")
# file name: what its text must hold to say that Python is built and run without a Dockerfile
FILES: dict[str, re.Pattern[str]] = {
    "Procfile": regex(r"(?m)^\w+:.*(?:python|uvicorn|gunicorn|hypercorn|fastapi|granian)"),
    "app.yaml": regex(r"(?m)^runtime:\s*[\"']?python|^[ \t]*environment_slug:\s*python"),
    "serverless.yml": regex(r"runtime:\s*[\"']?python"), "serverless.yaml": regex(r"runtime:\s*[\"']?python"),
    "template.yaml": regex(r"AWS::Serverless::(?!.*PackageType:\s*Image)"),
    "template.yml": regex(r"AWS::Serverless::"), "zappa_settings.json": ANY, "zappa_settings.toml": ANY,
    "nixpacks.toml": ANY, "railpack.json": ANY, "railway.json": regex(r"(?i)nixpacks|railpack|startCommand"),
    "railway.toml": regex(r"(?i)nixpacks|railpack|startCommand"),
    "fly.toml": regex(r"(?m)^[ \t]*(?:builder|buildpacks)\s*="),
    "render.yaml": regex(r"(?m)^[ \t]*(?:-[ \t]+)?(?:env|runtime):\s*[\"']?python"),
    "vercel.json": regex(r"@vercel/python|\.py\""), "project.toml": regex(r"io\.buildpacks|\[build\]"),
    "apprunner.yaml": regex(r"runtime:\s*[\"']?python"), ".platform.app.yaml": regex(r"type:\s*[\"']?python"),
    "host.json": regex(r"extensionBundle|\"version\":\s*\"2"), "space.yaml": ANY, "Spacefile": ANY,
    "fastapicloud.json": ANY, "wrangler.toml": regex(r"python_workers"),
    "manifest.yml": regex(r"(?m)^[ \t]*buildpacks?:"),
}
CALLS = {"mangum.Mangum": "AWS Lambda", "modal.asgi_app": "Modal", "modal.fastapi_endpoint": "Modal",
         "azure.functions.AsgiFunctionApp": "Azure Functions", "azure.functions.AsgiMiddleware": "Azure Functions"}


def platform(project: Project) -> str:
    """What runs the target without a Dockerfile: a file such as render.yaml or a platform's name; empty for nothing."""
    for path in sorted(project.files, key=lambda p: (p.count("/"), p)):
        pattern = FILES.get(posixpath.basename(path))
        if pattern is not None and project.facts.role(path) in ("application", "documentation", "script"):
            if pattern.search(project.text(path)):
                return path
    for call in project.facts.behaviour.calls_to(*CALLS):
        return f"{CALLS[call.path]} ({call.place})"
    return ""
