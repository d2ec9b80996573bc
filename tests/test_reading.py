"""Reading a target folder: what is taken, what is listed, and that nothing outside is looked at."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readybook.errors import TargetError
from readybook.filekinds import reading_limit
from readybook.gitnames import parse_index
from readybook.project import Project
from readybook.reading import read_target


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def git(root: Path, *arguments: str) -> str:
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{role}_NAME": "t", f"GIT_{role}_EMAIL": "t@example.com"}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, env={**os.environ, **identity}
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {
            "app/main.py": "x = 1\n",
            "app/__init__.py": "",
            "backend/api/routes.py": "",
            "README.md": "hello\n",
            ".gitignore": ".env\n",
            ".env": "A=1\n",
            "app/naïve.py": "",
            **{f"app/package_{n}/module_with_a_long_name.py": "" for n in range(40)},
        },
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_reads_source_and_shipped_text_in_order(tmp_path: Path) -> None:
    names = {
        "z.py",
        "a/b.py",
        "Dockerfile",
        "deploy/web.Dockerfile",
        "compose.yml",
        ".env",
        "env.example",
        "Makefile",
        "requirements/base.txt",
        "requirements-dev.txt",
        "deps.in",
        "uv.lock",
        "nginx/site.conf",
        "Procfile",
        "start.sh",
        ".github/workflows/ci.yml",
        "docs/run.md",
        "package.json",
        "alembic/script.py.mako",
        "loadtest/smoke.js",
        ".gitignore",
        ".coveragerc",
        "k8s/app.yaml.j2",
        "web.service",
        "Jenkinsfile",
        "Caddyfile",
        "key.pem",
    }
    passed_by = {"logo.png", "web/app.js", "templates/page.html.jinja2", "notes.txt", "package-lock.json"}
    read = read_target(write(tmp_path, dict.fromkeys(sorted(names | passed_by), "x = 1\n")))
    assert list(read.files) == sorted(names)
    assert read.present == names | passed_by
    assert read.unreadable == ()
    assert (read.tracked, read.commit, read.app_dir) == (None, None, "")


@pytest.mark.parametrize(
    "folder",
    [
        ".git",
        ".hg",
        "node_modules",
        "__pycache__",
        "lib/python3.12/site-packages",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".eggs",
        ".venv",
        "build/lib",
        "dist/wheel",
    ],
)
def test_environments_and_products_are_passed_by(tmp_path: Path, folder: str) -> None:
    read = read_target(write(tmp_path, {"main.py": "", f"{folder}/inside.py": ""}))
    assert list(read.files) == ["main.py"]


def test_an_environment_of_any_name_is_passed_by_and_a_package_called_env_is_not(tmp_path: Path) -> None:
    read = read_target(
        write(
            tmp_path,
            {
                "main.py": "",
                "python/pyvenv.cfg": "",
                "python/x.py": "",
                "env/__init__.py": "",
                "env/reader.py": "",
                "build/__init__.py": "",
                "build/tasks.py": "",
                "venv/bin/python": "",
                "venv/lib/x.py": "",
            },
        )
    )
    assert list(read.files) == ["build/__init__.py", "build/tasks.py", "env/__init__.py", "env/reader.py", "main.py"]


def test_a_build_folder_is_source_when_git_tracks_it(repository: Path) -> None:
    write(repository, {"build/tool/run.py": "", "dist/wheel/copy.py": ""})
    git(repository, "add", "build/tool/run.py")
    files = read_target(repository).files
    assert "build/tool/run.py" in files
    assert "dist/wheel/copy.py" not in files


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("tests", {"tests/test_a.py", "pkg/tests/test_b.py"}),
        ("tests/", {"tests/test_a.py", "pkg/tests/test_b.py"}),
        ("pkg/tests", {"pkg/tests/test_b.py"}),
        ("pkg/**", {"pkg/tests/test_b.py"}),
        ("**/test_b.py", {"pkg/tests/test_b.py"}),
        ("./pkg/*", {"pkg/tests/test_b.py"}),
        ("*_b.py", {"pkg/tests/test_b.py"}),
        ("nothing", set()),
    ],
)
def test_exclude(tmp_path: Path, pattern: str, gone: set[str]) -> None:
    everything = {"tests/test_a.py", "pkg/tests/test_b.py", "main.py"}
    read = read_target(write(tmp_path, dict.fromkeys(everything, "")), (pattern,))
    assert set(read.files) == everything - gone


def test_what_cannot_be_read_is_listed_with_a_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.py": "",
            "null.py": b"a = 1\0",
            "latin.py": b"# caf\xe9\n",
            "declared.py": b"# coding: latin-1\n# caf\xe9\n",
            "bad_coding.py": b"# coding: nonsense\n",
            "rot.py": b"# coding: rot13\n",
            "puny.py": b"# coding: punycode\n",
            "undefined.py": b"# coding: undefined\n",
            "big.py": b"#" * (4 * 1024 * 1024 + 1),
            "compose.yml": b"\xff\xfe\0",
            "logo.png": b"\0",
            "big.json": b" " * (300 * 1024),
        },
    )
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pipe")
    read = read_target(tmp_path)
    reasons = dict(read.unreadable)
    assert set(reasons) == {
        "null.py",
        "latin.py",
        "bad_coding.py",
        "big.py",
        "compose.yml",
        "pipe.py",
        "rot.py",
        "puny.py",
        "undefined.py",
    }
    assert reasons["big.py"] == "larger than 4 MiB"
    assert reasons["pipe.py"] == "is not a regular file"
    assert "null" in reasons["null.py"]
    assert set(read.files) == {"main.py", "declared.py"}
    assert {"pipe.py", "big.json", "logo.png"} <= read.present


def test_requirements_written_by_powershell_are_read_and_kept(tmp_path: Path) -> None:
    data = "fastapi==0.115.0\r\n".encode("utf-16")
    read = read_target(write(tmp_path, {"main.py": "", "requirements.txt": data}))
    assert read.files["requirements.txt"].text == "fastapi==0.115.0\r\n"
    assert read.files["requirements.txt"].data == b"\xff\xfe" + "fastapi==0.115.0\r\n".encode("utf-16-le")


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"secret.py": "KEY = 1\n"})
    root = write(tmp_path / "target", {"main.py": "", "pkg/mod.py": ""})
    (root / "loop").symlink_to(root)
    (root / "pkg/again").symlink_to("../pkg")
    (root / "out").symlink_to(outside)
    (root / "stolen.py").symlink_to(outside / "secret.py")
    (root / "same.py").symlink_to("main.py")
    (root / "gone.py").symlink_to("nowhere.py")
    (root / "self.py").symlink_to("self.py")
    read = read_target(root)
    assert list(read.files) == ["main.py", "pkg/mod.py"]
    assert dict(read.unreadable) == {
        "out": "symbolic link that leaves the target",
        "stolen.py": "symbolic link that leaves the target",
        "gone.py": "symbolic link to nothing",
        "self.py": "symbolic link to nothing",
    }
    assert not any(str(tmp_path) in reason for _, reason in read.unreadable)
    assert "same.py" in read.present


def test_the_target_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real", {"main.py": ""})
    (tmp_path / "link").symlink_to("real")
    assert read_target(tmp_path / "link").name == "real"


def test_very_deep_folders_do_not_stop_the_walk(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": ""})
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("folder", dir_fd=here)
        below = os.open("folder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    read = read_target(tmp_path)
    assert list(read.files) == ["main.py"]
    assert any("folder cannot be read" in reason for _, reason in read.unreadable)
    subprocess.run(["rm", "-rf", str(tmp_path / "folder")], check=True)


def test_a_file_name_that_is_not_utf8_is_listed_escaped(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": ""})
    with open(os.fsencode(tmp_path) + b"/caf\xe9.py", "wb"):
        pass
    read = read_target(tmp_path)
    assert read.unreadable == (("caf\\xe9.py", "file name is not UTF-8"),)
    assert read.present == {"main.py"}


@pytest.mark.parametrize(
    "make",
    [
        lambda root: root / "missing",
        lambda root: write(root, {"file.py": ""}) / "file.py",
        lambda root: write(root, {"README.md": ""}),
    ],
)
def test_refuses_what_is_no_target(tmp_path: Path, make) -> None:
    target = make(tmp_path)
    with pytest.raises(TargetError, match=target.name):
        read_target(target)


def test_app_dir_is_inside_the_target(tmp_path: Path) -> None:
    write(tmp_path / "t", {"backend/src/main.py": ""})
    (tmp_path / "other").mkdir()
    root = tmp_path / "t"

    def app_dir(given: str) -> str:
        return read_target(root, (), given).app_dir

    assert app_dir("") == app_dir(".") == app_dir(str(root)) == ""
    assert (
        app_dir("backend/src/")
        == app_dir("./backend/../backend/src")
        == app_dir(str(root / "backend/src"))
        == "backend/src"
    )
    for wrong in ("..", "../other", str(tmp_path / "other"), "missing", "backend/src/main.py", "a\0b"):
        with pytest.raises(TargetError, match="app-dir"):
            app_dir(wrong)


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_git_index_versions(repository: Path, version: str) -> None:
    if version == "3":
        write(repository, {"later.py": ""})
        git(repository, "add", "-N", "later.py")
    else:
        git(repository, "update-index", "--index-version", version)
    listed = set(git(repository, "ls-files", "-z").split("\0")) - {""}
    data = (repository / ".git/index").read_bytes()
    read = read_target(repository)
    assert data[7:8] == bytes([int(version)])
    assert read.tracked == listed
    assert "app/naïve.py" in listed
    assert ".env" in read.files
    assert ".env" not in read.tracked


def test_commit_from_loose_packed_and_detached(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert read_target(repository).commit == head
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads").exists() or not any((repository / ".git/refs/heads").iterdir())
    assert read_target(repository).commit == head
    git(repository, "checkout", "-q", "--detach")
    assert read_target(repository).commit == head


def test_a_folder_of_a_repository(repository: Path) -> None:
    read = read_target(repository / "backend")
    assert read.tracked == {"api/routes.py"}
    assert read.commit == git(repository, "rev-parse", "HEAD")
    write(repository, {"fresh/main.py": ""})
    assert read_target(repository / "fresh").tracked is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda git: (git / "index").write_bytes(b"DIRC"),
        lambda git: (git / "index").write_bytes((git / "index").read_bytes()[:-30]),
        lambda git: ((git / "index").unlink(), os.mkfifo(git / "index")),
    ],
)
def test_a_damaged_index_is_not_known(repository: Path, damage) -> None:
    damage(repository / ".git")
    assert read_target(repository).tracked is None


def test_a_split_index_is_not_known(repository: Path) -> None:
    git(repository, "update-index", "--split-index")
    assert read_target(repository).tracked is None


def test_git_files_do_not_lead_out(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "token"
    outside.write_text("a" * 40 + "\n")
    (repository / ".git/HEAD").write_text(f"ref: refs/../../{os.path.relpath(outside, repository)}\n")
    assert read_target(repository).commit is None
    (repository / ".git/HEAD").unlink()
    (repository / ".git/HEAD").symlink_to(outside)
    assert read_target(repository).commit is None
    (repository / "sub").mkdir()
    write(repository / "sub", {"main.py": "", ".git": f"gitdir: {repository}/.git\n"})
    assert read_target(repository / "sub").tracked is None


def test_sha256_repository(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "", "app/x.py": ""})
    git(tmp_path, "init", "-q", "--object-format=sha256")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    read = read_target(tmp_path)
    assert read.tracked == {"main.py", "app/x.py"}
    assert read.commit == git(tmp_path, "rev-parse", "HEAD")
    assert len(read.commit) == 64


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 4), st.integers(0, 3), st.binary(max_size=300))
def test_any_bytes_as_index_give_an_answer(version: int, count: int, body: bytes) -> None:
    data = b"DIRC" + version.to_bytes(4, "big") + count.to_bytes(4, "big") + body
    names = parse_index(data + hashlib.sha1(data).digest())
    assert names is None or len(names) <= count


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a.py", "b/c.py", "compose.yml", ".env", "b/x.toml", "k.json"]),
        st.binary(max_size=40),
        max_size=6,
    )
)
def test_any_content_is_read_or_listed(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read = read_target(write(Path(folder), {"main.py": "", **files}))
    listed = {path for path, _ in read.unreadable}
    for path, data in files.items():
        limit = reading_limit(path)
        assert limit is not None
        assert (path in read.files) != (path in listed) or not limit.listed
        if path in read.files:
            assert read.files[path].data == data


def test_project_open(tmp_path: Path) -> None:
    project = Project.open(write(tmp_path / "shop", {"src/main.py": "x = 1\n"}), app_dir="src")
    assert (project.name, project.app_dir, project.text("src/main.py")) == ("shop", "src", "x = 1\n")
