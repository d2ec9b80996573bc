"""Hide secret values in anything that is shown: evidence, messages, titles, diffs.

``mask`` keeps at most the first four characters of a value and puts ``…`` for the rest. It looks for values that are
secret by their shape (provider keys, signed tokens, private key blocks, credentials in a URL) and for literals that
stand beside a name that says so (``password = "…"``, ``SECRET_KEY=…``, ``getenv("API_KEY", "…")``). Every pattern
starts at a literal and is bounded or free of overlapping repetition, so the time is linear in the text. Masking twice
changes nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

from readybook.patterns import regex

MARK = "…"
DATA_SUFFIXES = (".env", ".ini", ".cfg", ".conf", ".yml", ".yaml", ".properties", ".sh", ".tfvars")

_KEYED = (
    "secret|api|access|private|signing|encryption|auth|jwt|master|account|shared|fernet|session|cookie|storage|deploy"
)
# A name that ends in one of these names a secret; token_type, tokenUrl, secretName and password_hash do not.
_NAME = (
    r"(?i:password|passwd|passphrase|secret|token|credentials?"
    rf"|(?:{_KEYED})[_-]?key|(?<=[_-])pass|(?<![a-z])pwd)[0-9]{{0,2}}"
)
_GAP = r"[ \t]{0,8}"
_NAME_WORDS = ("pass", "pwd", "secret", "token", "credential", "key")
_LOOSE_WORDS = ("key", "salt", "hmac", "jwt", "auth", "dsn", "sas", "cert", "cipher", "seed")
_QUOTED = (
    r"""(?:"{3}(?:\\.|[^"\\])+(?:"{3}|$)|'{3}(?:\\.|[^'\\])+(?:'{3}|$)"""
    r"""|"(?:\\.|[^"\\\n])+(?:"|$)|'(?:\\.|[^'\\\n])+(?:'|$))"""
)
_LITERALS = rf"(?:[rRbBuUfF]{{0,2}}{_QUOTED}(?:[ \t]*\\?\n?[-+ \t]{{0,40}}(?=[\"'rRbBuUfF]))?){{1,20}}"
_WRAPPER = (
    r"(?:\(\s{0,20}|\\\n[ \t]{0,40})?(?:(?:\w{1,40}\.){0,3}"
    r"(?:Field|SecretStr|SecretBytes|Secret|Form|Query|Header|Body|str|bytes)"
    r"\(\s{0,20}(?:default\s{0,3}=\s{0,3})?)?(?:SecretStr\()?"
)

_SHAPES = regex(
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,255}|\bgithub_pat_[A-Za-z0-9_]{22,255}|\bglpat-[\w-]{20,80}"
    r"|\bsk-(?:ant-|proj-|svcacct-|or-v1-)?(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{20,300}"
    r"|\b[srp]k_(?:live|test)_[A-Za-z0-9]{10,255}|\bwhsec_[A-Za-z0-9+/=]{16,255}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,255}|\bxapp-[A-Za-z0-9-]{20,255}"
    r"|\bAIza[0-9A-Za-z_-]{35}|\bya29\.[0-9A-Za-z_-]{20,400}|\bGOCSPX-[\w-]{20,60}"
    r"|\bSG\.[\w-]{16,64}\.[\w-]{16,64}|\bnpm_[A-Za-z0-9]{30,60}|\bpypi-[A-Za-z0-9_-]{50,400}"
    r"|\bhf_[A-Za-z0-9]{30,60}|\bdop_v1_[a-f0-9]{40,80}|\bshp(?:at|ss|ca)_[a-fA-F0-9]{32}"
    r"|\bsntry[su]_[A-Za-z0-9_=+/-]{20,300}|\bkey-[0-9a-f]{32}\b|\b[0-9]{8,10}:AA[\w-]{33}"
    r"|\beyJ[A-Za-z0-9_-]{6,4000}\.[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,4000})?"
    r"|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{10,100}|(?<=/api/webhooks/)[0-9]{6,30}/[\w-]{20,100}"
)
# one of these stands in each of them: a plain search for all is fifty times as fast as the pattern
_IN_SHAPES = (
    "AKIA", "ASIA", "AGPA", "AIDA", "AROA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-",
    "k_live_", "k_test_", "whsec_", "xox", "xapp-", "AIza", "ya29.", "GOCSPX-", "SG.", "npm_", "pypi-", "hf_",
    "dop_v1_", "shpat_", "shpss_", "shpca_", "sntry", "key-", ":AA", "eyJ", "slack.com/services/", "/api/webhooks/",
)
_PEM = regex(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)([^-]{1,20000}(?:-(?!----)[^-]{0,20000}){0,200})"
)
_KEY_LINE = regex(r"(?m)^([-+ \t\"']{0,40})([A-Za-z0-9+/]{44,100}={0,2})((?:\\n)?[\"',)\\ \t]{0,8})$")
_URL = regex(r"""(://[^\s:/@'"<>()\[\]|\\]{0,128}:)([^\s/'"<>]{1,256})(?=@[^\s@])""")
_URL_USER = regex(r"(://)([0-9A-Za-z_-]{20,128})(?=@[\w.-]{1,200})")
_BEARER = regex(r"(?i)(\bBearer\s{1,4}|\bAuthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:Basic|Token)\s{1,4})"
                r"([A-Za-z0-9._~+/=-]{12,2000})")
