"""ARC019: computing in the event loop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Reached
from readybook.facts.reach import Reaching
from readybook.finding import Answer
from readybook.intents import EnsureImport, ReplaceExpression
from readybook.patterns import regex

# C code that lets other threads run meanwhile: a thread helps
RELEASING: dict[str, str] = {
    r"(?:bcrypt)\.(?:hashpw|checkpw|kdf)": "hashes a password",
    r"passlib\.context\.CryptContext\.(?:hash|verify|verify_and_update)": "hashes a password",
    r"pwdlib\.PasswordHash\.(?:hash|verify|verify_and_update)": "hashes a password",
    r"argon2\.PasswordHasher\.(?:hash|verify)": "hashes a password",
    r"werkzeug\.security\.(?:generate|check)_password_hash": "hashes a password",
    r"hashlib\.(?:pbkdf2_hmac|scrypt)": "hashes a password",
    r"PIL\.Image\.(?:open\(\)|Image)\.(?:resize|thumbnail|convert|save|rotate|filter)": "works on an image",
    r"cv2\.(?:imread|imdecode|imencode|resize|cvtColor|GaussianBlur|imwrite)": "works on an image",
    r"(?:zlib|gzip|bz2|lzma)\.(?:compress|decompress)": "compresses",
    r"numpy\.linalg\.\w+": "computes with matrices", r"torch\.(?:load|jit\.load)": "loads a model",
}
# Python code that keeps the interpreter to itself: a thread changes nothing, a process does
HOLDING: dict[str, str] = {
    r"pandas\.(?:read_(?:csv|excel|json|parquet|sql|sql_query|sql_table)|DataFrame\.to_(?:excel|csv|parquet|sql))":
        "reads or writes a table with pandas",
    r"openpyxl\.(?:load_workbook|Workbook\.save|workbook\.Workbook\.save)": "reads or writes a workbook",
    r"(?:pypdf|PyPDF2)\.(?:PdfReader|PdfWriter\.write|PdfMerger\.write)": "reads or writes a PDF",
    r"(?:pdfplumber|fitz|pymupdf)\.open": "reads a PDF",
    r"weasyprint\.HTML\.write_pdf|xhtml2pdf\.pisa\.CreatePDF|reportlab\.\w+(?:\.\w+)*\.build": "makes a document",
    r"sklearn\.\w+(?:\.\w+)*\.(?:fit|predict|predict_proba|fit_transform)": "runs a model",
    r"transformers\.pipeline(?:\(\)\.__call__)?": "runs a model",
    r"sentence_transformers\.SentenceTransformer(?:\.encode)?": "runs a model",
    r"whisper\.load_model|easyocr\.Reader(?:\.readtext)?|pytesseract\.image_to_(?:string|data)": "runs a model",
    r"zipfile\.ZipFile\.(?:extractall|writestr)|shutil\.make_archive|tarfile\.open\(\)\.extractall": "packs files",
}
_RELEASING = regex("|".join(f"(?:{p})" for p in RELEASING))
_HOLDING = regex("|".join(f"(?:{p})" for p in HOLDING))
MEDIUM = ("hashes", "compresses", "packs", "reads or writes a workbook", "reads a PDF", "reads or writes a PDF")


class CpuWorkInHandler(Check):
    """Computing runs in the event loop: while one request is worked on, every other one waits.

    Looked at: password hashing, image work, compression, PDF and office documents, data frames and model inference in
    everything that the event loop runs for a request, through the project's own functions. Plain ``def`` handlers run
    in threads, and so does what is handed to ``to_thread`` or ``run_in_threadpool``.

    Fix: C code that releases the interpreter (hashing, images, compression) moves to a thread where the call is one
    expression of an async function. Python code does not get faster in a thread: a process pool or a queue, by hand.
    """

    id = "ARC019"
    name = "cpu-work-in-handler"
    category = "architecture"
    severity = "high"
    hours = Hours(2, 6, 16, each=2)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/async/#very-technical-details",
                  "https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code")
    suppressed_by = ("PER001",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each computing call that the event loop runs; a Right for those that threads run."""
        behaviour = project.facts.behaviour
        wanted = {path for path in behaviour.by_path if _RELEASING.fullmatch(path) or _HOLDING.fullmatch(path)}
        if not wanted:
            yield NotApplicable("nothing that computes for long is called")
            return
        computing = Reaching(behaviour, (c for c in behaviour.calls if c.path in wanted and not c.awaited))
        in_loop: dict[int, Reached] = {}
        elsewhere: dict[int, Reached] = {}
        for entry in behaviour.entries:
            for reached in computing.by(entry):
                (in_loop if entry.in_loop else elsewhere).setdefault(id(reached.call), reached)
        for reached in in_loop.values():
            yield _finding(reached)
        for key, reached in elsewhere.items():
            if key not in in_loop:
                yield Right(reached.call.place, "a thread runs it")
        if not in_loop and not elsewhere:
            yield NotApplicable("what computes for long does not run for a request")


