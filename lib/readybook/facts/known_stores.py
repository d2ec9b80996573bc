"""Clients of databases, caches, brokers and stores of files that are known by the name of what the code calls.

``backend`` is told by the client where it serves one product only; the scheme of an address or the name of a service
tells it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.engines import backend_of, is_from_env
from readybook.facts.values import by_default
from readybook.patterns import regex
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call


@record
class Client:
    """What a call opens: ``kind`` as of a store, ``backend`` empty where the client does not tell."""

    kind: str
    is_async: bool
    backend: str = ""


_CLIENTS = tuple((Client(*row[:-1]), regex(row[-1])) for row in (
    ("redis", True, "", r"(?:redis\.asyncio|aioredis|redis\.asyncio\.client|aioredis\.client)\."
                        r"(?:(?:Strict)?Redis(?:\.from_url)?|from_url|RedisCluster|create_redis_pool)"),
    ("redis", False, "", r"redis\.(?:client\.)?(?:(?:Strict)?Redis|(?:Strict)?Redis\.from_url|from_url|RedisCluster)"),
    ("redis", True, "", r"arq\.(?:connections\.)?create_pool"),
    ("mongo", True, "", r"motor\.motor_asyncio\.AsyncIOMotorClient|pymongo\.(?:asynchronous\.mongo_client\.)?"
                        r"AsyncMongoClient"),
    ("mongo", False, "", r"pymongo\.(?:mongo_client\.)?MongoClient|mongoengine\.(?:connection\.)?connect"),
    ("broker", False, "", r"celery\.(?:app\.(?:base\.)?)?Celery"),
    ("broker", True, "", r"aio_pika\.connect(?:_robust)?|aiokafka\.AIOKafkaProducer"),
    ("database", True, "", r"asyncpg\.(?:create_pool|connect)|psycopg\.AsyncConnection\.connect"
                           r"|psycopg_pool\.Async\w*ConnectionPool|aiomysql\.(?:create_pool|connect)|databases\.Database"),
    ("database", False, "", r"psycopg2(?:\.pool\.\w+|\.connect)|psycopg\.connect"
                            r"|psycopg_pool\.(?:Null)?ConnectionPool"),
    ("database", False, "mysql", r"(?:pymysql|MySQLdb|mysql\.connector)\.connect"),
    ("database", False, "mssql", r"pymssql\.connect"),
    ("database", False, "oracle", r"(?:oracledb|cx_Oracle)\.(?:connect|create_pool|SessionPool)"),
    ("database", False, "sqlite", r"sqlite3\.(?:dbapi2\.)?connect"),
    ("database", True, "sqlite", r"aiosqlite\.(?:core\.)?connect"),
    ("database", False, "postgresql", r"(?:peewee|playhouse\.\w+)\.\w*Postgres\w*Database"),
    ("database", False, "mysql", r"(?:peewee|playhouse\.\w+)\.\w*(?:MySQL|MariaDB)\w*Database"),
    ("database", False, "sqlite", r"(?:peewee|playhouse\.\w+)\.\w*Sqlite\w*Database"),
    ("database", True, "postgresql", r"piccolo\.engine\.(?:postgres\.)?PostgresEngine"),
    ("database", True, "sqlite", r"piccolo\.engine\.(?:sqlite\.)?SQLiteEngine"),
    ("database", True, "", r"prisma\.(?:client\.)?Prisma"),
    ("queue", False, "rabbitmq", r"pika\.(?:\w+\.)*BlockingConnection"),
    ("queue", False, "kafka", r"confluent_kafka\.(?:Producer|Consumer)|kafka\.Kafka(?:Producer|Consumer)"),
    ("queue", True, "kafka", r"aiokafka\.AIOKafkaConsumer|faststream\.kafka\.(?:\w+\.)*KafkaBroker"),
    ("queue", True, "rabbitmq", r"faststream\.rabbit\.(?:\w+\.)*RabbitBroker"
                                r"|taskiq_aio_pika\.(?:\w+\.)*AioPikaBroker"),
    ("queue", True, "redis", r"faststream\.redis\.(?:\w+\.)*RedisBroker|taskiq_redis\.(?:\w+\.)*\w*Broker"),
    ("queue", False, "pubsub", r"google\.(?:cloud\.)?pubsub(?:_v1)?\.(?:\w+\.)*(?:Publisher|Subscriber)Client"),
    ("queue", False, "redis", r"dramatiq\.brokers\.redis\.RedisBroker|rq\.(?:queue\.)?Queue"),
    ("queue", False, "rabbitmq", r"dramatiq\.brokers\.rabbitmq\.RabbitmqBroker"),
    ("queue", True, "nats", r"nats\.connect|faststream\.nats\.(?:\w+\.)*NatsBroker"),
    ("cache", True, "memcached", r"aiomcache\.(?:client\.)?Client"),
    ("cache", False, "memcached", r"pymemcache\.(?:client\.\w+\.)?(?:Pooled|Hash)?Client"),
    ("search", True, "elasticsearch", r"elasticsearch\.(?:\w+\.)*AsyncElasticsearch"),
    ("search", False, "elasticsearch", r"elasticsearch\.(?:\w+\.)*Elasticsearch"),
    ("search", True, "opensearch", r"opensearchpy\.(?:\w+\.)*AsyncOpenSearch"),
    ("search", False, "opensearch", r"opensearchpy\.(?:\w+\.)*OpenSearch"),
    ("search", False, "meilisearch", r"meilisearch\.(?:client\.)?Client"),
    ("graph", True, "neo4j", r"neo4j\.AsyncGraphDatabase\.driver"),
    ("graph", False, "neo4j", r"neo4j\.GraphDatabase\.driver"),
    ("columns", False, "cassandra", r"cassandra\.cluster\.Cluster"),
    ("columns", False, "clickhouse", r"clickhouse_connect\.(?:driver\.)?(?:get_client|create_client)"
                                     r"|clickhouse_driver\.(?:client\.)?Client"),
    ("columns", False, "bigquery", r"google\.cloud\.bigquery\.(?:client\.)?Client"),
    ("vectors", True, "qdrant", r"qdrant_client\.(?:\w+\.)*AsyncQdrantClient"),
    ("vectors", False, "qdrant", r"qdrant_client\.(?:\w+\.)*QdrantClient"),
    ("vectors", False, "chroma", r"chromadb\.(?:\w+\.)*(?:Client|PersistentClient|HttpClient|AsyncHttpClient)"),
    ("vectors", False, "pinecone", r"pinecone\.(?:\w+\.)*Pinecone(?:Asyncio|GRPC)?"),
    ("vectors", False, "weaviate", r"weaviate\.(?:Client|connect_to_\w+)"),
    ("vectors", False, "milvus", r"pymilvus\.(?:\w+\.)*MilvusClient"),
    ("files", False, "minio", r"minio\.(?:api\.)?Minio"),
    ("files", False, "gcs", r"google\.cloud\.storage\.(?:client\.)?Client"),
    ("files", False, "azure", r"azure\.storage\.blob\.(?:aio\.)?BlobServiceClient(?:\.from_connection_string)?"),
    ("hosted", False, "supabase", r"supabase\.(?:\w+\.)*(?:create_client|Client\.create|SyncClient)"),
    ("hosted", True, "supabase", r"supabase\.(?:\w+\.)*(?:create_async_client|acreate_client|AsyncClient\.create)"),
    ("hosted", True, "firestore", r"google\.cloud\.firestore\.AsyncClient|firebase_admin\.firestore_async\.client"),
    ("hosted", False, "firestore", r"google\.cloud\.firestore\.Client|firebase_admin\.firestore\.client"),
))
# By what a call is given: the address (or the configuration) of Tortoise, the service of an AWS client.
_TORTOISE = regex(r"tortoise\.contrib\.(?:fastapi|starlette)\.(?:[Rr]egister_?[Tt]ortoise)|tortoise\.Tortoise\.init")
_AWS = regex(r"(?:aio)?boto3\.(?:session\.)?(?:Session\.)?(?:client|resource)"
             r"|aiobotocore\.session\.(?:AioSession|get_session)\.create_client")
_BROKERS = {"redis": "redis", "rediss": "redis", "amqp": "rabbitmq", "amqps": "rabbitmq", "pyamqp": "rabbitmq",
            "sqs": "sqs"}
_SERVICES = {"s3": ("files", "s3"), "dynamodb": ("hosted", "dynamodb"), "sqs": ("queue", "sqs")}
# The packages that all of these are in: most calls are told by it.
PACKAGES = frozenset((
    "redis", "aioredis", "arq", "motor", "pymongo", "mongoengine", "celery", "aio_pika", "aiokafka", "asyncpg",
    "psycopg2", "psycopg", "psycopg_pool", "aiomysql", "databases", "pymysql", "MySQLdb", "mysql", "pymssql",
    "oracledb", "cx_Oracle", "sqlite3", "aiosqlite", "peewee", "playhouse", "piccolo", "prisma", "pika",
    "confluent_kafka", "kafka", "faststream", "taskiq_aio_pika", "taskiq_redis", "dramatiq", "rq", "nats", "aiomcache",
    "pymemcache", "elasticsearch", "opensearchpy", "meilisearch", "neo4j", "cassandra", "clickhouse_connect",
    "clickhouse_driver", "google", "qdrant_client", "chromadb", "pinecone", "weaviate", "pymilvus", "minio", "azure",
    "supabase", "firebase_admin", "tortoise", "boto3", "aioboto3", "aiobotocore",
))


def client(path: str) -> Client | None:
    """What calling a dotted name opens, None for all else; of names whose arguments tell more, what is sure."""
    if path.partition(".")[0] not in PACKAGES:
        return None
    if _TORTOISE.fullmatch(path):
        return Client("database", True)
    return next((found for found, pattern in _CLIENTS if pattern.fullmatch(path)), None)


def opened(path: str, call: Call) -> Client | None:
    """The same by the arguments of a call too."""
    if _AWS.fullmatch(path):
        given = by_default(call.args[0] if call.args else call.kwargs.get("service_name"))
        found = _SERVICES.get(given) if isinstance(given, str) else None
        return Client(found[0], path.startswith("aio"), found[1]) if found else None
    found = client(path)
    if found is not None and path.startswith("tortoise."):
        names = {name for value in _addresses(call) if (name := _database(value))}
        return replace(found, backend=names.pop() if len(names) == 1 else "")
    if found is not None and path.startswith("celery."):
        return replace(found, backend=_BROKERS.get(backend_of(call.kwargs.get("broker")) or "", ""))
    return found


def _addresses(call: Call) -> Iterator[Any]:
    """What the call says of its connections: an address, or a mapping of names to addresses or their parts."""
    yield call.kwargs.get("db_url")
    given = [by_default(call.kwargs.get("config")), *map(by_default, call.args)]
    for config in given:
        connections = by_default(config.get("connections")) if isinstance(config, dict) else None
        if isinstance(connections, dict):
            yield from connections.values()


def _database(value: Any) -> str:
    """The database that an address or a connection's ``engine`` (``tortoise.backends.asyncpg``) names.

    A file of SQLite that the environment may replace says nothing of the database in production.
    """
    given = by_default(value)
    if isinstance(given, dict):
        value = given.get("engine")
        engine = by_default(value)
        name = engine.rpartition(".")[2] if isinstance(engine, str) else ""
    else:
        name = backend_of(value) or ""
    if name == "sqlite" and is_from_env(value):
        return ""
    return {"asyncpg": "postgresql", "psycopg": "postgresql", "asyncodbc": "mssql"}.get(name, name)