_ASSIGNED = regex(
    rf"({_NAME}[\"'\]]{{0,2}}{_GAP}(?::{_GAP}(?:[^=\n\"'#:]{{1,80}}=)?|[=!]?=){_GAP}{_WRAPPER})({_LITERALS})"
)
_LOOKED_UP = regex(
    r"((?:\b|_)(?i:get|getenv|setenv|setdefault|config|env|str|secret)\(\s{0,20}[\"'][\w.-]{0,60}?"
    rf"{_NAME}[\"']\s{{0,4}},\s{{0,20}}(?:default\s{{0,3}}=\s{{0,3}})?{_WRAPPER})({_LITERALS})"
)
_FALLBACK = regex(rf"({_NAME}[\"'](?:\s?,\s?None)?[)\]]\s{{1,8}}or\s{{1,8}})({_LITERALS})")
_LOOSE = regex(
    rf"((?i:{'|'.join(_LOOSE_WORDS)})[\"'\]]{{0,2}}{_GAP}"
    rf"(?::{_GAP}(?:[^=\n\"'#:]{{1,80}}=)?|=){_GAP}{_WRAPPER})({_LITERALS})"
)
_IN_TEXT = regex(
    rf"((?<![\w.])[\w-]{{0,40}}?{_NAME}\s?=\s?)(?![rRbBuUfF]{{1,2}}[\"'])([^\s\"'&;,()\[\]{{}}<>$%=…]{{1,256}})(?=[\"'&;]|\s{{1,4}}\w{{1,40}}=)"
)
_FLAG = regex(rf"((?<!\S)--[a-z-]{{0,30}}?{_NAME}[= ]\s{{0,3}})([^\s\"'$<({{\[-][^\s\"']{{0,255}})")
_LINE = regex(
    rf"(?m)^([-+ \t]{{0,80}}(?:export |ENV |ARG |set )?[\w.-]{{0,80}}?{_NAME})([ \t]{{0,8}}[:=][ \t]{{0,8}}|[ \t])"
    r"([^\s\"'#][^\s]{0,4000})(?=[ \t]{0,20}(?:#.{0,400})?\r?$)"
)

