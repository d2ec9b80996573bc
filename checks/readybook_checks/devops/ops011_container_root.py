"""OPS011: containers whose process is root."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.compose import ComposeService
from readybook.facts.containers import Dockerfile
from readybook.facts.functionplatform import is_function_image
from readybook.facts.kubernetes import HelmChart
from readybook.facts.servercommands import called_scripts
from readybook.finding import Answer
from readybook.intents import InsertInstruction
from readybook.patterns import regex

DROPS = regex(r"\b(?:gosu|su-exec|setpriv|runuser|chroot --userspec|s6-setuidgid|su\s+-)\b")
# what is installed for root alone, in a folder that nobody else may enter
ROOTS_OWN = regex(r"(?:^|[\s=:\"'/])root/|pip3?\s+install\s+[^&;\n]*--user\b|~/|\$HOME")
TOOLS_AT_HOME = regex(r"poetry\s+install|pipenv\s+(?:install|sync)|uv\s+python\s+install")
IN_PLACE = regex(r"virtualenvs[.-]create\s+false|VIRTUALENVS_CREATE=(?:false|0)|VIRTUALENVS_IN_PROJECT|in-project"
                 r"|--system|PIPENV_VENV_IN_PROJECT|UV_PYTHON_INSTALL_DIR|VIRTUAL_ENV")
STARTED = regex(r"(?m)^[ \t]*(?:exec[ \t]+)?(?:service[ \t]+)?"
                r"(nginx|supervisord|cron|crond|sshd|apache2(?:ctl)?|redis-server|postgres)\b")
SUPERVISOR = regex(r"\b(?:supervisord|s6-svscan|runit|nginx|cron)\b")
MADE = regex(r"\bmkdir((?:\s+-(?!m\b)\w+|\s+--parents|\s+-m\s+\d+)*)((?:\s+[^\s;&|<>]+)+)")
NAMED_VOLUME = regex(r"\w[\w.-]*:(/[\w./-]+?)/?(?::[\w,]+)?$")
# the system's folders, which a user of the application's own must not get
SYSTEMS = regex(r"/(?:(?:usr|etc|bin|sbin|lib\w*|root|proc|sys|dev|boot)(?:/.*)?|tmp|var"
                r"|var/(?:lib|log|cache|run|tmp)|opt|home|srv|mnt|run)?$|/var/lib/apt\b|/opt/venv\b")
TITLE = "Run the image as a user of its own"


PLAIN = frozenset({"python", "ubuntu", "debian", "alpine", "uv", "pypy", "fedora", "rockylinux", "cuda"})
WORKLOAD = regex(r"(?m)^kind:\s*(?:Deployment|StatefulSet|DaemonSet|CronJob|Job)\b")
OTHERS = regex(r"(?i)redis|valkey|postgres|pg_?bouncer|mysql|maria|mongo|kafka|rabbit|clickhouse|minio|nginx|ingress"
               r"|elastic|opensearch|vault|grafana|prometheus|loki|kyverno|cert-manager|zookeeper|keycloak|traefik")
SHELLS = frozenset({"bash", "sh", "/bin/bash", "/bin/sh"})
TESTS = regex(r"(?:(?:uv|poetry) run )?(?:python3? -m )?(?:pytest|tox|nox)\b")


class ContainerRoot(Check):
    """The container's process is root: whoever takes over the application owns all that is in the container.

    Looked at: the last USER of each deployed Python Dockerfile, earlier stages it starts from included, and the base
    image where there is none; compose services that set a user for it, pods that do, and entry points that drop
    privileges themselves. A flaw in the kernel, the runtime or a mounted folder then reaches the machine as root.

    Fix: a user without a login, the working directory and what else is there to be written to (folders that the image
    makes, named volumes of the compose file) handed to it, and USER before the command.
    """

    id = "OPS011"
    name = "container-root"
    category = "devops"
    severity = "high"
    hours = Hours(0.25, 0.5, 1, each=0.25)
    fix_kinds = ("config", "advice")
    references = ("https://docs.docker.com/build/building/best-practices/#user",
                  "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each Dockerfile whose image is deployed."""
        deployed = [d for d in project.facts.dockerfiles
                    if d.python and not d.development and project.facts.role(d.path) == "application"]
        if not deployed:
            yield NotApplicable("no Dockerfile here builds a Python image for deployment")
        for dockerfile in deployed:
            yield self._answer(project, dockerfile)

    def _answer(self, project: Project, dockerfile: Dockerfile) -> Answer:
        place = dockerfile.user.place if dockerfile.user else command_place(dockerfile)
        root = dockerfile.runs_as_root
        if TESTS.match(" ".join(dockerfile.command)):
            return NotApplicable(f"the image of {dockerfile.path} runs tests")
        if _starts_nothing(project, dockerfile):
            return NotApplicable(f"{dockerfile.path} starts nothing: it is a base of others, or not deployed")
        if is_function_image(dockerfile):
            return NotApplicable(f"AWS Lambda runs the image of {dockerfile.path} as a user without rights")
        if root == "no":
            return Right(place, "its process has a user of its own")
        services = [s for s in project.facts.compose_services if not s.development and s.build is not None
                    and s.build.dockerfile == dockerfile.path]
        if services and all(s.user and s.user.partition(":")[0] not in ("0", "root") for s in services):
            return Right(services[0].place, "the compose file sets its user")
        if drops_privileges(project, dockerfile):
            return Right(command_place(dockerfile), "its entry point drops privileges")
        if not services and pods_set_user(project):
            return Right(place, "the pod's security context sets its user")
        charts = [] if services else charts_with_user(project)
        if charts and len(charts) == len(workload_charts(project)):
            return Right(charts[0].place, f"the pods of the chart {charts[0].folder or charts[0].name} have a user")
        if root == "unknown":
            what = dockerfile.user.text if dockerfile.user else dockerfile.outside_base.reference
            return CannotTell(f"which user {what} is, is not written here", place)
        if charts:
            return CannotTell(f"pods of {charts[0].values_path} have a user: whether they run the image of "
                              f"{dockerfile.path} is not written here", place)
        said = f"ends as USER {dockerfile.user.text}" if dockerfile.user else "never sets a USER"
        message = f"{dockerfile.path} {said}: its process is root in the container and in what is mounted into it."
        return Finding(place, message, fix=fix_of(project, dockerfile, services))


