"""What packages are imported as, where that is not their name; and names that a target does not shadow by accident."""

from __future__ import annotations

IMPORTED_AS = {
    "beautifulsoup4": "bs4", "google_cloud_storage": "google",
    "opencv_python": "cv2", "pillow": "PIL", "psycopg2_binary": "psycopg2", "pyjwt": "jwt",
    "python_dateutil": "dateutil",
    "python_decouple": "decouple", "python_docx": "docx", "python_dotenv": "dotenv", "python_jose": "jose",
    "python_multipart": "multipart", "python_socketio": "socketio", "pyyaml": "yaml", "scikit_learn": "sklearn",
    "tortoise_orm": "tortoise", "apache_airflow": "airflow",
    "kafka_python": "kafka", "mysqlclient": "MySQLdb", "strawberry_graphql": "strawberry",
    "discord_py": "discord", "python_telegram_bot": "telegram", "grpcio": "grpc", "protobuf": "google",
}
# Packages that nearly every service has without declaring each: a file of the same name beside the importer is a part
# of the target (app/core/redis.py), not what ``import redis`` finds.
WELL_KNOWN = frozenset(
    "fastapi starlette pydantic pydantic_settings pydantic_core typing_extensions sqlalchemy sqlmodel alembic uvicorn "
    "gunicorn httpx anyio redis celery jose jwt passlib requests boto3 botocore openai tortoise motor pymongo beanie "
    "psycopg psycopg2 asyncpg aiohttp aioredis aiokafka kafka stripe structlog loguru prometheus_client sentry_sdk "
    "opentelemetry jinja2 yaml numpy pandas bson minio elasticsearch grpc socketio strawberry dishka dotenv decouple "
    "orjson websockets tenacity slowapi itsdangerous cryptography bcrypt click typer rich pytest".split()
)


def foreign_names(declared: frozenset[str]) -> frozenset[str]:
    """Top-level import names of packages outside the target, from the names that it declares (with underscores)."""
    return frozenset(IMPORTED_AS.get(name, name) for name in declared) | WELL_KNOWN
