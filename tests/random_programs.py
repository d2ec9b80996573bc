"""Random programs of plain Python, of the kind that configures a service: texts, lists, dicts, loops, classes.

Every name of a program has a kind that never changes, so that nearly all programs run; what a name is worth in the end
is what CPython says.
"""

# ruff: noqa: E501 - what is written stands on one line, as in the program

from __future__ import annotations

import random
from collections.abc import Callable

KINDS = ("text", "number", "flag", "texts", "numbers", "mapping", "pair", "bag", "maybe")
WORDS = ("api", "v1", "users", "items", "/", "/admin", "a-b", "X_Y", "", "Orders", " pad ", "k=v;w=z", "é", "100%")
KEYS = ("host", "port", "name", "api", "v1", "users")


class Writer:
    """Writes one program from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.functions: list[tuple[str, tuple[str, ...], str]] = []  # name, kinds of the parameters, kind of the result
        self.lines: list[str] = []
        self.count = 0
        self.depth = 0

    def pick(self, *options: Callable[[], str]) -> str:
        return self.random.choice(options)()

    def fresh(self, stem: str = "v") -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def known(self, kind: str) -> str | None:
        names = self.names[kind]
        return self.random.choice(names) if names else None

    # expressions

    def literal(self, kind: str) -> str:
        r = self.random
        words = [r.choice(WORDS) for _ in range(r.randint(0, 3))]
        if kind == "text":
            return repr(r.choice(WORDS))
        if kind == "number":
            return str(r.choice((0, 1, 2, 3, 5, 8, -1, 10, 300)))
        if kind == "flag":
            return r.choice(("True", "False"))
        if kind == "texts":
            return repr(words)
        if kind == "numbers":
            return repr([r.randint(-3, 9) for _ in range(r.randint(0, 4))])
        if kind == "mapping":
            return repr({k: r.choice(WORDS) for k in r.sample(KEYS, r.randint(0, 3))})
        if kind == "pair":
            return repr((r.choice(WORDS), r.randint(0, 9)))
        if kind == "bag":
            return "{" + ", ".join(map(repr, words)) + "}" if words else "set()"
        return r.choice(("None", repr(r.choice(WORDS))))

    def of(self, kind: str, depth: int = 3) -> str:
        """An expression of a kind."""
        r = self.random
        if depth <= 0 or r.random() < 0.25:
            name = self.known(kind)
            return name if name is not None and r.random() < 0.8 else self.literal(kind)
        if r.random() < 0.12:
            return f"({self.of(kind, depth - 1)} if {self.of('flag', depth - 1)} else {self.of(kind, depth - 1)})"
        fitting = [f for f in self.functions if f[2] == kind]
        if fitting and r.random() < 0.3:
            return self.called(*r.choice(fitting)[:2], depth - 1)
        d = depth - 1
        of = self.of
        options: dict[str, list[Callable[[], str]]] = {
            "text": [
                lambda: f"{of('text', d)} + {of('text', d)}", lambda: f"{of('text', d)} * {r.randint(0, 2)}",
                lambda: "f'" + f"<{{{self.plain('text')}}}-{{{self.plain('number')}:03d}}>" + "'",
                lambda: "f'" + f"{{{self.plain('text')}!r}}{{{self.plain('flag')}}}{{{self.plain('number')}}}" + "'",
                lambda: f"'{{}}-{{x}}'.format({of('text', d)}, x={of('number', d)})",
                lambda: f"'%s/%d' % ({of('text', d)}, {of('number', d)})",
                lambda: f"'%(a)s!' % {{'a': {of('text', d)}}}",
                lambda: f"{self.plain('text')}.{r.choice(('upper', 'lower', 'title', 'strip', 'capitalize'))}()",
                lambda: f"{self.plain('text')}.replace({self.word()}, {self.word()})",
                lambda: f"{self.plain('text')}.{r.choice(('removeprefix', 'removesuffix', 'lstrip', 'rstrip'))}('/')",
                lambda: f"{self.word()}.join({of('texts', d)})",
                lambda: f"({of('texts', d)} or ['none'])[{r.choice((0, -1))}]",
                lambda: f"{self.plain('text')}[{r.choice(('1:', ':2', '::-1', '-2:'))}]",
                lambda: f"{self.plain('text')}.partition('/')[{r.randint(0, 2)}]",
                lambda: f"{self.plain('mapping')}.get({self.key()}, {of('text', d)})",
                lambda: f"{self.plain('pair')}[0]", lambda: f"str({of('number', d)})",
                lambda: f"({of('maybe', d)} or {of('text', d)})", lambda: f"str({of('flag', d)})",
                lambda: f"max({of('text', d)}, {of('text', d)})", lambda: f"{self.plain('text')}.zfill(4)",
                lambda: f"(lambda a, b='z': a + b)({of('text', d)})",
                lambda: f"next((t for t in {of('texts', d)} if t), 'nil')",
                lambda: f"os.environ.get('NEVER_SET_{r.randint(0, 3)}', {of('text', d)})",
                lambda: f"os.path.join('base', {self.word()}.strip('/'))", lambda: f"repr({of('pair', d)})",
                lambda: f"functools.reduce(lambda a, b: a + b, {of('texts', d)}, '')",
                lambda: f"Template('$a/${{b}}').substitute(a={of('text', d)}, b={of('number', d)})",
                lambda: f"json.dumps({of('mapping', d)})", lambda: f"str(PurePosixPath('/x') / {self.word()})",
                lambda: f"re.sub('[/-]', '_', {of('text', d)})", lambda: f"''.join(reversed({of('text', d)}))",
                lambda: f"(w := {of('text', d)}) + w",
            ],
            "number": [
                lambda: f"{of('number', d)} {r.choice('+-*')} {of('number', d)}",
                lambda: f"len({of(r.choice(('text', 'texts', 'mapping', 'bag', 'numbers')), d)})",
                lambda: f"{of('number', d)} // {r.randint(1, 4)}", lambda: f"{of('number', d)} % {r.randint(1, 5)}",
                lambda: f"sum({of('numbers', d)})", lambda: f"max({of('numbers', d)}, default=0)",
                lambda: f"int('{r.randint(0, 99)}')", lambda: f"{self.plain('pair')}[1]", lambda: f"-{of('number', 0)}",
                lambda: f"{self.plain('text')}.count('/')", lambda: f"{self.plain('text')}.find('a')",
                lambda: f"abs({of('number', d)})", lambda: f"min({of('number', d)}, {of('number', d)})",
                lambda: f"{self.plain('texts')}.count('api')", lambda: f"int({of('flag', d)})",
                lambda: f"round({of('number', d)} / 4, 1).__trunc__()", lambda: f"divmod({of('number', d)}, 3)[1]",
                lambda: f"sum(1 for t in {of('texts', d)} if 'a' in t)", lambda: f"ord({of('text', d)}[:1] or 'a')",
                lambda: f"int(os.getenv('NEVER_SET_9', '{r.randint(0, 9)}'))", lambda: f"{of('number', d)} ** 2 % 97",
            ],
            "flag": [
                lambda: f"{of('number', d)} {r.choice(('<', '>=', '==', '!='))} {of('number', d)}",
                lambda: f"{of('text', d)} {r.choice(('==', '!=', '<'))} {of('text', d)}",
                lambda: f"{of('text', d)} in {of('texts', d)}", lambda: f"{self.key()} not in {of('mapping', d)}",
                lambda: f"not {of('flag', d)}", lambda: f"({of('flag', d)} and {of('flag', d)})",
                lambda: f"({of('flag', d)} or {of('flag', d)})", lambda: f"bool({of('texts', d)})",
                lambda: f"{of('maybe', d)} is None", lambda: f"{of('maybe', d)} is not None",
                lambda: f"{self.plain('text')}.startswith({self.word()})", lambda: f"any(t for t in {of('texts', d)})",
                lambda: f"{self.plain('text')}.endswith(('/', 's'))", lambda: f"all({of('texts', d)})",
                lambda: f"isinstance({of('maybe', d)}, str)", lambda: f"0 <= {of('number', d)} < 9",
                lambda: f"{of('texts', d)} == {of('texts', d)}", lambda: f"{of('bag', d)} == {of('bag', d)}",
                lambda: f"{self.plain('text')}.{r.choice(('isdigit', 'isalpha', 'isupper', 'islower'))}()",
                lambda: f"{self.plain('bag')}.issubset({of('bag', d)})", lambda: f"{of('text', d)} in {of('text', d)}",
                lambda: f"os.getenv('NEVER_SET_5', 'false').lower() in ('1', {self.word()}, 'true')",
                lambda: f"{of('pair', d)} < {of('pair', d)}", lambda: f"{of('mapping', d)} == {of('mapping', d)}",
            ],
            "texts": [
                lambda: f"[{of('text', d)}, {of('text', d)}]", lambda: f"{of('texts', d)} + {of('texts', d)}",
                lambda: f"{self.plain('text')}.split('/')", lambda: f"[t.upper() for t in {of('texts', d)}]",
                lambda: f"[t for t in {of('texts', d)} if {r.choice(('t', 'len(t) > 2', chr(39) + 'a' + chr(39) + ' in t'))}]",
                lambda: f"[f'{{i}}{{t}}' for i, t in enumerate({of('texts', d)})]", lambda: f"list({of('mapping', d)})",
                lambda: f"sorted({of('bag', d)})", lambda: f"[*{of('texts', d)}, {of('text', d)}]",
                lambda: f"sorted({of('texts', d)}, key=len, reverse={r.choice(('True', 'False'))})",
                lambda: f"list({self.plain('mapping')}.values())", lambda: f"{of('texts', d)}[::-1]",
                lambda: f"list(map(str, {of('numbers', d)}))", lambda: f"{of('texts', d)}[:{r.randint(0, 2)}]",
                lambda: f"[a + b for a in {of('texts', 0)} for b in ('x', 'y')]", lambda: f"{of('texts', d)} * 2",
                lambda: f"list(dict.fromkeys({of('texts', d)}))", lambda: f"list(filter(None, {of('texts', d)}))",
                lambda: f"list(itertools.chain({of('texts', d)}, {of('texts', d)}))",
                lambda: f"[a + str(b) for a, b in zip({of('texts', d)}, {of('numbers', d)})]",
                lambda: f"{self.plain('text')}.rsplit('/', 1)", lambda: f"list({of('text', d)})",
                lambda: f"[k + v for k, v in {self.plain('mapping')}.items()]", lambda: f"{of('text', d)}.splitlines()",
                lambda: f"json.loads(json.dumps({of('texts', d)}))", lambda: f"list({of('texts', d)}).copy()",
                lambda: f"re.findall('[a-z]+', {of('text', d)})", lambda: f"[x.strip() for x in {of('text', d)}.split(';')]",
            ],
            "numbers": [
                lambda: f"list(range({r.randint(0, 4)}))", lambda: f"[n * 2 for n in {of('numbers', d)}]",
                lambda: f"sorted({of('numbers', d)})", lambda: f"{of('numbers', d)} + {of('numbers', d)}",
                lambda: f"[len(t) for t in {of('texts', d)}]", lambda: f"list(range(1, 9, {r.randint(1, 4)}))",
                lambda: f"[n for n in {of('numbers', d)} if n % 2]", lambda: f"[*{of('numbers', d)}, {of('number', d)}]",
                lambda: f"[i + n for i, n in enumerate({of('numbers', d)}, start=1)]",
                lambda: f"list(reversed({of('numbers', d)}))", lambda: f"list(itertools.accumulate({of('numbers', d)}))",
                lambda: f"sorted(set({of('numbers', d)}))", lambda: "[a * b for a, b in itertools.product((1, 2), (3, 4))]",
            ],
            "mapping": [
                lambda: f"{{**{of('mapping', d)}, {self.key()}: {of('text', d)}}}", lambda: f"dict({of('mapping', d)})",
                lambda: f"{of('mapping', d)} | {of('mapping', d)}", lambda: f"dict({self.random.choice(KEYS)}={of('text', d)})",
                lambda: f"{{k: v.upper() for k, v in {self.plain('mapping')}.items()}}",
                lambda: f"{{t: t + '!' for t in {of('texts', d)}}}", lambda: f"dict(zip({of('texts', d)}, {of('texts', d)}))",
                lambda: f"dict([({self.key()}, {of('text', d)})])", lambda: f"dict({of('mapping', d)}, name={of('text', d)})",
                lambda: f"{{k: v for k, v in sorted({self.plain('mapping')}.items())}}",
                lambda: f"dict.fromkeys({of('texts', d)}, {self.word()})", lambda: f"{self.plain('mapping')}.copy()",
                lambda: f"json.loads(json.dumps({of('mapping', d)}))", lambda: f"dict(ChainMap({of('mapping', d)}, {of('mapping', d)}))",
            ],
            "pair": [
                lambda: f"({of('text', d)}, {of('number', d)})", lambda: f"tuple([{of('text', d)}, {of('number', d)}])",
                lambda: f"({of('pair', d)}[0], {of('number', d)})", lambda: f"max({of('pair', d)}, {of('pair', d)})",
            ],
            "bag": [
                lambda: f"set({of('texts', d)})", lambda: f"{of('bag', d)} | {of('bag', d)}",
                lambda: f"{of('bag', d)} - {of('bag', d)}", lambda: f"{of('bag', d)} & {of('bag', d)}",
                lambda: f"{{t[:1] for t in {of('texts', d)}}}", lambda: f"{of('bag', d)} ^ {of('bag', d)}",
                lambda: f"{self.plain('bag')}.union({of('texts', d)})", lambda: f"set({of('mapping', d)})",
                lambda: f"{self.plain('bag')}.difference({of('texts', d)})", lambda: f"frozenset({of('texts', d)})",
            ],
            "maybe": [
                lambda: f"{self.plain('mapping')}.get({self.key()})", lambda: "os.getenv('NEVER_SET_7')",
                lambda: f"({of('text', d)} or None)", lambda: f"next(iter({of('texts', d)}), None)",
            ],
        }
        return self.pick(*options[kind])

    def plain(self, kind: str) -> str:
        """A name of a kind, or its literal in parentheses: what an attribute can be asked of."""
        name = self.known(kind)
        return name if name is not None else f"({self.literal(kind) if kind != 'bag' else 'set()'})".replace("'", '"')

    def word(self) -> str:
        return repr(self.random.choice(WORDS))

    def key(self) -> str:
        return repr(self.random.choice(KEYS))

    def called(self, name: str, kinds: tuple[str, ...], depth: int) -> str:
        return f"{name}({', '.join(self.of(kind, depth) for kind in kinds)})"

    # statements

    def write(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def block(self, statements: int) -> None:
        """An indented block that binds no new name for what follows."""
        self.depth += 1
        before = {kind: list(names) for kind, names in self.names.items()}
        functions = list(self.functions)
        for _ in range(statements):
            self.statement(inner=True)
        self.names, self.functions = before, functions
        self.depth -= 1

    def program(self, statements: int) -> str:
        for line in ("import functools, itertools, json, os, re", "from collections import ChainMap, defaultdict, deque, namedtuple",
                     "from contextlib import contextmanager, suppress", "from dataclasses import dataclass, field",
                     "from enum import Enum", "from pathlib import PurePosixPath", "from string import Template",
                     "from typing import NamedTuple"):
            self.write(line)
        for _ in range(statements):
            self.statement(inner=False)
        return "\n".join(self.lines) + "\n"

    def assign(self) -> None:
        kind = self.random.choice(KINDS)
        value = self.of(kind)
        old = self.known(kind)
        name = old if old is not None and (self.random.random() < 0.3) else self.fresh()
        if self.random.random() < 0.15:
            annotation = {"text": "str", "number": "int", "flag": "bool"}.get(kind, "object")
            self.write(f"{name}: {annotation} = {value}")
        else:
            self.write(f"{name} = {value}")
        if name not in self.names[kind]:
            self.names[kind].append(name)

    def statement(self, *, inner: bool) -> None:
        r = self.random
        simple = [self.assign, self.assign, self.assign, self.change, self.unpack]
        nested = [self.if_, self.for_, self.try_, self.while_, self.match_, self.with_]
        top = [self.function, self.class_, self.enum, self.dataclass_, self.generator, self.closure, self.inherit]
        if inner:
            r.choice(simple + (nested if self.depth < 3 else []))()
        else:
            r.choice(simple * 2 + nested * 2 + top)()

    def change(self) -> None:
        """Change a value in place."""
        r = self.random
        kind = r.choice(("texts", "mapping", "numbers", "bag", "text", "number"))
        name = self.known(kind)
        if name is None:
            self.assign()
            return
        of, d = self.of, 2
        lines = {
            "texts": [f"{name}.append({of('text', d)})", f"{name} += {of('texts', d)}", f"{name}.extend({of('texts', d)})",
                      f"{name}.insert(0, {of('text', d)})", f"{name}.sort()", f"{name}.sort(key=len)", f"{name}.reverse()",
                      f"{name}.sort(reverse=True)", f"{name}[:] = {of('texts', d)}", f"{name}[:1] = []", f"{name}.clear()",
                      f"if {name}: {name}[0] = {of('text', d)}", f"if {name}: {name}.pop()", f"if {name}: del {name}[0]",
                      f"if 'api' in {name}: {name}.remove('api')", f"{name} = list({name})", f"{name} *= 2"],
            "mapping": [f"{name}[{self.key()}] = {of('text', d)}", f"{name}.update({of('mapping', d)})",
                        f"{name}.setdefault({self.key()}, {of('text', d)})", f"{name}.pop({self.key()}, None)",
                        f"{name} |= {of('mapping', d)}", f"{name}.update(host={of('text', d)})",
                        f"if 'name' in {name}: del {name}['name']", f"if {name}: {name}.popitem()"],
            "numbers": [f"{name}.append({of('number', d)})", f"{name}.sort(reverse=True)", f"{name} += [{of('number', d)}]",
                        f"if {name}: {name}[-1] += 1"],
            "bag": [f"{name} = {name} | {of('bag', d)}", f"{name} = {{*{name}, {of('text', d)}}}", f"{name} = set({name})",
                    f"{name} = set({name}); {name}.add({of('text', d)})", f"{name} = set({name}); {name}.discard('api')",
                    f"{name} = set({name}); {name}.update({of('texts', d)})"],
            "text": [f"{name} += {of('text', d)}", f"{name} = {name}.strip('/')"],
            "number": [f"{name} += {of('number', d)}", f"{name} -= 1", f"{name} *= 2", f"{name} //= 2"],
        }[kind]
        self.write(r.choice(lines))

    def unpack(self) -> None:
        a, b, c = self.fresh(), self.fresh(), self.fresh()
        self.pick_line(
            (f"{a}, {b} = {self.of('text')}, {self.of('number')}", (("text", a), ("number", b))),
            (f"{a}, {b} = {self.of('pair')}", (("text", a), ("number", b))),
            (f"{a}, *{b} = [{self.of('text')}, *{self.of('texts')}]", (("text", a), ("texts", b))),
            (f"*{b}, {a} = [*{self.of('numbers')}, {self.of('number')}]", (("numbers", b), ("number", a))),
            (f"({a}, {b}), {c} = {self.of('pair')}, {self.of('texts')}", (("text", a), ("number", b), ("texts", c))),
            (f"{a} = {b} = {self.of('texts')}", (("texts", a), ("texts", b))),
            (f"[{a}, {b}] = ({self.of('number')}, {self.of('flag')})", (("number", a), ("flag", b))),
        )

    def pick_line(self, *options: tuple[str, tuple[tuple[str, str], ...]]) -> None:
        line, bound = self.random.choice(options)
        self.write(line)
        for kind, name in bound:
            self.names[kind].append(name)

    def if_(self) -> None:
        r = self.random
        self.write(f"if {self.of('flag')}:")
        self.block(r.randint(1, 2))
        if r.random() < 0.3:
            self.write(f"elif {self.of('flag')}:")
            self.block(1)
        if r.random() < 0.6:
            self.write("else:")
            self.block(r.randint(1, 2))

    def for_(self) -> None:
        r = self.random
        kind = r.choice(("text", "number"))
        name = self.fresh("i")
        source = self.of("texts" if kind == "text" else "numbers", 1)
        header = f"for {name} in list({source})[:4]:"
        self.write(header)
        self.names[kind].append(name)
        self.block_with_exit(r.randint(1, 2), loop=True)
        self.names[kind].remove(name)
        if r.random() < 0.25:
            self.write("else:")
            self.block(1)

    def block_with_exit(self, statements: int, *, loop: bool) -> None:
        r = self.random
        self.depth += 1
        if r.random() < 0.35:
            self.write(f"if {self.of('flag', 2)}:")
            self.depth += 1
            self.write(r.choice(("break", "continue")) if loop else "pass")
            self.depth -= 1
        self.depth -= 1
        self.block(statements)

    def while_(self) -> None:
        name = self.fresh("n")
        self.write(f"{name} = {self.random.randint(0, 4)}")
        self.write(f"while {name} > 0:")
        self.depth += 1
        self.write(f"{name} -= 1")
        self.depth -= 1
        self.block_with_exit(1, loop=True)
        if self.random.random() < 0.2:
            self.write("else:")
            self.block(1)
        self.names["number"].append(name)

    def try_(self) -> None:
        r = self.random
        cause = r.choice(("raise ValueError('x')", "raise KeyError('k')", "int('x')", "{}['missing']", "[][1]", "pass",
                          "pass", "None.attribute", "1 / 0", "raise CustomError('c')"))
        if "Custom" in cause and "class CustomError(ValueError): ..." not in self.lines:
            if self.depth:
                cause = "pass"
            else:
                self.write("class CustomError(ValueError): ...")
        self.write("try:")
        self.depth += 1
        if r.random() < 0.5:
            self.change()
        self.write(cause)
        self.depth -= 1
        for kind in r.sample(("ValueError", "KeyError", "(TypeError, AttributeError)", "ImportError", "LookupError"), r.randint(0, 2)):
            self.write(f"except {kind}:")
            self.block(1)
        self.write(r.choice(("except Exception as error:", "except Exception:")))
        self.block(1)
        if r.random() < 0.3:
            self.write("else:")
            self.block(1)
        if r.random() < 0.3:
            self.write("finally:")
            self.block(1)

    def match_(self) -> None:
        kind = self.random.choice(("text", "number"))
        self.write(f"match {self.of(kind)}:")
        self.depth += 1
        for _ in range(self.random.randint(1, 2)):
            patterns = [self.literal(kind), f"{self.literal(kind)} | {self.literal(kind)}"]
            if kind == "text":
                patterns.append("str() as seen")
            self.write(f"case {self.random.choice(patterns)}:" if self.random.random() < 0.8 else
                       f"case other if {self.of('flag', 1)}:")
            self.block(1)
        self.write("case _:")
        self.block(1)
        self.depth -= 1

    def with_(self) -> None:
        self.write(self.random.choice(("with suppress(KeyError, ValueError):", "with suppress(Exception) as nothing:")))
        self.depth += 1
        self.change()
        if self.random.random() < 0.5:
            cause = self.random.choice(("{}['missing']", "raise ValueError", "int('nine')"))
            self.write(cause)
            if cause.startswith("raise"):
                self.change()
        self.depth -= 1

    def function(self) -> None:
        r = self.random
        kinds = tuple(r.choice(KINDS) for _ in range(r.randint(0, 2)))
        result = r.choice(KINDS)
        name = self.fresh("f")
        params = [f"p{i}" for i in range(len(kinds))]
        extra = r.choice(("", "", ", *rest", ", **more", f", sep={self.word()}", f", *, flag={r.choice(('True', 'False'))}"))
        decorator = r.choice(("", "", "", "@functools.lru_cache(maxsize=None)" if set(kinds) <= {"text", "number", "flag", "pair", "maybe"} else ""))
        if decorator:
            self.write(decorator)
        self.write(f"def {name}({', '.join(params)}{extra if params or not extra else extra[2:]}):")
        self.depth += 1
        before = {kind: list(names) for kind, names in self.names.items()}
        functions = list(self.functions)
        self.functions = []  # no recursion
        for kind in KINDS:  # what stands outside is read, never bound anew
            self.names[kind] = [p for p, k in zip(params, kinds, strict=True) if k == kind]
        for _ in range(r.randint(0, 3)):
            self.statement(inner=True)
        if r.random() < 0.4:
            self.write(f"if {self.of('flag', 2)}:")
            self.depth += 1
            self.write(f"return {self.of(result, 2)}")
            self.depth -= 1
        self.write(f"return {self.of(result)}")
        self.depth -= 1
        self.names, self.functions = before, [*functions, (name, kinds, result)]

    def generator(self) -> None:
        name = self.fresh("g")
        self.write(f"def {name}(source):")
        self.depth += 1
        self.write("for each in source:")
        self.depth += 1
        self.write(self.random.choice(("if each: yield each", "yield each + '!'", "yield each\n" + "    " * self.depth + "yield 'end'")))
        self.depth -= 1
        if self.random.random() < 0.4:
            self.write("yield from ['x', 'y']")
        self.depth -= 1
        made = self.fresh()
        self.write(f"{made} = list({name}({self.of('texts')}))")
        self.names["texts"].append(made)

    def closure(self) -> None:
        name, made, got = self.fresh("make"), self.fresh("c"), self.fresh()
        self.write(f"def {name}(start):")
        self.write("    total = start")
        self.write("    def step(by=1):")
        self.write("        nonlocal total")
        self.write("        total += by")
        self.write("        return total")
        self.write("    return step")
        self.write(f"{made} = {name}({self.of('number', 1)})")
        for _ in range(self.random.randint(1, 3)):
            self.write(f"{made}({self.random.choice(('', '2', 'by=3'))})")
        self.write(f"{got} = {made}()")
        self.names["number"].append(got)

    def class_(self) -> None:
        name, made = self.fresh("C"), self.fresh("o")
        self.write(f"class {name}:")
        self.write(f"    prefix = {self.of('text', 2)}")
        self.write("    seen = []")
        self.write("    def __init__(self, label, size=1):")
        self.write("        self.label = label")
        self.write("        self.size = size")
        self.write("        self.seen.append(label)")
        self.write("    @property")
        self.write("    def full(self): return self.prefix + self.label * self.size")
        self.write("    @classmethod")
        self.write(f"    def made(cls, size): return cls({self.of('text', 1)}, size=size)")
        self.write("    @staticmethod")
        self.write("    def joined(*parts): return '.'.join(parts)")
        self.write("    def __call__(self, more): return [self.label, more]")
        self.write("    def __len__(self): return self.size")
        self.write("    def __getitem__(self, at): return self.label + str(at)")
        self.write("    def __bool__(self): return self.size > 1")
        self.write("    def renamed(self, label):")
        self.write("        self.label = label")
        self.write("        return self")
        label = self.of("text", 1)
        self.write(f"{made} = {self.random.choice((f'{name}({label})', f'{name}.made(2)'))}")
        kinds = (("text", f"{made}.full"), ("text", f"{made}.renamed({self.of('text', 1)}).label"), ("texts", f"{made}('m')"),
                 ("texts", f"list({name}.seen)"), ("number", f"len({made})"), ("text", f"{name}.joined('a', {made}.label)"),
                 ("flag", f"bool({made})"), ("text", f"{made}[1]"), ("text", f"getattr({made}, 'label', 'no')"),
                 ("text", f"getattr({made}, 'absent', 'no')"), ("flag", f"hasattr({made}, 'absent')"),
                 ("text", f"('yes' if {made} else 'no')"), ("flag", f"isinstance({made}, {name})"), ("text", f"{name}.__name__"))
        for kind, expression in self.random.sample(kinds, 4):
            got = self.fresh()
            self.write(f"{got} = {expression}")
            self.names[kind].append(got)

    def inherit(self) -> None:
        base, middle, last, got = self.fresh("B"), self.fresh("M"), self.fresh("L"), self.fresh()
        self.write(f"class {base}:")
        self.write(f"    tag = {self.of('text', 1)}")
        self.write("    registry = {}")
        self.write("    def __init_subclass__(cls, **kwargs):")
        self.write("        super().__init_subclass__(**kwargs)")
        self.write("        cls.registry[cls.__name__] = cls.tag")
        self.write("    def said(self): return [self.tag]")
        self.write(f"class {middle}({base}):")
        self.write(self.random.choice((f"    tag = {self.of('text', 1)}", "    pass")))
        self.write("    def said(self): return super().said() + ['m']")
        self.write(f"class {last}({middle}):")
        self.write("    def said(self): return ['l', *super().said()]")
        self.write(f"{got} = {last}().said()")
        self.names["texts"].append(got)
        more = self.fresh()
        self.write(f"{more} = {base}.registry")
        self.write(f"{more} = dict({more})")
        self.names["mapping"].append(more)

    def enum(self) -> None:
        name = self.fresh("E")
        mixed = self.random.random() < 0.5
        self.write(f"class {name}({'str, ' if mixed else ''}Enum):")
        self.write("    ONE = 'one'")
        self.write("    TWO = 'two'")
        kinds = [("text", f"{name}.ONE.value"), ("texts", f"[e.value for e in {name}]"), ("text", f"{name}('two').name"),
                 ("flag", f"{name}.ONE == {name}('one')"), ("flag", f"{name}.ONE == 'one'"), ("texts", f"[e.name for e in {name}]"),
                 ("flag", f"{name}.ONE is {name}['TWO']"), ("texts", f"list({name}.__members__)"), ("number", f"len({name})"),
                 ("text", f"str({name}.ONE)"), ("text", f"f'{{{name}.ONE}}'")]
        if mixed:
            kinds += [("text", f"{name}.ONE.upper()"), ("text", f"'/' + {name}.TWO")]
        for kind, expression in self.random.sample(kinds, 4):
            got = self.fresh()
            self.write(f"{got} = {expression}")
            self.names[kind].append(got)

    def dataclass_(self) -> None:
        name, made = self.fresh("D"), self.fresh("d")
        if self.random.random() < 0.5:
            self.write(self.random.choice(("@dataclass", "@dataclass(frozen=True)", "@dataclass(kw_only=False)")))
            self.write(f"class {name}:")
            self.write("    host: str")
            self.write(f"    port: int = {self.of('number', 1)}")
            self.write(f"    tags: list = field(default_factory=lambda: {self.of('texts', 1)})")
        elif self.random.random() < 0.5:
            self.write(f"class {name}(NamedTuple):")
            self.write("    host: str")
            self.write(f"    port: int = {self.of('number', 1)}")
            self.write("    tags: list = []")
        else:
            self.write(f"{name} = namedtuple('{name}', 'host port tags', defaults=({self.of('number', 1)}, []))")
        self.write(f"{made} = {name}({self.of('text', 1)}{self.random.choice(('', ', 3', ', port=4'))})")
        kinds = (("text", f"{made}.host"), ("number", f"{made}.port"), ("texts", f"list({made}.tags)"),
                 ("flag", f"{made} == {name}({made}.host, {made}.port, {made}.tags)"))
        for kind, expression in self.random.sample(kinds, 2):
            got = self.fresh()
            self.write(f"{got} = {expression}")
            self.names[kind].append(got)


def program(seed: int, statements: int = 14) -> str:
    """The program of a seed."""
    return Writer(seed).program(statements)