def _starts_nothing(project: Project, dockerfile: Dockerfile) -> bool:
    """Whether an image has no command, its base none that serves, and nothing here gives it one."""
    base = dockerfile.outside_base.name.rpartition("/")[2]
    deployed = any(s.build is not None and s.build.dockerfile == dockerfile.path
                   for s in project.facts.compose_services)
    waits = set(dockerfile.command) <= SHELLS and bool(dockerfile.command)  # for whoever runs something in it
    nothing = dockerfile.cmd is None and dockerfile.entrypoint is None and base in PLAIN
    return (waits or nothing) and not deployed and not _in_a_pod(project, dockerfile, waits)


def _in_a_pod(project: Project, dockerfile: Dockerfile, waits: bool) -> bool:
    """Whether a pod may run the image: there are pods, and one asks for an image of that name, or nothing tells.

    Of an image that waits in a shell a pod must tell.

    An image has the name of its Dockerfile or of a folder around it (``rest/Dockerfile``: ``shop-rest``), where there
    are several.
    """
    facts = project.facts
    if not facts.kubernetes or len([d for d in facts.dockerfiles if d.python]) < 2:
        return bool(facts.kubernetes)
    names = [c.image.name for o in facts.kubernetes for c in o.containers if c.image is not None]
    names += [text for chart in facts.helm_charts for text in _repositories(chart.values)]
    own = {w for w in re.split(r"[^a-z0-9]+", dockerfile.path.lower()) if w not in ("", "dockerfile", "docker")}
    return not (names or waits) or any(_words(name)[-1:] and set(_words(name)[-1:]) <= own for name in names)


def _words(image: str) -> list[str]:
    """The words of the last part of an image's name."""
    return [w for w in re.split(r"[^a-z0-9]+", image.lower().rpartition("/")[2].partition(":")[0]) if w]


def _repositories(values: object, depth: int = 0) -> Iterator[str]:
    """The images that a chart's values name."""
    for key, value in values.items() if isinstance(values, dict) and depth < 6 else ():
        if isinstance(value, str) and key in ("repository", "image"):
            yield value
        else:
            yield from _repositories(value, depth + 1)


def command_place(dockerfile: Dockerfile) -> Place:
    """Where a Dockerfile says what it runs, else its last FROM."""
    last = dockerfile.cmd or dockerfile.entrypoint
    return last.place if last else dockerfile.final.place


def _scripts(project: Project, dockerfile: Dockerfile) -> list[str]:
    """The texts of the target's scripts that the image's command calls."""
    ends = tuple(f"/{posixpath.basename(script)}" for script in called_scripts(dockerfile.command))
    return [file.text for path, file in project.files.items() if f"/{path}".endswith(ends)] if ends else []