_PIECE = regex(rf"([rRbBuUfF]{{0,2}})({_QUOTED})")
_TEMPLATE = regex(
    r"\$\{[^}]{0,400}\}|\{\{[^}]{0,400}\}\}|\{[^}]{0,400}\}|\$\(?\w{1,80}\)?|%\(\w{1,80}\)s|%s|<[^>]{1,80}>"
)
_PATH = regex(
    r"(?:[\w.~-]*/)*[\w.-]+\.(?:pem|key|json|txt|crt|toml|ya?ml|env)"
    r"|/(?:run|etc|var|app|srv|usr|opt|home|tmp|code)(?:/[\w./-]*)?"
)
_SETTING = regex(
    r"(?i)true|false|none|null|yes|no|include|omit|same-origin|read|write|[\^~<>=!]{1,3}\s?\d[\d.,<>=!* ]{0,40}"
)
_WORDS = regex(r"(?i)\b(?:password|token|secret|key|credentials?|must|invalid|required|enter|your)\b")
_TYPE = regex(
    r"(?:(?:[A-Za-z_]\w*\.)*(?:[A-Z][a-z]\w*|str|int|float|bool|bytes|object|dict|list|None|Any|True|False|true|false|null|yes|no)"
    r"(?:\[.*\])?(?:\s*\|.*)?)[,:)]*"
)
_CODE = regex(r"[A-Za-z_][\w.]*[,)\]]*|-?[\d._]+[,)\]]*")


@lru_cache(maxsize=4096)
def mask(text: str, path: str = "") -> str:
    """``text`` with every secret value hidden.

    ``path`` is the file the text comes from, when it is one: a plain word after ``password:`` is a value in YAML or
    dotenv and a type or a variable in Python.
    """
    for _ in range(6):
        masked = _mask_once(text, _kind(path))
        if masked == text:
            break
        text = masked
    return text


def hide(value: str) -> str:
    """At most four first characters of ``value``, and the mark."""
    if value.endswith(MARK) and len(value) <= 5:
        return value
    return value[: 4 if len(value) >= 16 else 2 if len(value) >= 8 else 0] + MARK


def _kind(path: str) -> str:
    name = path.rpartition("/")[2]
    if path.endswith((".py", ".pyi")):
        return "code"
    return "data" if name.endswith(DATA_SUFFIXES) or name.startswith((".env", "Dockerfile")) else ""


def _mask_once(text: str, kind: str) -> str:
    """One pass. Most texts hold no secret: plain searches for words decide which patterns are worth trying."""
    lowered = text.lower()
    if "-----begin" in lowered:
        text = _PEM.sub(lambda m: m[1] + _hide_block(m[2]), text)
    text = _KEY_LINE.sub(lambda m: m[1] + hide(m[2]) + m[3] if _key_text(m[2]) else m[0], text)
    if any(word in text for word in _IN_SHAPES):
        text = _SHAPES.sub(lambda m: hide(m[0]), text)
    if "://" in lowered:
        text = _URL.sub(lambda m: m[1] + _hide_plain(m[2]), text)
        text = _URL_USER.sub(lambda m: m[1] + hide(m[2]) if _mixed(m[2]) else m[0], text)
    if "bearer" in lowered or "authorization" in lowered:
        text = _BEARER.sub(lambda m: m[1] + hide(m[2]) if any(c.isdigit() for c in m[2]) else m[0], text)
    quoted = '"' in text or "'" in text
    if quoted and any(word in lowered for word in _LOOSE_WORDS):
        text = _LOOSE.sub(lambda m: m[1] + _hide_literals(m[2], only_random=True), text)
    return _mask_named(text, kind) if any(word in lowered for word in _NAME_WORDS) else text


def _mask_named(text: str, kind: str) -> str:
    """Values beside the name of a secret."""
    if '"' in text or "'" in text:
        for pattern in (_LOOKED_UP, _FALLBACK):
            text = pattern.sub(lambda m: m[1] + _hide_literals(m[2]), text)
        text = _ASSIGNED.sub(_hide_assigned, text)
    for pattern in (_IN_TEXT, _FLAG) if "=" in text else (_FLAG,):
        text = pattern.sub(lambda m: m[1] + _hide_plain(m[2]), text)
    return _LINE.sub(lambda m: _hide_line(m, kind), text)


def _hide_block(body: str) -> str:
    """A private key's text, line by line, so that a diff keeps its shape."""
    return re.sub(r"[A-Za-z0-9+/=]{12,}", lambda m: hide(m[0]), body)


