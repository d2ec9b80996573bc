"""One walk over a file's ast: plain nested tuples that hold everything the facts need and nothing of ``ast``.

Tuples are quick to build (half the time of ast.parse), small, and marshal writes them to the cache as they are.
Every expression is ``(kind, line, column, *payload)`` and every statement ``(kind, line, column, end_line, *payload)``;
``line`` is 1-based, ``column`` the 0-based UTF-8 byte offset that ``ast`` gives (``modules.Module.place`` converts it).

Expressions::

    const value | name id | attr value name | call func args kwargs end_line end_column
    list items | tuple items | set items | dict pairs | fstring parts | format value spec conversion
    bin op left right | unary op value | bool op values | cmp left ((op, right), …) | if test yes no
    sub value index | slice low high step | star value | await value | yield value | yieldfrom value
    lambda params body | comp kind element value generators | walrus target value

Statements::

    expr value | assign targets value | aug target op value | ann target annotation value | return value
    if test yes no | for target iterable body orelse is_async | while test body orelse
    try body handlers orelse final | with items body is_async | raise exception cause | assert test
    def name params body decorators returns is_async first_line yields
    class name bases keywords body decorators first_line
    import names | from module level names | del targets | global names | nonlocal names
    match subject cases | type name value | break | continue | pass
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

Node = tuple[Any, ...]
_yields = [0]  # yields met so far in the walk: a def that raises the count is a generator


def lower_module(tree: ast.Module) -> tuple[Node, ...]:
    """The statements of a module as nested tuples."""
    return _block(tree.body)


def _block(body: list[ast.stmt]) -> tuple[Node, ...]:
    return tuple([STATEMENTS[s.__class__](s) for s in body])


def _e(node: ast.AST | None) -> Any:
    return None if node is None else EXPRESSIONS[node.__class__](node)


def _es(nodes: list[Any]) -> tuple[Any, ...]:
    return tuple([EXPRESSIONS[n.__class__](n) for n in nodes])


def _name(n: Any) -> Node:
    return ("name", n.lineno, n.col_offset, n.id)


def _const(n: Any) -> Node:
    return ("const", n.lineno, n.col_offset, n.value)


def _attr(n: Any) -> Node:
    v = n.value
    return ("attr", n.lineno, n.col_offset, EXPRESSIONS[v.__class__](v), n.attr)


def _call(n: Any) -> Node:
    f = n.func
    return (
        "call", n.lineno, n.col_offset, EXPRESSIONS[f.__class__](f), _es(n.args),
        tuple([(k.arg, EXPRESSIONS[k.value.__class__](k.value)) for k in n.keywords]), n.end_lineno, n.end_col_offset,
    )


def _sequence(kind: str) -> Callable[[Any], Node]:
    def lower(n: Any) -> Node:
        return (kind, n.lineno, n.col_offset, _es(n.elts))

    return lower


def _dict(n: Any) -> Node:
    pairs = tuple([(_e(k), _e(v)) for k, v in zip(n.keys, n.values, strict=True)])
    return ("dict", n.lineno, n.col_offset, pairs)


def _fstring(n: Any) -> Node:
    return ("fstring", n.lineno, n.col_offset, _es(n.values))


def _format(n: Any) -> Node:
    conversion = chr(n.conversion) if n.conversion > 0 else ""
    return ("format", n.lineno, n.col_offset, _e(n.value), _e(n.format_spec), conversion)


def _bin(n: Any) -> Node:
    return ("bin", n.lineno, n.col_offset, n.op.__class__.__name__, _e(n.left), _e(n.right))


def _unary(n: Any) -> Node:
    return ("unary", n.lineno, n.col_offset, n.op.__class__.__name__, _e(n.operand))


def _bool(n: Any) -> Node:
    return ("bool", n.lineno, n.col_offset, "and" if n.op.__class__ is ast.And else "or", _es(n.values))


def _cmp(n: Any) -> Node:
    rest = tuple([(op.__class__.__name__, _e(right)) for op, right in zip(n.ops, n.comparators, strict=True)])
    return ("cmp", n.lineno, n.col_offset, _e(n.left), rest)


def _ifexp(n: Any) -> Node:
    return ("if", n.lineno, n.col_offset, _e(n.test), _e(n.body), _e(n.orelse))


def _sub(n: Any) -> Node:
    return ("sub", n.lineno, n.col_offset, _e(n.value), _e(n.slice))


def _slice(n: Any) -> Node:
    return ("slice", n.lineno, n.col_offset, _e(n.lower), _e(n.upper), _e(n.step))


def _wrapping(kind: str) -> Callable[[Any], Node]:
    def lower(n: Any) -> Node:
        return (kind, n.lineno, n.col_offset, _e(n.value))

    return lower


def _yielding(kind: str) -> Callable[[Any], Node]:
    def lower(n: Any) -> Node:
        _yields[0] += 1
        return (kind, n.lineno, n.col_offset, _e(n.value))

    return lower


def _lambda(n: Any) -> Node:
    before = _yields[0]
    lowered = ("lambda", n.lineno, n.col_offset, _params(n.args), _e(n.body))
    _yields[0] = before  # a yield in a lambda is the lambda's own
    return lowered


def _generators(n: Any) -> tuple[Any, ...]:
    return tuple([(_e(g.target), _e(g.iter), _es(g.ifs), bool(g.is_async)) for g in n.generators])


def _comp(kind: str) -> Callable[[Any], Node]:
    def lower(n: Any) -> Node:
        return ("comp", n.lineno, n.col_offset, kind, _e(n.elt), None, _generators(n))

    return lower


def _dictcomp(n: Any) -> Node:
    return ("comp", n.lineno, n.col_offset, "dict", _e(n.key), _e(n.value), _generators(n))


def _walrus(n: Any) -> Node:
    return ("walrus", n.lineno, n.col_offset, _e(n.target), _e(n.value))


def _params(a: Any) -> tuple[Node, ...]:
    """Each parameter as ``(name, annotation, default, kind, line, column)``; kind: pos, any, var, key, keys."""
    out = []
    positional = a.posonlyargs + a.args
    first_default = len(positional) - len(a.defaults)
    for i, p in enumerate(positional):
        default = a.defaults[i - first_default] if i >= first_default else None
        kind = "pos" if i < len(a.posonlyargs) else "any"
        out.append((p.arg, _e(p.annotation), _e(default), kind, p.lineno, p.col_offset))
    if a.vararg:
        out.append((a.vararg.arg, _e(a.vararg.annotation), None, "var", a.vararg.lineno, a.vararg.col_offset))
    for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        out.append((p.arg, _e(p.annotation), _e(default), "key", p.lineno, p.col_offset))
    if a.kwarg:
        out.append((a.kwarg.arg, _e(a.kwarg.annotation), None, "keys", a.kwarg.lineno, a.kwarg.col_offset))
    return tuple(out)


EXPRESSIONS: dict[type, Callable[[Any], Node]] = {
    ast.Name: _name, ast.Constant: _const, ast.Attribute: _attr, ast.Call: _call,
    ast.List: _sequence("list"), ast.Tuple: _sequence("tuple"), ast.Set: _sequence("set"), ast.Dict: _dict,
    ast.JoinedStr: _fstring, ast.FormattedValue: _format, ast.BinOp: _bin, ast.UnaryOp: _unary, ast.BoolOp: _bool,
    ast.Compare: _cmp, ast.IfExp: _ifexp, ast.Subscript: _sub, ast.Slice: _slice, ast.Starred: _wrapping("star"),
    ast.Await: _wrapping("await"), ast.Yield: _yielding("yield"), ast.YieldFrom: _yielding("yieldfrom"),
    ast.Lambda: _lambda, ast.ListComp: _comp("list"), ast.SetComp: _comp("set"), ast.GeneratorExp: _comp("generator"),
    ast.DictComp: _dictcomp, ast.NamedExpr: _walrus,
}
if hasattr(ast, "TemplateStr"):  # Python 3.14
    EXPRESSIONS[ast.TemplateStr] = _fstring
    EXPRESSIONS[ast.Interpolation] = _format


def _expr(s: Any) -> Node:
    v = s.value
    return ("expr", s.lineno, s.col_offset, s.end_lineno, EXPRESSIONS[v.__class__](v))


def _assign(s: Any) -> Node:
    return ("assign", s.lineno, s.col_offset, s.end_lineno, _es(s.targets), _e(s.value))


def _aug(s: Any) -> Node:
    return ("aug", s.lineno, s.col_offset, s.end_lineno, _e(s.target), s.op.__class__.__name__, _e(s.value))


def _ann(s: Any) -> Node:
    return ("ann", s.lineno, s.col_offset, s.end_lineno, _e(s.target), _e(s.annotation), _e(s.value))


def _return(s: Any) -> Node:
    return ("return", s.lineno, s.col_offset, s.end_lineno, _e(s.value))


def _if(s: Any) -> Node:
    return ("if", s.lineno, s.col_offset, s.end_lineno, _e(s.test), _block(s.body), _block(s.orelse))


def _for(is_async: bool) -> Callable[[Any], Node]:
    def lower(s: Any) -> Node:
        return ("for", s.lineno, s.col_offset, s.end_lineno, _e(s.target), _e(s.iter), _block(s.body),
                _block(s.orelse), is_async)

    return lower


def _while(s: Any) -> Node:
    return ("while", s.lineno, s.col_offset, s.end_lineno, _e(s.test), _block(s.body), _block(s.orelse))


def _try(s: Any) -> Node:
    handlers = tuple([(_e(h.type), h.name, _block(h.body), h.lineno) for h in s.handlers])
    return ("try", s.lineno, s.col_offset, s.end_lineno, _block(s.body), handlers, _block(s.orelse),
            _block(s.finalbody))


def _with(is_async: bool) -> Callable[[Any], Node]:
    def lower(s: Any) -> Node:
        items = tuple([(_e(i.context_expr), _e(i.optional_vars)) for i in s.items])
        return ("with", s.lineno, s.col_offset, s.end_lineno, items, _block(s.body), is_async)

    return lower


def _def(is_async: bool) -> Callable[[Any], Node]:
    def lower(s: Any) -> Node:
        first = s.decorator_list[0].lineno if s.decorator_list else s.lineno
        decorators, params = _es(s.decorator_list), _params(s.args)
        before = _yields[0]
        body = _block(s.body)
        yields, _yields[0] = _yields[0] > before, before
        return ("def", s.lineno, s.col_offset, s.end_lineno, s.name, params, body, decorators, _e(s.returns),
                is_async, first, yields)

    return lower


def _class(s: Any) -> Node:
    first = s.decorator_list[0].lineno if s.decorator_list else s.lineno
    keywords = tuple([(k.arg, _e(k.value)) for k in s.keywords])
    return ("class", s.lineno, s.col_offset, s.end_lineno, s.name, _es(s.bases), keywords, _block(s.body),
            _es(s.decorator_list), first)


def _import(s: Any) -> Node:
    return ("import", s.lineno, s.col_offset, s.end_lineno, tuple([(a.name, a.asname) for a in s.names]))


def _from(s: Any) -> Node:
    names = tuple([(a.name, a.asname) for a in s.names])
    return ("from", s.lineno, s.col_offset, s.end_lineno, s.module or "", s.level, names)


def _raise(s: Any) -> Node:
    return ("raise", s.lineno, s.col_offset, s.end_lineno, _e(s.exc), _e(s.cause))


def _assert(s: Any) -> Node:
    return ("assert", s.lineno, s.col_offset, s.end_lineno, _e(s.test))


def _del(s: Any) -> Node:
    return ("del", s.lineno, s.col_offset, s.end_lineno, _es(s.targets))


def _names(kind: str) -> Callable[[Any], Node]:
    def lower(s: Any) -> Node:
        return (kind, s.lineno, s.col_offset, s.end_lineno, tuple(s.names))

    return lower


def _word(kind: str) -> Callable[[Any], Node]:
    def lower(s: Any) -> Node:
        return (kind, s.lineno, s.col_offset, s.end_lineno)

    return lower


def _case_value(pattern: Any) -> Node:
    if isinstance(pattern, ast.MatchSingleton):
        return ("const", pattern.lineno, pattern.col_offset, pattern.value)
    return _e(pattern.value)


def _match(s: Any) -> Node:
    cases = []
    for c in s.cases:
        bound = tuple(n.name for n in ast.walk(c.pattern) if getattr(n, "name", None))
        anything = isinstance(c.pattern, ast.MatchAs) and c.pattern.pattern is None
        inner = c.pattern.pattern if isinstance(c.pattern, ast.MatchAs) else c.pattern
        of_class = isinstance(inner, ast.MatchClass) and not inner.patterns and not inner.kwd_patterns
        kind = _e(inner.cls) if of_class else None
        guard, body = _e(c.guard), _block(c.body)
        either = c.pattern.patterns if isinstance(c.pattern, ast.MatchOr) else [c.pattern]
        plain = all(isinstance(p, ast.MatchValue | ast.MatchSingleton) for p in either)
        values = tuple([_case_value(p) for p in either]) if plain else ()
        cases.append((values, anything, bound, guard, body, kind))
    return ("match", s.lineno, s.col_offset, s.end_lineno, _e(s.subject), tuple(cases))


def _type(s: Any) -> Node:
    return ("type", s.lineno, s.col_offset, s.end_lineno, s.name.id, _e(s.value))


STATEMENTS: dict[type, Callable[[Any], Node]] = {
    ast.Expr: _expr, ast.Assign: _assign, ast.AugAssign: _aug, ast.AnnAssign: _ann, ast.Return: _return, ast.If: _if,
    ast.For: _for(False), ast.AsyncFor: _for(True), ast.While: _while, ast.Try: _try, ast.TryStar: _try,
    ast.With: _with(False), ast.AsyncWith: _with(True), ast.FunctionDef: _def(False), ast.AsyncFunctionDef: _def(True),
    ast.ClassDef: _class, ast.Import: _import, ast.ImportFrom: _from, ast.Raise: _raise, ast.Assert: _assert,
    ast.Delete: _del, ast.Global: _names("global"), ast.Nonlocal: _names("nonlocal"), ast.Match: _match,
    ast.Break: _word("break"), ast.Continue: _word("continue"), ast.Pass: _word("pass"),
}
if hasattr(ast, "TypeAlias"):  # Python 3.12
    STATEMENTS[ast.TypeAlias] = _type