def drops_privileges(project: Project, dockerfile: Dockerfile) -> bool:
    """Whether the command, or a script of the target that it calls, goes on as another user."""
    if DROPS.search(" ".join(dockerfile.command)):
        return True
    return any(DROPS.search(text) for text in _scripts(project, dockerfile))


def pods_set_user(project: Project) -> bool:
    """Whether every pod here runs as somebody other than root."""
    pods = [o for o in project.facts.kubernetes if o.containers and project.facts.role(o.place.path) == "application"]
    return bool(pods) and all(_safe(o.security) or all(_safe(c.security) for c in o.containers if not c.init)
                              for o in pods)


def workload_charts(project: Project) -> list[HelmChart]:
    """The Helm charts that start pods of the project's own, not a store or a tool that it needs."""
    files = project.files
    own = [c for c in project.facts.helm_charts if not OTHERS.search(c.name)
           and project.facts.role(c.place.path) not in ("test", "example", "vendored")]
    return [c for c in own if any(WORKLOAD.search(files[t].text) for t in c.templates if t in files)]


def charts_with_user(project: Project) -> list[HelmChart]:
    """Those of them whose values give their pods a user other than root."""
    return [c for c in workload_charts(project) if _gives_user(c.values)]


def _gives_user(values: object, depth: int = 0) -> bool:
    return isinstance(values, dict) and depth < 4 and (_safe(values) or any(
        _gives_user(v, depth + 1) for k, v in values.items() if depth < 3 or "ontext" in str(k)))


def _safe(security: object) -> bool:
    if not isinstance(security, dict):
        return False
    user = security.get("runAsUser")
    return security.get("runAsNonRoot") is True or (isinstance(user, int) and user > 0)


def fix_of(project: Project, dockerfile: Dockerfile, services: list[ComposeService]) -> Fix:
    """A user, the working directory handed to it, and USER; advice where root is needed to start."""
    if dockerfile.user is not None and dockerfile.user in dockerfile.final.instructions:
        return advice(TITLE, f"the image switches to {dockerfile.user.text} on purpose: see which program needs it, "
                      "and set another USER before the command")
    told = "\n".join(i.script for i in dockerfile.final_instructions if i.keyword not in ("CMD", "ENTRYPOINT"))
    settings = told + "\n" + "\n".join(f"{k}={v}" for k, v in dockerfile.env)
    if SUPERVISOR.search(" ".join(dockerfile.command)):
        return advice(TITLE, f"{dockerfile.command[0]} starts several programs: give each of them a user")
    beside = next((m[1] for text in _scripts(project, dockerfile) if (m := STARTED.search(text))), "")
    if beside:
        return advice(TITLE, f"the entry point starts {beside} as well, which wants root or folders of its own: "
                      "give it a container of its own, or an image that runs without root")
    if any(s.build is not None and s.build.target not in ("", dockerfile.final.alias) for s in services):
        return advice(TITLE, "compose builds another stage than the last one: the user belongs into the stages that "
                      "run")
    if re.search(r"\b(?:useradd|adduser)\s", told):
        return advice(TITLE, "the image makes a user already: hand it the folders it writes to, and name it by USER "
                      "before the command")
    if ROOTS_OWN.search(settings) or (TOOLS_AT_HOME.search(told) and not IN_PLACE.search(settings)):
        return advice(TITLE, "the packages lie in root's own folder, which no other user may enter: install them "
                      "into a virtual environment such as /opt/venv first")
    if "poetry" in dockerfile.command and re.search(r"poetry\s+config", told):
        return advice(TITLE, "poetry's settings lie in root's folder, so poetry run would make another environment: "
                      "set them by ENV, such as POETRY_VIRTUALENVS_CREATE=false, first")
    folder = dockerfile.workdir
    if not folder or folder == "/" or "$" in folder or " " in folder:
        return advice(TITLE, "the image has no working directory of its own: set a WORKDIR to hand to the user")
    alpine = "alpine" in f"{dockerfile.outside_base.name}:{dockerfile.outside_base.tag}"
    add = "adduser -D -s /sbin/nologin -u 10001 app" if alpine else (
        "useradd --create-home --shell /usr/sbin/nologin --uid 10001 app")
    stage = dockerfile.final.place.line
    volumes = {m[1] for s in services for v in s.volumes if (m := NAMED_VOLUME.match(v)) and _its_own(m[1], folder)}
    made = {path for path in _made(dockerfile) if _its_own(path, folder)}
    # A new volume takes the owner of the folder that it is mounted over.
    absent = "".join(f" {path}" for path in sorted(volumes - made))
    folders = " ".join((folder, *sorted(volumes | made)))
    command = f"RUN {add}{f' && mkdir -p{absent}' if absent else ''} && chown -R app {folders}"
    intents = (InsertInstruction(dockerfile.path, stage, command),
               InsertInstruction(dockerfile.path, stage, "USER 10001"))
    mounted = next((v for s in services for v in s.volumes if ":" in v), "")
    told_of = f"; {mounted.partition(':')[0]} is mounted and must belong to user 10001" if mounted else ""
    if mounted and NAMED_VOLUME.match(mounted):
        told_of += ", which a volume that exists already does not"
    reason = f"what it writes outside {folders.replace(' ', ' and ')} fails{told_of}"
    return Fix(TITLE, intents, kinds=("config",), safety="review", reason=reason)