def _hide_assigned(match: re.Match[str]) -> str:
    before, literals = match[1], match[2]
    annotation = before.rstrip().endswith(":") and not re.search(r"[\"']\s*:\s*$", before)
    if annotation and _TYPE.fullmatch(literals.strip("\"'")):
        return match[0]  # a quoted annotation: def f(token: "Token")
    if re.search(r"\W\(\s*$", before) and match.string[match.end() :][:20].lstrip().startswith(","):
        return match[0]  # a tuple of names
    own = re.search(r"([\w-]{1,80})\W{0,4}(?::[^=]{0,90})?=?\s*$", match.string[: match.end(1)][-200:])
    if own and "_" in own[1] and literals.strip("\"'").lower() == own[1].lower():
        return match[0]  # a constant that is its own name
    return before + _hide_literals(literals)


def _hide_literals(literals: str, only_random: bool = False) -> str:
    def piece(match: re.Match[str]) -> str:
        prefix, quoted = match[1], match[2]
        quote = quoted[0] * 3 if quoted.startswith(('"""', "'''")) else quoted[0]
        closed = len(quoted) > len(quote) and quoted.endswith(quote)
        value = quoted[len(quote) : -len(quote) if closed else None]
        if _harmless(value) or (only_random and not _random(value)):
            return match[0]
        return prefix + quote + hide(value) + (quote if closed else "")

    return _PIECE.sub(piece, literals)


def _hide_plain(value: str) -> str:
    return value if _harmless(value) else hide(value)


def _hide_line(match: re.Match[str], kind: str) -> str:
    name, separator, value = match[1], match[2], match[3]
    if not separator.strip():  # Dockerfile's old form: ENV NAME value
        said = re.search(r"\bENV [\w.-]+$", name) and not _harmless(value)
        return name + separator + hide(value) if said else match[0]
    if re.match(r"[rRbBuUfF]{1,2}[\"']", value):
        return match[0]
    code_like = _CODE.fullmatch(value) or re.search(r"[(\[{]|[,)\]}]$|==", value)
    if ":" in separator:
        keep = kind == "code" or (kind != "data" and (_TYPE.fullmatch(value) or re.search(r"[(\[{]|[,)\]}]$", value)))
        keep = keep or re.fullmatch(r"(?i)true|false|null|yes|no|~|[|>][-+]?|\d{1,5}|[&*!].*", value)
    elif separator == "=" and name.split()[-1].isupper():
        keep = kind == "code" or re.search(r"\($|[(\[{]|[,)\]}]$", value) or re.fullmatch(r"\d{1,5}", value)
    else:
        keep = kind == "code" or (kind != "data" and code_like)
    return match[0] if keep or _harmless(value) else name + separator + hide(value)


def _harmless(value: str) -> bool:
    """Whether a value beside a secret's name gives nothing away: empty, a placeholder, a path, prose, or masked."""
    if not value.strip() or (value.endswith(MARK) and len(value) <= 5):
        return True
    rest = _TEMPLATE.sub("", value)
    if rest != value and len(rest) < 8:
        return True
    if not value.strip("*xX.-_ ") or "://" in value or _PATH.fullmatch(value) or _SETTING.fullmatch(value):
        return True
    return " " in value.strip() and bool(_WORDS.search(value)) and not any(c.isdigit() for c in value)


def _mixed(value: str) -> bool:
    return _key_text(value) or (len(value) >= 32 and re.fullmatch(r"[0-9a-f]+", value) is not None)


def _key_text(value: str) -> bool:
    """Whether a word holds digits, capitals and small letters, as base64 of a key does (and a hex number does not)."""
    return all(any(test(c) for c in value) for test in (str.isdigit, str.isupper, str.islower)) and value[:2] != "0x"


def _random(value: str) -> bool:
    """Whether a literal looks drawn at random: long, one word, letters and digits, much information a character."""
    if len(value) < 20 or re.search(r"\s", value) or not re.search(r"\d", value) or not re.search(r"[A-Za-z]", value):
        return False
    total = len(value)
    bits = -sum(n / total * math.log2(n / total) for n in Counter(value).values())
    return bits > (2.8 if re.fullmatch(r"[0-9a-fA-F]+", value) else 3.6)
