"""Newer Python in the spelling of 3.11, for a file that the host's ``ast`` refuses. The only facts that need libcst.

Lowered: ``except A, B`` and ``except* A, B`` (PEP 758), type parameters (PEP 695, 696: dropped), ``type X = Y``
(``X = Y``), f-strings of PEP 701 and t-strings (PEP 750: f-strings). Every statement stays in its line.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from readybook.facts.fstrings import STRINGS, Edit, Parsed, apply, children, kind, line_ends, lowered
from readybook.patterns import regex

# libcst's parser recurses on the machine's stack without a limit: with the usual 8 MiB it crashes the process at some
# 1,500 nested brackets or 3,500 nested lambdas (measured, 1.9.0), and its time grows with the square of the depth.
# A text with more tokens that can nest than this is therefore read in a process of its own. Brackets count four.
NESTING_TOKEN = regex(
    r"[(\[{]|[-+~*/%@&|^<>=.\"']+|\b(?:not|lambda|if|else|elif|await|and|or|in|is|for|yield)\b"
)
MOST_NESTING = 2000
TEMPLATE = re.compile(rb"(?<![A-Za-z0-9_])[rR]?([tT])[rR]?(?=['\"])")
# Deepest braces of one f-string: the work on it grows with the cube of the depth (half a second here, 20 s at 300).
MOST_BRACES = 50
# Seconds that this process may take; a file of 10,000 lines takes about five.
PATIENCE = 30
CHILD = (
    "import sys; sys.path[:0] = sys.argv[1:]; from readybook.facts.lowering import answer; "
    "sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))"
)


class NotRead(ValueError):
    """The text was not read for a reason that is none of its own: another run may read it."""


def lower(text: str) -> str:
    """A file's text as Python 3.11 reads it, with as many lines and each statement starting in its line.

    Columns may differ. Raises ValueError with the reason when libcst cannot read the text either, or when what comes
    out is no Python still; NotRead when that could not be found out. Nothing of the text is run.
    """
    weight = sum(4 if token[0] in "([{" else len(token) if not token[0].isalpha() else 1
                 for token in NESTING_TOKEN.findall(text))
    return _lower_here(text) if weight <= MOST_NESTING else _lower_apart(text)


def answer(data: bytes) -> bytes:
    """What the process of ``lower`` writes for a text in UTF-8: a plus and the new text, or a minus and the reason."""
    try:
        return b"+" + _lower_here(data.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")
    except ValueError as error:
        return b"-" + str(error).encode("utf-8", "replace")


def _lower_apart(text: str) -> str:
    """Lower in a process that may crash or be stopped without harm."""
    spec = importlib.util.find_spec("libcst")
    if spec is None or spec.origin is None:
        raise NotRead("libcst is not installed")
    roots = [str(Path(__file__).parents[2]), str(Path(spec.origin).parents[1])]
    try:
        done = subprocess.run([sys.executable, "-I", "-c", CHILD, *roots], input=text.encode("utf-8", "surrogatepass"),
                              capture_output=True, timeout=PATIENCE, check=False, cwd=roots[0])
    except subprocess.TimeoutExpired:
        raise NotRead(f"libcst needs more than {PATIENCE} seconds for it") from None
    except OSError as error:
        raise NotRead(f"no process could be started to read it: {error.strerror}") from None
    if done.returncode or not done.stdout:
        raise ValueError("libcst breaks down on it: nested too deeply")
    body = done.stdout[1:].decode("utf-8", "surrogatepass")
    if done.stdout[:1] == b"-":
        raise ValueError(body)
    return body


def _lower_here(text: str) -> str:
    """Lower in this process."""
    try:
        source, module = _parse(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = apply(source.data, _edits(source, module))
            if line_ends(result) != line_ends(text):
                raise ValueError("its lines cannot be kept")
            ast.parse(result)
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise ValueError("nested too deeply") from None
    return result


def _parse(text: str) -> tuple[Parsed, Any]:
    """The text with libcst's tree and the places of its nodes."""
    import libcst
    from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

    def read(data: bytes) -> tuple[Any, Any]:
        module = libcst.parse_module(data.decode())
        return module, MetadataWrapper(module, unsafe_skip_copy=True).resolve(ByteSpanPositionProvider)

    try:
        try:
            module, spans = read(text.encode())
        except (libcst.CSTLogicError, libcst.ParserSyntaxError):
            if not TEMPLATE.search(text.encode()):
                raise
            # libcst 1.9 has no tree for neighbouring t-strings and does not know the prefix `tr`.
            module, spans = read(_without_templates(text.encode(), read))
    except libcst.CSTLogicError:
        raise ValueError("libcst cannot build a tree of it") from None
    except libcst.ParserSyntaxError as error:
        raise ValueError(error.message.partition(": expected one of")[0]) from None
    except UnicodeEncodeError:
        raise ValueError("holds characters that are no text") from None
    # libcst drops white space behind a conversion (`{x!r :>4}`): the tree's own text is what its places refer to.
    code = module.code
    if line_ends(code) != line_ends(text):
        raise ValueError("libcst does not keep its lines")
    return Parsed(code.encode(), spans, module.code_for_node, module.default_newline), module