def _made(dockerfile: Dockerfile) -> list[str]:
    """The folders that commands of the final image make, by absolute path: somebody is to write there."""
    scripts = [i.script for i in dockerfile.final_instructions if i.keyword == "RUN"]
    return [path.rstrip("/") for script in scripts for found in MADE.finditer(script) for path in found[2].split()
            if path.startswith("/") and re.fullmatch(r"[\w./-]+", path)]


def _its_own(path: str, folder: str) -> bool:
    """Whether a folder lies outside the working directory and is none of the system's."""
    return not f"{path}/".startswith(f"{folder.rstrip('/')}/") and not SYSTEMS.match(path)


TOP = "FROM python:3.12-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install fastapi uvicorn\n"
CMD = "CMD [\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\"]\n"
USER = ("RUN useradd --create-home --shell /usr/sbin/nologin --uid 10001 app && chown -R app /srv\nUSER 10001\n")
ContainerRoot.examples = (
    Bad({"Dockerfile": TOP + CMD}, at=("Dockerfile:5",), severity="high", fixed={"Dockerfile": TOP + USER + CMD}),
    Bad(  # the first stage has a user, the last one has none; Alpine has another command
        {"Dockerfile": "FROM python:3.12-alpine AS build\nUSER nobody\nRUN pip wheel fastapi\n\n"
         "FROM python:3.12-alpine\nWORKDIR /app\nCOPY --from=build /w /w\nRUN pip install /w/*\n"
         "CMD uvicorn main:app\n"},
        at=("Dockerfile:9",),
        fixed={"Dockerfile": "FROM python:3.12-alpine AS build\nUSER nobody\nRUN pip wheel fastapi\n\n"
               "FROM python:3.12-alpine\nWORKDIR /app\nCOPY --from=build /w /w\nRUN pip install /w/*\n"
               "RUN adduser -D -s /sbin/nologin -u 10001 app && chown -R app /app\nUSER 10001\nCMD uvicorn main:app\n"},
    ),
    Bad(  # folders that the image makes, and a volume: nobody but their owner can write to them
        {"Dockerfile": TOP + "RUN mkdir -p /var/uploads /usr/share/x && mkdir /tmp/jobs/ /srv/own\n" + CMD,
         "compose.yaml": "services:\n  api:\n    build: .\n    volumes:\n      - jobs:/tmp/jobs\n"
         "      - cache:/cache:rw\n      - .:/config\nvolumes:\n  jobs:\n  cache:\n"},
        at=("Dockerfile:6",),
        fixed={"Dockerfile": TOP + "RUN mkdir -p /var/uploads /usr/share/x && mkdir /tmp/jobs/ /srv/own\n"
               + USER.replace(" && chown -R app /srv", " && mkdir -p /cache && chown -R app /srv /cache /tmp/jobs "
                              "/var/uploads") + CMD},
    ),
    Bad(  # the official image for one kind of processor
        {"Dockerfile": (TOP + CMD).replace("FROM python", "FROM arm64v8/python")}, at=("Dockerfile:5",),
        severity="high"),
    Bad(  # back to root at the end
        {"Dockerfile": TOP + "USER nobody\nRUN true\nUSER root\n" + CMD}, at=("Dockerfile:7",)),
    Bad(  # packages in root's home: no other user could read them
        {"Dockerfile": "FROM python:3.12-slim\nWORKDIR /app\nCOPY --from=0 /root/.local /root/.local\n"
         "ENV PATH=/root/.local/bin:$PATH\nCMD uvicorn main:app\n"},
        at=("Dockerfile:5",)),
    Good({"Dockerfile": TOP + USER + CMD}),
    Good({"Dockerfile": "FROM python:3.12-slim AS base\nRUN useradd app\nUSER app\n\nFROM base\n" + CMD}),
    Good({"Dockerfile": TOP + CMD, "compose.yaml": "services:\n  api:\n    build: .\n    user: \"1000:1000\"\n"}),
    Good(  # the entry point goes on as another user
        {"Dockerfile": TOP + "ENTRYPOINT [\"./start.sh\"]\n",
         "start.sh": "#!/bin/sh\nchown -R app /data\nexec gosu app uvicorn main:app\n"}),
    Good({"Dockerfile": "FROM company/python-base:4\n" + CMD}, outcome="unknown"),
    Good({"Dockerfile": TOP + USER + CMD, "Dockerfile.base": "FROM nvidia/cuda:12.4.1-devel-ubuntu22.04\n"
          "RUN apt-get update && apt-get install -y python3 python3-pip\nRUN pip install torch\n"}),
    Good({"web/Dockerfile": "FROM node:22\nCMD [\"npm\", \"start\"]\n"}, outcome="not_applicable"),
    Good({"Dockerfile": "FROM public.ecr.aws/lambda/python:3.12\nCOPY main.py ./\nCMD [\"main.handler\"]\n"},
         outcome="not_applicable"),
    Good({"Dockerfile": "FROM python:3.12 AS build\nRUN pip install awslambdaric --target /f\n\nFROM python:3.12-slim\n"
          "COPY --from=build /f /f\nENTRYPOINT [\"python\", \"-m\", \"awslambdaric\"]\nCMD [\"main.handler\"]\n"},
         outcome="not_applicable"),
    Good({"Dockerfile": TOP + CMD.replace("\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\"", "\"pytest\", \"-q\""),
          "base/Dockerfile": TOP, "tools/Dockerfile": TOP + "ENTRYPOINT [\"bash\"]\n"}, outcome="not_applicable"),
    Bad(  # the compose file says what it starts
        {"Dockerfile": TOP, "compose.yml": "services:\n  api:\n    build: .\n    command: uvicorn main:app\n"},
        at=("Dockerfile:1",), severity="high"),
    Good({".devcontainer/Dockerfile": "FROM python:3.12\n"}, outcome="not_applicable"),
    Bad(  # the entry point starts nginx too; the image has a user already: a person says how
        {"Dockerfile": TOP + "COPY start.sh .\nENTRYPOINT [\"sh\", \"start.sh\"]\n",
         "start.sh": "#!/bin/sh\nnginx\nuvicorn main:app\n"}, at=("Dockerfile:6",)),
    Good(  # the chart's pods have a user; the image of a base waits in its shell, and no pod is of its name
        {"Dockerfile": TOP + CMD, "base/Dockerfile": TOP + "CMD [\"bash\"]\n",
         "chart/Chart.yaml": "name: shop\n", "chart/templates/d.yaml": "apiVersion: apps/v1\nkind: Deployment\n"
         "spec:\n  x: {{ .Values.podSecurityContext }}\n",
         "chart/values.yaml": "image:\n  repository: example.org/shop-api\npodSecurityContext:\n"
         "  runAsUser: 1001\n"}),
    Bad(  # a chart that gives none
        {"Dockerfile": TOP + CMD, "chart/Chart.yaml": "name: shop\n",
         "chart/templates/d.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec:\n  x: {{ .Values.y }}\n",
         "chart/values.yaml": "image:\n  repository: example.org/shop\npodSecurityContext: {}\n"},
        at=("Dockerfile:5",)),
    Bad(  # a pod gives the image of this folder its command
        {"rest/Dockerfile": TOP, "tool/Dockerfile": TOP,
         "k8s.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: r\nspec:\n  template:\n    spec:\n"
         "      containers:\n        - name: r\n          image: example.org/shop-rest:1\n"
         "          command: [uvicorn, main:app]\n"}, at=("rest/Dockerfile:1",)),
    Good(  # another chart's pods have one, and which image is whose is not written
        {"Dockerfile": TOP + CMD, **{f"{c}/Chart.yaml": f"name: {c}\n" for c in ("a", "b")},
         **{f"{c}/templates/d.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec: {{ .Values.x }}\n"
            for c in ("a", "b")},
         "a/values.yaml": "securityContext:\n  runAsNonRoot: true\n", "b/values.yaml": "x: 1\n"}, outcome="unknown"),
    Bad(  # the user is the store's
        {"Dockerfile": TOP + CMD, "chart/charts/redis/Chart.yaml": "name: redis\n",
         "chart/charts/redis/templates/d.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec: {{ .Values.x }}\n",
         "chart/charts/redis/values.yaml": "securityContext:\n  runAsUser: 999\n"}, at=("Dockerfile:5",)),
)
