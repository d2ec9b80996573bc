"""What the audited service is, in words and tables: applications, routes and their callers, data stores, packages."""

from __future__ import annotations

from collections import Counter

from readybook import story
from readybook.markup import Html, clip, el, join
from readybook.masking import mask
from readybook.report import Report
from readybook.service import DataStore, Package
from readybook.tables import Cell, Table

BACKENDS = {
    "postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite", "mssql": "SQL Server",
    "oracle": "Oracle", "redis": "Redis", "mongo": "MongoDB", "broker": "a message broker", "database": "a database",
    "rabbitmq": "RabbitMQ", "kafka": "Kafka", "nats": "NATS", "sqs": "Amazon SQS", "pubsub": "Google Pub/Sub",
    "memcached": "Memcached", "elasticsearch": "Elasticsearch", "opensearch": "OpenSearch",
    "meilisearch": "Meilisearch", "neo4j": "Neo4j", "cassandra": "Cassandra", "clickhouse": "ClickHouse",
    "bigquery": "BigQuery", "qdrant": "Qdrant",
    "chroma": "Chroma", "pinecone": "Pinecone", "weaviate": "Weaviate", "milvus": "Milvus", "minio": "MinIO",
    "s3": "Amazon S3", "gcs": "Google Cloud Storage", "azure": "Azure Blob Storage", "supabase": "Supabase",
    "firestore": "Firestore", "dynamodb": "DynamoDB",
}
THROUGH = {"sqlalchemy": "SQLAlchemy", "tortoise": "Tortoise ORM", "google": "google-cloud", "azure": "azure-storage",
           "celery": "Celery"}
HANDED_OVER = ("broker", "queue")  # kinds of store that pass work on
FOUNDATIONS = {
    "fastapi": "FastAPI", "starlette": "Starlette", "pydantic": "Pydantic", "sqlalchemy": "SQLAlchemy",
    "sqlmodel": "SQLModel", "tortoise-orm": "Tortoise ORM", "beanie": "Beanie", "celery": "Celery", "redis": "redis",
    "uvicorn": "Uvicorn", "gunicorn": "Gunicorn", "httpx": "HTTPX", "alembic": "Alembic",
}
SURE = ("locked", "pinned")


def sentences(report: Report) -> tuple[str, ...]:
    """What the service is: what it serves and to whom, where it keeps data, what it stands on."""
    return tuple(text for text in (_serves(report), _keeps(report.service.stores), _stands_on(report.service.packages))
                 if text)


def service_html(report: Report) -> Html:
    """The sentences, then the applications, routes, stores and packages as tables behind their names."""
    from readybook.display import table_html

    told = [el("p", clip(mask(text), 900)) for text in sentences(report)]
    tables = (applications(report), routes(report), stores(report), packages(report))
    folds = [
        el("details", el("summary", f"{table.caption} ({len(table.rows):,})"), table_html(table), class_="data")
        for table in tables if table.rows
    ]
    return el("div", told, join(folds), class_="service")


def applications(report: Report) -> Table:
    """One row an application: its import string and where it is built."""
    rows = tuple((a.app, f"{a.file}:{a.line}", a.routes) for a in report.apps)
    return Table("Applications served", ("Application", "Built at", "Routes"), rows)


def routes(report: Report) -> Table:
    """One row a route: method, path, whether it asks who calls, where it is answered."""
    words = {True: "yes", False: "no", None: "not shown"}
    many = len(report.apps) > 1
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (r.path, r.method, words[r.guarded], f"{r.file}:{r.line}", *([r.app] if many else []))
        for r in report.service.routes
    )
    columns = ("Path", "Method", "Asks who calls", "Answered at", *(["Application"] if many else []))
    return Table("Routes", columns, rows, find=len(rows) > 10)


def stores(report: Report) -> Table:
    """One row a place that sets up a client of a data store."""
    rows = tuple((store_name(s), s.how, f"{s.file}:{s.line}") for s in report.service.stores)
    return Table("Data stores", ("Store", "Through", "Set up at"), rows)


def packages(report: Report) -> Table:
    """One row a declared package: its version and how sure that is."""
    rows = tuple((p.name, p.version or "any", p.certainty) for p in report.service.packages)
    return Table("Packages declared", ("Package", "Version", "How it is known"), rows, find=len(rows) > 10)


def store_name(store: DataStore) -> str:
    """A store as its makers call it."""
    return BACKENDS.get(store.backend) or BACKENDS.get(store.kind, store.kind)


def _serves(report: Report) -> str:
    found = report.service.routes
    if not report.apps:
        return "No served FastAPI application was found; checks that need one do not apply or could not tell."
    names = [a.app for a in report.apps]
    text = f"{report.target.name} serves {story.plural(len(names), 'application')} " \
           f"({', '.join(names[:3])}{' …' if len(names) > 3 else ''}) with {story.plural(len(found), 'route')}"
    if not found:
        return text + "."
    methods = ", ".join(f"{n} {method}" for method, n in sorted(Counter(r.method for r in found).items(),
                                                                  key=lambda item: (-item[1], item[0])))
    open_ = sum(r.guarded is False for r in found)
    unknown = sum(r.guarded is None for r in found)
    text += f": {methods}. {_many(len(found) - open_ - unknown)} who calls, {open_ or 'none'} " \
            f"{'is' if open_ == 1 else 'are'} open to all"
    return text + (f", of {unknown} the code does not show it." if unknown else ".")


def _many(count: int) -> str:
    return f"{count} of them asks" if count == 1 else f"{count or 'None'} of them ask"


def _keeps(found: tuple[DataStore, ...]) -> str:
    kept = [s for s in found if s.kind not in HANDED_OVER]
    handed = [s for s in found if s.kind in HANDED_OVER]
    parts = [f"{verb} {_named(some)}, through {_listed(list(dict.fromkeys(map(_client, some))))}"
             for verb, some in (("keeps data in", kept), ("hands work over by", handed)) if some]
    return f"It {', and '.join(parts)}." if parts else "No database, cache or broker was found in its code."


def _named(found: list[DataStore]) -> str:
    named = any(s.kind == "database" and s.backend in BACKENDS for s in found)  # the nameless one may be the same
    return _listed(list(dict.fromkeys(store_name(s) for s in found if s.backend or s.kind != "database" or not named)))


def _client(store: DataStore) -> str:
    name = store.how.partition(".")[0]
    return THROUGH.get(name, name)


def _stands_on(found: tuple[Package, ...]) -> str:
    if not found:
        return "It declares no packages where they could be read."
    known = {p.name: p for p in found}
    named = [f"{title}{_version(known[name])}" for name, title in FOUNDATIONS.items() if name in known][:7]
    loose = sum(p.certainty not in SURE for p in found)
    text = f"It declares {story.plural(len(found), 'package')}" + (f", among them {_listed(named)}" if named else "")
    if loose == len(found):
        return text + "; none names its exact version."
    if not loose:
        return text + "; each names its exact version."
    return text + f"; {loose} {'leaves' if loose == 1 else 'leave'} the exact version open."


def _version(package: Package) -> str:
    if package.certainty in SURE:
        return f" {package.version}"
    return f" {package.version} or later" if package.certainty == "lower bound" else ""


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]