def _without_templates(data: bytes, read: Callable[[bytes], tuple[Any, Any]]) -> bytes:
    """The text with the prefix of each t-string made that of an f-string; the same letters elsewhere are kept."""
    changed = bytearray(data)
    letters = [match.start(1) for match in TEMPLATE.finditer(data)]
    for place in letters:
        changed[place] += ord("f") - ord("t")
    module, spans = read(bytes(changed))
    if module.code.encode() != changed:
        raise ValueError("libcst does not keep its text")
    prefixes: set[int] = set()
    stack = [module]
    while stack:
        node = stack.pop()
        stack.extend(children(node))
        if kind(node) == "FormattedString":
            prefixes.update(range(spans[node].start, spans[node].start + len(node.prefix)))
    for place in letters:
        if place not in prefixes:
            changed[place] = data[place]
    return bytes(changed)


def _edits(source: Parsed, module: Any) -> list[Edit]:
    """What to change in a file."""
    edits: list[Edit] = []
    stack = [module]
    while stack:
        node = stack.pop()
        name = kind(node)
        if name in STRINGS:
            edits += _string(source, node)
        elif name != "TypeParameters":
            stack.extend(children(node))
        if name in ("ExceptHandler", "ExceptStarHandler"):
            edits += _handler(source, node)
        elif name in ("FunctionDef", "ClassDef"):
            edits += _parameters(source, node)
        elif name == "TypeAlias":
            edits += _alias(source, node)
    return edits


def _string(source: Parsed, node: Any) -> list[Edit]:
    if kind(node) == "SimpleString":
        return []
    before = source.text(node)
    steps = accumulate(1 if brace == "{" else -1 for brace in re.findall("[{}]", before))
    if max(steps, default=0) > MOST_BRACES:
        raise ValueError("an f-string is nested too deeply")
    text = lowered(source, node)
    return [] if text == before else [(*source.span(node), text)]


def _handler(source: Parsed, node: Any) -> list[Edit]:
    if kind(node.type) != "Tuple" or node.type.lpar:
        return []
    start, end = source.span(node.type)
    return [(start, start, "("), (end, end, ")")]


def _parameters(source: Parsed, node: Any) -> list[Edit]:
    """Type parameters dropped; their line ends move behind the next parenthesis, which a class may have to get."""
    if node.type_parameters is None:
        return []
    start, end = source.span(node.type_parameters)
    newlines = source.newline * line_ends(source.data[start:end].decode())
    bare = kind(node) == "ClassDef" and kind(node.lpar) == "MaybeSentinel" and not (node.bases or node.keywords)
    if not newlines or bare:
        return [(start, end, f"({newlines})" if newlines else "")]
    opening = source.data.index(b"(", end) + 1
    return [(start, end, ""), (opening, opening, newlines)]


def _alias(source: Parsed, node: Any) -> list[Edit]:
    start, name = source.span(node)[0], source.span(node.name)[0]
    edits: list[Edit] = [(start, name, "")]
    if node.type_parameters is not None:
        edits.append((*source.span(node.type_parameters), ""))
    lost = sum(line_ends(source.data[first:last].decode()) for first, last, _ in edits)
    if lost:
        first, last = source.span(node.value)
        edits += [(first, first, "(" + source.newline * lost), (last, last, ")")]
    return edits
