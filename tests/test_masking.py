"""Secrets are hidden wherever they stand; ordinary code is left as it is; time is linear; twice is once."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from readybook.masking import hide, mask

SECRET = "s3cr3tVa1ue9xyz"
# Keys are put together here so that no scanner takes this file for a leak.
KEYS = [
    "AK" + "IAIOSFODNN7EXAMPLX",
    "gh" + "p_" + "a1B2" * 9,
    "github" + "_pat_" + "a1B2c3" * 6,
    "gl" + "pat-" + "a1B2c" * 4,
    "sk" + "-proj-" + "a1B2c3D4" * 5,
    "sk" + "-ant-api03-" + "a1B2c3D4" * 5,
    "sk" + "_live_" + "a1B2" * 6,
    "xo" + "xb-123456789012-abcdefABCDEF",
    "AI" + "zaSy" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "SG" + "." + "a1B2" * 5 + "." + "a1B2" * 10,
    "np" + "m_" + "a1B2" * 9,
    "py" + "pi-" + "AgEI" * 15,
    "hf" + "_" + "aBcD" * 9,
    "dop" + "_v1_" + "0af9" * 16,
    "wh" + "sec_" + "a1B2" * 8,
    "ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.a1B2c3D4e5F6",
]
PEM = (
    "-----BEGIN RSA PRIVATE "
    + "KEY-----\n"
    + "MIIEpAIBAAKCAQE9" * 4
    + "\n"
    + "a1B2c3D4" * 4
    + "\n-----END RSA PRIVATE KEY-----\n"
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:6])
@pytest.mark.parametrize("around", ["{}", "x = '{}'", "curl -H 'X: {}' http://x", "found {} in the log", "+K={}\n"])
def test_keys_are_known_by_their_shape(key, around):
    masked = mask(around.format(key))
    assert key[5:] not in masked and key not in masked
    assert masked == around.format(hide(key))


@pytest.mark.parametrize(
    "line",
    [
        'password = "{}"',
        "password='{}'",
        "PASSWORD: str = '{}'",
        "db_password: Annotated[str, X] = '{}'",
        "connect(user='x', password='{}')",
        '{{"password": "{}"}}',
        "{{'api_key': '{}'}}",
        'app["secret_key"] = "{}"',
        'self.client_secret = r"{}"',
        "TOKEN = b'{}'",
        'SECRET_KEY = """{}"""',
        "jwt_secret: str = Field('{}')",
        "secret: SecretStr = SecretStr('{}')",
        "secret: str = Field(default='{}', min_length=3)",
        "x = os.getenv('SECRET_KEY', '{}')",
        "x = os.environ.get(\"DB_PASSWORD\", '{}')",
        "x = config('SECRET_KEY', default='{}')",
        "x = os.getenv('API_TOKEN') or '{}'",
        "monkeypatch.setenv('API_TOKEN', '{}')",
        "if token == '{}':",
        "password = (\n    '{}'\n)",
        "POSTGRES_PASSWORD={}",
        "export API_TOKEN={}",
        "      - POSTGRES_PASSWORD={}",
        "  POSTGRES_PASSWORD: {}",
        "  password: {}",
        "ENV SECRET_KEY={}",
        "ENV SECRET_KEY {}",
        "-SECRET_KEY={}",
        "DB_PASS={}",
        '"host=db user=x password={} dbname=y"',
        "https://x/y?api_key={}&z=1'",
        "Server=x;Password={};Trusted=no;",
        "tool --password {}",
        "tool --api-token={}",
        "psql postgresql://user:{}@db:5432/x",
        "url = f'redis://:{}@{{host}}:6379/0'",
        "amqp://guest:{}@mq//",
        "headers = {{'Authorization': 'Bearer {}'}}",
        "Authorization: Basic {}",
        'password = "{}',
        "API_KEY = '{}'  # readybook",
    ],
)
def test_values_beside_a_secrets_name(line):
    masked = mask(line.format(SECRET))
    assert SECRET not in masked and SECRET[4:] not in masked
    assert masked == line.format(hide(SECRET))


def test_the_rest_of_a_split_literal_is_hidden_too():
    assert mask("password = ('first-half'\n            'second-half')\n") == "password = ('fi…'\n            'se…')\n"


def test_private_keys_keep_their_shape():
    masked = mask("key = '''" + PEM + "'''").split("\n")
    assert len(masked) == 5 and masked[1:3] == ["MIIE…", "a1B2…"]
    cut = "\n".join(PEM.split("\n")[1:2])  # evidence may start or end inside a block
    assert mask(cut) == "MIIE…" and mask("-" + cut) == "-MIIE…"


def test_random_literals_beside_a_keys_name():
    assert mask("FERNET_KEY = 'Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA=='") == "FERNET_KEY = 'Zm9v…'"
    assert mask("salt = '9f86d081884c7d659a2feaa0c55ad015'") == "salt = '9f86…'"


def test_a_plain_word_is_a_value_in_data_and_a_name_in_code():
    for line in ("password: hunter", "password = hunter", "SECRET_KEY=settings"):
        assert mask(line, "app/a.py") == line
    assert mask("password: hunter", "compose.yml") == "password: …"
    assert mask("password = hunter", "app.ini") == "password = …"
    assert mask("SECRET_KEY=settings", ".env.example") == "SECRET_KEY=se…"


@pytest.mark.parametrize(
    "line",
    [
        "def login(password: str, token: 'Token') -> Token:",
        "    password: str",
        "    token: TokenPayload,",
        "    token: models.Token",
        "SECRET_KEY: SecretStr",
        "    password: str | None = None",
        "token = create_token(user)",
        "password = form.password",
        "    password=password,",
        "    SECRET_KEY=settings.SECRET_KEY,",
        "token_type = 'bearer'",
        "OAuth2PasswordBearer(tokenUrl='/api/v1/login/access-token')",
        "secret = os.environ['SECRET_KEY']",
        "api_key=os.getenv('OPENAI_API_KEY')",
        "names = ['password', 'token', 'secret']",
        "import secrets",
        "if not token or 'x' in y:",
        "raise HTTPException(401, detail='Invalid token')",
        "{'token': token, 'a': b}",
        "fields = {'password': 'Enter your password'}",
        "grant_type='password'",
        "token: str = Depends(oauth2_scheme)",
        "COMMIT = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
        "auth = f'Bearer {token}'",
        "API_KEY = None",
        "secretName: app-tls",
        "http://localhost:8000/users/a@b.example",
        "url = f'postgresql://{user}:{password}@{host}/x'",
        "cache_key = 'a-very-long-cache-key-with-words'",
        "private_key = 'keys/private.pem'",
        "password_hash = 'argon2'",
        "    password: the password of the user",
        "ACCESS_TOKEN_EXPIRE_MINUTES = 30",
        "token: ${{ secrets.TOKEN }}",
        "SECRET_KEY=${SECRET_KEY}",
        "password: $PASSWORD",
        "password = '<your password>'",
        "DB_PASSWORD=",
        "password = ''",
        "compass = 'north'",
        "tokens = 'a b c'",
        "key = 'users:list'",
        "keyboard = 'qwerty'",
        "assert a == b",
        "hashed_password = pwd_context.hash(password)",
        "MAX_TOKENS=4096",
        "max_token = 100",
        "PWD=/srv/app",
        "x = [i for i in range(10)]  # sk-learn style",
        "from app.core.security import create_access_token",
        "class TokenData(BaseModel):",
        "secret_key: bytes = Field(...)",
        "http://user@host/path",
        "password: ********",
        "tiktoken = '^0.2.0'",
        "'Access-Control-Allow-Credentials': 'true'",
        "id-token: write",
        "ALLOW_CREDENTIALS=True",
        "INVALID_PASSWORD = 'INVALID_PASSWORD'",
        "API_KEY: str = 'api_key'",
        "'api_key': ('Header', 'Query')",
        "re.findall(r'http[s]?://(?:[a-zA-Z]|[$-_@.&+])+', x)",
        "token = b''",
        "PASSWORD = r''",
    ],
)
def test_ordinary_code_is_left_as_it_is(line):
    assert mask(line) == line
    assert mask(line, "app/main.py") == line


def test_this_projects_own_code_is_left_as_it_is():
    """The engine itself is ordinary code without a secret, apart from the module that describes secrets."""
    from pathlib import Path

    import readybook

    paths = [p for p in Path(readybook.__file__).parent.rglob("*.py") if p.stem != "masking"]
    changed = {p.name: p.read_text(encoding="utf-8") for p in paths}
    assert {name: text for name, text in changed.items() if mask(text, name) != text} == {}


PIECES = st.sampled_from(
    [
        "password",
        "token",
        "secret_key",
        "api-key",
        "=",
        ": ",
        "== ",
        " ",
        '"',
        "'",
        "\n",
        "…",
        "://",
        "@",
        ":",
        "{",
        "}",
        "getenv(",
        "Field(",
        "Bearer ",
        "or ",
        ",",
        "-----BEGIN PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEA",
        "eyJ",
        ".",
        "ENV ",
        "--",
        "abc1",
        "\\",
        "$",
        "<",
        SECRET,
        "-",
        "+",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=80)))
@example('password="password="x"')
@example("token: token: token: abc")
def test_twice_is_once(text):
    assert mask(mask(text)) == mask(text)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=30).map("".join))
def test_lines_stay(text):
    assert mask(text).count("\n") <= text.count("\n")


@pytest.mark.parametrize(
    "piece",
    [
        "password",
        "password=",
        "password='",
        'password="\\',
        "token: ",
        "a" * 30,
        "eyJ",
        "eyJa.",
        "://",
        "://a:",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-",
        "getenv('token',",
        "Bearer ",
        "or ",
        "key = '",
        "--token=",
        "\n  password: ",
        "{",
        "${",
        "'a' ",
        "secret=(",
        "sk-",
        "sk-a",
        "A1a",
        "password: Annotated[",
        "x.y.",
        " ",
        "\n",
        "\\",
        "'password', '",
        '"""',
        "[",
    ],
)
def test_time_is_linear(piece):
    """Eight times the text takes about eight times as long; sixty would be a pattern that backtracks."""

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        mask.__wrapped__(text)
        return time.process_time() - start

    assert seconds(24_000) < 40 * max(seconds(3_000), 0.004)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "…"),
        ("x", "…"),
        ("abcdefg", "…"),
        ("abcdefgh", "ab…"),
        ("a" * 16, "aaaa…"),
        ("abcd…", "abcd…"),
        ("abcdefgh…", "ab…"),
    ],
)
def test_hide(value, shown):
    assert hide(value) == shown == hide(shown)
