"""Facts about everything a target ships beside its Python code; each family is worked out when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.facts.alembic import AlembicEnvironment, MigrationTool
    from readybook.facts.compose import ComposeService
    from readybook.facts.containers import Dockerfile
    from readybook.facts.coverage import Coverage
    from readybook.facts.dotenv import Dotenv
    from readybook.facts.entryfiles import EntryFiles
    from readybook.facts.kubernetes import HelmChart, KubernetesObject
    from readybook.facts.packages import Packages, PackageVersion
    from readybook.facts.proxies import Proxy
    from readybook.facts.requirementtexts import Requirement
    from readybook.facts.serving import ServeCommand
    from readybook.facts.workflows import Workflow
    from readybook.project import Project


class Surroundings:
    """The part of the facts that is read from containers, CI, dependency and configuration files."""

    project: Project

    def role(self, path: str) -> str:
        """What part a file plays: one of `readybook.facts.roles.ROLES`."""
        from readybook.facts.roles import role

        file = self.project.files.get(path)
        return role(path, file.text if file else "")

    @cached_property
    def dockerfiles(self) -> tuple[Dockerfile, ...]:
        """Every Dockerfile, by path."""
        from readybook.facts.containers import dockerfiles

        return dockerfiles(self.project)

    @cached_property
    def compose_services(self) -> tuple[ComposeService, ...]:
        """Every service of every compose file."""
        from readybook.facts.compose import compose_services

        return compose_services(self.project)

    @cached_property
    def kubernetes(self) -> tuple[KubernetesObject, ...]:
        """Every Kubernetes object in plain manifests."""
        from readybook.facts.kubernetes import kubernetes

        return kubernetes(self.project)

    @cached_property
    def helm_charts(self) -> tuple[HelmChart, ...]:
        """Every Helm chart with its values."""
        from readybook.facts.kubernetes import helm_charts

        return helm_charts(self.project)

    @cached_property
    def workflows(self) -> tuple[Workflow, ...]:
        """Every CI file."""
        from readybook.facts.workflows import workflows

        return workflows(self.project)

    @cached_property
    def packages(self) -> Packages:
        """Declared and locked packages."""
        from readybook.facts.packages import packages

        return packages(self.project)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Every declared dependency, by file and line."""
        return self.packages.requirements

    def version_of(self, name: str, near: str = "") -> PackageVersion:
        """The version of a package that the code at ``near`` gets, and how sure that is."""
        return self.packages.version_of(name, near)

    @cached_property
    def dotenvs(self) -> tuple[Dotenv, ...]:
        """Every dotenv file, real and example."""
        from readybook.facts.dotenv import dotenvs

        return dotenvs(self.project)

    @cached_property
    def serve_commands(self) -> tuple[ServeCommand, ...]:
        """Every command that starts the application, deployed ones first."""
        from readybook.facts.serving import serve_commands

        return serve_commands(self.project)

    @cached_property
    def entry_files(self) -> EntryFiles:
        """The Python files, to be found as start commands name them."""
        from readybook.facts.entryfiles import EntryFiles

        return EntryFiles(self.project.files)

    @cached_property
    def gunicorn_configs(self) -> tuple[str, ...]:
        """Paths of gunicorn's configuration files."""
        from readybook.facts.serving import gunicorn_configs

        return gunicorn_configs(self.project)

    @cached_property
    def coverage(self) -> tuple[Coverage, ...]:
        """Every place that configures or measures test coverage."""
        from readybook.facts.coverage import coverage

        return coverage(self.project)

    @cached_property
    def proxies(self) -> tuple[Proxy, ...]:
        """Every reverse proxy that is configured here."""
        from readybook.facts.proxies import proxies

        return proxies(self.project)

    @cached_property
    def tls_platforms(self) -> tuple[str, ...]:
        """Files by which a platform that ends TLS by itself runs something."""
        from readybook.facts.transport import tls_platforms

        return tls_platforms(self.project)

    @cached_property
    def believes_proxies(self) -> bool:
        """Whether anything here says whose forwarded headers a server believes."""
        from readybook.facts.transport import believes_proxies

        return believes_proxies(self.project)

    @cached_property
    def alembic(self) -> tuple[AlembicEnvironment, ...]:
        """Every Alembic environment."""
        from readybook.facts.alembic import alembic

        return alembic(self.project)

    @cached_property
    def migration_tools(self) -> tuple[MigrationTool, ...]:
        """Migration tools other than Alembic."""
        from readybook.facts.alembic import migration_tools

        return migration_tools(self.project)
