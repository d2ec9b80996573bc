"""Kubernetes manifests and Helm charts."""
# ruff: noqa: E501 - the texts of small files stand on one line

from __future__ import annotations

from readybook.facts.kubernetes import helm_charts, kubernetes
from readybook.facts.problems import problems
from readybook.facts.packages import packages
from readybook.project import Project

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  replicas: 2
  strategy: {type: RollingUpdate}
  template:
    spec:
      securityContext: {runAsNonRoot: true}
      initContainers:
        - {name: migrate, image: "shop/api:1", command: [alembic, upgrade, head]}
      containers:
        - name: api
          image: shop/api:1.2
          args: ["uvicorn", "app.main:app"]
          ports: [{containerPort: 8000}]
          env:
            - {name: MODE, value: production}
            - name: KEY
              valueFrom: {secretKeyRef: {name: s, key: k}}
          envFrom: [{configMapRef: {name: settings}}]
          livenessProbe:
            httpGet: {path: /health, port: 8000}
            periodSeconds: 5
          resources: {limits: {cpu: 1}}
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}
"""


def test_objects_containers_and_probes() -> None:
    deployment, service, settings = kubernetes(Project.from_files({"k8s/app.yaml": DEPLOYMENT}))
    assert (deployment.kind, deployment.name, deployment.namespace, deployment.replicas) == (
        "Deployment",
        "api",
        "shop",
        2,
    )
    assert (deployment.strategy, deployment.security) == ("RollingUpdate", {"runAsNonRoot": True})
    migrate, api = deployment.containers
    assert (migrate.init, migrate.command, api.init) == (True, ("alembic", "upgrade", "head"), False)
    assert api.image is not None
    assert (api.image.tag, api.args, api.ports) == ("1.2", ("uvicorn", "app.main:app"), ("8000",))
    assert [(e.name, e.source, e.value) for e in api.env] == [("MODE", "value", "production"), ("KEY", "secret", "")]
    assert api.env_from == ("settings",)
    assert api.liveness is not None
    assert (api.liveness.path, api.liveness.port, api.liveness.timing) == ("/health", "8000", (("periodSeconds", 5),))
    assert api.liveness.place.line == 22
    assert (api.readiness, api.resources) == (None, {"limits": {"cpu": 1}})
    assert (service.kind, service.spec, service.place.line) == ("Service", {"ports": [{"port": 80}]}, 27)
    assert (settings.kind, settings.name) == ("ConfigMap", "settings")


def test_cron_jobs_have_their_pod_deeper() -> None:
    text = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  jobTemplate:\n    spec:\n      template:\n"
        "        spec: {containers: [{name: x, image: y}]}\n"
    )
    (job,) = kubernetes(Project.from_files({"cron.yml": text}))
    assert [c.name for c in job.containers] == ["x"]


def test_templates_are_listed_and_values_read() -> None:
    project = Project.from_files(
        {
            "chart/Chart.yaml": "apiVersion: v2\nname: shop\n",
            "chart/values.yaml": "replicaCount: 3\nimage: {tag: latest}\n",
            "chart/templates/deploy.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: {{ .Values.replicaCount }}\n",
        }
    )
    (item,) = kubernetes(project)
    assert (item.templated, item.kind, item.place.path) == (True, "", "chart/templates/deploy.yaml")
    (chart,) = helm_charts(project)
    assert (chart.name, chart.values, chart.templates) == (
        "shop",
        {"replicaCount": 3, "image": {"tag": "latest"}},
        ("chart/templates/deploy.yaml",),
    )
    assert problems(project, packages(project)) == (
        ("chart/templates/deploy.yaml", "is a template: what it renders to is not known"),
    )


def test_broken_manifests_are_listed() -> None:
    project = Project.from_files({"a.yaml": "apiVersion: v1\nkind: Pod\nspec: [\n"})
    assert kubernetes(project) == ()
    assert [path for path, _ in problems(project, packages(project))] == ["a.yaml"]


def test_other_yaml_with_a_kind_in_it_is_left_alone() -> None:
    assert (
        kubernetes(
            Project.from_files({"x.yml": "apiVersion: 1\nkindly: yes\n", "kube.yml": "apiVersion: v1\nkind: Config\n"})
        )
        == ()
    )
