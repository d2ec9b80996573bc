"""Calls that block the thread they run in: in the event loop they stop every request.

A name is taken as blocking when its documentation says that it waits: for time, the network, a process or a database.
File access is apart: short on a local disk, long on a network one.
"""

from __future__ import annotations

from readybook.patterns import regex
from readybook.records import record


@record
class Blocking:
    """Why a call blocks: ``what`` it waits for in words; ``kind`` is sleep, http, process, console, network,
    database, broker, file."""

    kind: str
    what: str


_HTTP = Blocking("http", "an HTTP answer")
_PROCESS = Blocking("process", "a child process")
_CONSOLE = Blocking("console", "somebody at the console")
_NETWORK = Blocking("network", "the network")
_DATABASE = Blocking("database", "the database")
_FILE = Blocking("file", "the file system")
_BROKER = Blocking("broker", "the message broker")
_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream")
EXACT: dict[str, Blocking] = {
    "time.sleep": Blocking("sleep", "time to pass"),
    **{f"requests.{v}": _HTTP for v in _VERBS},
    **{f"requests.Session.{v}": _HTTP for v in _VERBS},
    **{f"{c}.{v}": _HTTP for c in ("httpx", "httpx.Client", "httpx2", "httpx2.Client") for v in _VERBS},
    **{f"urllib3.PoolManager.{v}": _HTTP for v in ("request", "urlopen")},
    "urllib3.request": _HTTP, "urllib.request.urlopen": _HTTP, "urllib.request.urlretrieve": _HTTP,
    "http.client.HTTPConnection.request": _HTTP, "http.client.HTTPSConnection.request": _HTTP,
    **{f"subprocess.{n}": _PROCESS for n in ("run", "call", "check_call", "check_output", "getoutput",
                                             "getstatusoutput")},
    "subprocess.Popen.wait": _PROCESS, "subprocess.Popen.communicate": _PROCESS, "os.system": _PROCESS,
    "os.popen": _PROCESS, **{f"os.{n}": _PROCESS for n in ("wait", "wait3", "wait4", "waitid", "waitpid")},
    **{f"os.spawn{n}": _PROCESS for n in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")},
    "os.posix_spawn": _PROCESS, "os.posix_spawnp": _PROCESS, "input": _CONSOLE, "builtins.input": _CONSOLE,
    "socket.create_connection": _NETWORK, "socket.gethostbyname": _NETWORK, "socket.getaddrinfo": _NETWORK,
    **{f"socket.socket.{n}": _NETWORK for n in ("connect", "recv", "accept", "sendall")},
    **{f"smtplib.{c}.{n}": _NETWORK for c in ("SMTP", "SMTP_SSL")
       for n in ("sendmail", "send_message", "login", "starttls", "connect", "quit")},
    "smtplib.SMTP": _NETWORK, "smtplib.SMTP_SSL": _NETWORK, "ftplib.FTP": _NETWORK, "imaplib.IMAP4_SSL": _NETWORK,
    "paramiko.SSHClient.connect": _NETWORK, "paramiko.SSHClient.exec_command": _NETWORK,
    "psycopg2.connect": _DATABASE, "psycopg.connect": _DATABASE, "pymysql.connect": _DATABASE,
    "mysql.connector.connect": _DATABASE, "pyodbc.connect": _DATABASE,
    **{f"{c}.{n}": _DATABASE for c in ("psycopg2.Cursor", "psycopg.Cursor", "pymysql.Cursor", "psycopg.Connection",
                                       "mysql.connector.Connection.cursor()", "pymysql.Connection.cursor()")
       for n in ("execute", "executemany", "fetchone", "fetchall", "fetchmany")},
    **{f"{c}.{n}": _DATABASE for c in ("psycopg2.Connection", "pymysql.Connection") for n in ("commit", "rollback")},
    **{f"sqlite3.{c}.{n}": _DATABASE for c in ("Connection", "Cursor")
       for n in ("execute", "executemany", "executescript", "commit")},
    **{f"sqlalchemy.orm.Session.{n}": _DATABASE for n in (
        "execute", "scalar", "scalars", "commit", "flush", "refresh", "get", "rollback", "merge", "exec",
        "bulk_save_objects", "bulk_insert_mappings")},
    **{f"sqlalchemy.engine.Connection.{n}": _DATABASE for n in ("execute", "scalar", "scalars", "commit")},
    **{f"redis.Redis.{n}": Blocking("database", "Redis") for n in (
        "get", "set", "setex", "delete", "incr", "decr", "expire", "exists", "hget", "hset", "hgetall",
        "lpush", "rpush", "lpop", "rpop", "blpop", "brpop", "publish", "ping", "keys", "scan", "sadd",
        "smembers", "zadd", "zrange", "ttl", "mget", "mset", "llen", "lrange", "hdel", "setnx", "getdel",
        "flushdb", "execute_command", "xadd", "xread"
    )},
    **{f"pymongo.collection.Collection.{n}": _DATABASE for n in (
        "find_one", "insert_one", "update_one", "delete_one", "insert_many", "update_many", "aggregate")},
    "celery.Task.delay": _BROKER, "celery.Task.apply_async": _BROKER, "celery.Celery.send_task": _BROKER,
    **{f"celery.{sent}().{n}": Blocking("network", "a worker to do the task")
       for sent in ("Task.delay", "Task.apply_async", "Celery.send_task") for n in ("get", "wait")},
    **{f"celery.Celery.control.{n}": Blocking("network", "the workers to answer") for n in (
        "ping", *(f"inspect().{asked}" for asked in (
            "active", "active_queues", "conf", "ping", "registered", "report", "reserved", "scheduled", "stats")))},
    **{f"minio.Minio.{n}": _NETWORK for n in (
        "put_object", "fput_object", "get_object", "fget_object", "stat_object", "remove_object", "copy_object",
        "bucket_exists", "make_bucket")},
    **{f"elasticsearch.Elasticsearch.{n}": _DATABASE for n in (
        "search", "index", "get", "update", "delete", "bulk", "count", "exists", "ping")},
    "open": _FILE, "io.open": _FILE, "io.open_code": _FILE,
    "os.walk": _FILE, "os.listdir": _FILE, "os.scandir": _FILE, "os.remove": _FILE,
    "shutil.copy": _FILE, "shutil.copyfile": _FILE, "shutil.copyfileobj": _FILE, "shutil.copytree": _FILE,
    "shutil.move": _FILE, "shutil.rmtree": _FILE, "shutil.make_archive": _FILE,
    **{f"pathlib.Path.{n}": _FILE for n in ("read_text", "read_bytes", "write_text", "write_bytes", "open")},
}
# packages whose clients wait for an answer; their asynchronous clients and methods have other names
_CLIENTS = ("openai.", "anthropic.", "groq.", "google.", "stripe.", "supabase.", "resend.", "sendgrid.", "twilio.",
            "cloudinary.", "razorpay.", "firebase_admin.", "pywebpush.")
_ANSWERED = regex(
    r"openai\.(?:(?:Azure)?OpenAI\.|Client\.)?(?:beta\.)?(?:chat\.completions|completions|responses|embeddings|images"
    r"|audio\.\w+|moderations|ChatCompletion|Completion|Embedding|Image|Audio)\.(?:create|parse|generate|edit|transcribe)"
    r"|anthropic\.(?:Anthropic|Client)\.(?:beta\.)?(?:messages|completions)\.create"
    r"|groq\.(?:Groq|Client)\.(?:chat\.completions|audio\.\w+|embeddings)\.create"
    r"|google\.generativeai\.(?:GenerativeModel\.generate_content|embed_content|generate_text)"
    r"|google\.genai\.(?:client\.)?Client\.models\.(?:generate_content|embed_content|generate_images)"
    r"|stripe\.(?:[a-z_]+\.)*[A-Z]\w+\.(?:create|retrieve|list|modify|delete|cancel|confirm|capture|search)"
    r"|resend\.Emails\.send|sendgrid\.SendGridAPIClient\.send|twilio\.rest\.Client\.messages\.create"
    r"|google\.oauth2\.id_token\.(?:verify_(?:oauth2_|firebase_)?token|fetch_id_token)"
    r"|google\.cloud\.storage\.(?:Client|Bucket|Blob)(?:\.[a-z_]+\(\))*\.(?:upload_from|download_(?:as|to))_\w+"
    r"|cloudinary\.(?:uploader\.(?:upload(?:_\w+)?|unsigned_upload|destroy|rename|explicit)|api\.\w+)"
    r"|razorpay\.(?:client\.)?Client\.(?!utility\.)[a-z_]+\.[a-z]\w*|pywebpush\.webpush"
    r"|firebase_admin\.(?:messaging\.(?:send\w*|(?:un)?subscribe\w+)"
    r"|auth\.(?:(?:get|create|update|delete)_users?(?:_by_\w+)?|set_custom_user_claims|revoke_refresh_tokens))"
    r"|supabase\.(?:(?:client\.)?Client|create_client\(\))\.(?:(?:table|from_|rpc|schema)\(\)\.[\w.()]*execute"
    r"|auth\.(?:sign_\w+|get_user|admin\.\w+)|storage\.from_\(\)\.(?:upload|download|remove|list))"
)
_MONGO = regex(r"pymongo\.(?:mongo_client\.)?MongoClient\.[\w.()\[\]]+")
_ON_COLLECTION = frozenset((
    "find_one", "insert_one", "update_one", "delete_one", "insert_many", "update_many", "delete_many", "replace_one",
    "count_documents", "find_one_and_update", "find_one_and_delete", "find_one_and_replace", "distinct", "aggregate",
    "command", "create_index", "bulk_write"))
_FIRESTORE = regex(r"(?:firebase_admin\.firestore\.(?:Client|client\(\))|google\.cloud\.firestore(?:_v1)?\.Client)"
                   r"\.(?:collection|collection_group|document|batch)\(\)[\w.()]*"
                   r"\.(?:get|set|update|delete|add|create|stream|commit)")
# the lazy results of a sync session: the query runs when one of these asks for rows
_ROWS = frozenset(("all", "first", "one", "one_or_none", "scalar", "count", "delete", "update"))


def blocking(path: str) -> Blocking | None:
    """Why a call of this dotted name blocks, None when it is not known to."""
    found = EXACT.get(path)
    if found is not None:
        return found
    head, _, last = path.rpartition(".")
    if head.startswith("sqlalchemy.orm.Session.query()") and last in _ROWS:
        return _DATABASE
    if path.startswith(_CLIENTS) and _ANSWERED.fullmatch(path):
        return _HTTP
    if path.startswith(("firebase_admin.firestore.", "google.cloud.firestore")) and _FIRESTORE.fullmatch(path):
        return _DATABASE
    if last in _ON_COLLECTION and path.startswith("pymongo.") and _MONGO.fullmatch(head):
        return _DATABASE
    if head == "boto3.client()" and last not in ("meta", "exceptions", "generate_presigned_url"):
        return Blocking("network", "an AWS answer")
    return None