def _finding(reached: Reached) -> Finding:
    call, entry = reached.call, reached.entry
    releasing = _RELEASING.fullmatch(call.path) is not None
    table = RELEASING if releasing else HOLDING
    what = next(text for pattern, text in table.items() if re.fullmatch(pattern, call.path))
    way = f", called through {' and '.join(s.call.last + '()' for s in reached.chain)}," if reached.chain else ""
    return Finding(
        call.place, f"{call.path}() {what} in the event loop{way} for {entry.function.name}(): all other requests of "
        "this process wait for it.", "medium" if what.startswith(MEDIUM) else "high",
        confidence="high" if releasing else "medium", chain=tuple(s.place for s in reached.chain)[:5],
        fix=_fix(reached, releasing))


def _fix(reached: Reached, releasing: bool) -> Fix:
    call = reached.call
    title = "Run it in a thread" if releasing else "Run it in a process pool or a worker"
    function = call.site.function
    if not releasing:
        return advice(title, "it is Python code, which keeps the interpreter to itself in a thread too")
    if function is None or not function.is_async or function.node[0] != "def":
        return advice(f"{title}: await run_in_threadpool(…) in the async function that calls it",
                      "the call stands in a plain function, whose callers would have to await it")
    written = call.written
    if written is None or "\n" in written[1]:
        return advice(title, "the call is not one expression in one line")
    callee, arguments = written
    old = f"{callee}({arguments})"
    new = f"await run_in_threadpool({callee}{', ' + arguments if arguments else ''})"
    return Fix(title, (EnsureImport(call.place.path, "fastapi.concurrency", "run_in_threadpool"),
                       ReplaceExpression(call.place, old, new)),
               safety="safe", reason="the same call with the same arguments, in one of the server's threads")


APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
HASH = ("import bcrypt\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post(\"/login\")\n"
        "async def login(password: str, known: str) -> bool:\n"
        "    return {}\n")
CHECK = "bcrypt.checkpw(password.encode(), known.encode())"
CpuWorkInHandler.examples = (
    Bad({"main.py": HASH.format(CHECK)}, at=("main.py:9",), severity="medium",
        fixed={"main.py": HASH.replace("FastAPI\n\napp", "FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n"
             "\napp")
               .format("await run_in_threadpool(bcrypt.checkpw, password.encode(), known.encode())")}),
    Bad({"tables.py": "import pandas as pd\n\n\ndef load(path: str) -> int:\n    return len(pd.read_csv(path))\n",
         "main.py": "from fastapi import FastAPI\nfrom tables import load\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "async def home(path: str) -> int:\n    return load(path)\n"}, at=("tables.py:5",), severity="high"),
    Bad({"main.py": "from passlib.context import CryptContext\nfrom fastapi import Depends, FastAPI\n\n"
         "app = FastAPI()\n"
         "crypt = CryptContext(schemes=[\"argon2\"])\n\n\nasync def user(password: str) -> bool:\n"
         "    return crypt.verify(password, \"x\")\n\n\n@app.get(\"/\")\ndef home(ok: bool = Depends(user)) -> bool:\n"
         "    return ok\n"}, at=("main.py:9",)),
    Good({"main.py": HASH.replace("async def", "def").format(CHECK)}),
    Good({"main.py": "import asyncio\n" + HASH.format(
        "await asyncio.to_thread(bcrypt.checkpw, password.encode(), known.encode())")}, outcome="not_applicable"),
    Good({"main.py": APP + "import hashlib\n\n\n@app.get(\"/\")\nasync def tag(text: str) -> str:\n"
          "    return hashlib.sha256(text.encode()).hexdigest()\n"}, outcome="not_applicable"),
)
