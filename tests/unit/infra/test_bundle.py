from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow
import pytest

from infra import bundle
from infra.bundle import HOST, Bundle, BundleFailed, Target, build

PLAIN = Bundle(name="plain", lock="lock.txt", leaves_out=("maskmill/imaging", "maskmill/client.py"))
ELSEWHERE = Target(name="elsewhere", python="3.99", machine="arm64", platform="aarch64-manylinux_2_28")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a lock of nothing: uv is called and has nothing to install."""
    sources = {
        "lock.txt": "",
        "lambdas/do_it/handler.py": "def handler(event, context): return 1\n",
        "maskmill/core/keys.py": "",
        "maskmill/core/notes.txt": "",
        "maskmill/imaging/edit.py": "",
        "maskmill/client.py": "",
    }
    for name, text in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name for name in archive.namelist() if "__pycache__" not in name}


def again(repository: Path, target: Target = HOST) -> bundle.Built:
    build.cache_clear()
    return build(PLAIN, target, root=repository)


def test_a_bundle_holds_the_sources_except_what_it_leaves_out(repository: Path) -> None:
    assert names(again(repository).path) == {"lambdas/do_it/handler.py", "maskmill/core/keys.py"}


def test_a_bundle_for_this_python_needs_no_compiling_at_its_start(repository: Path) -> None:
    with zipfile.ZipFile(again(repository).path) as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".pyc")]
        assert len(compiled) == 2
        flags = int.from_bytes(archive.read(compiled[0])[4:8], "little")
    assert flags == 0b01, "by hash, and not checked against the source"


def test_a_bundle_for_another_python_holds_no_byte_code(repository: Path) -> None:
    with zipfile.ZipFile(again(repository, ELSEWHERE).path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]


@pytest.mark.parametrize("target", [HOST, ELSEWHERE], ids=["with byte code", "without"])
def test_the_same_sources_give_the_same_bytes(repository: Path, target: Target) -> None:
    words = ", ".join(f'"word {number}"' for number in range(30))
    (repository / "maskmill/core/keys.py").write_text(f"def known(word):\n    return word in {{{words}}}\n")
    first = again(repository, target)
    content = first.path.read_bytes()
    for path in (repository / "build" / "bundles").iterdir():
        path.unlink()
    second = again(repository, target)
    assert second == first
    assert second.path.read_bytes() == content


def test_nothing_is_compiled_where_a_bundle_is_imported(repository: Path, tmp_path: Path) -> None:
    """A function's folder can only be read: what has no byte code is compiled at every cold start."""
    unpacked = tmp_path / "task"
    with zipfile.ZipFile(again(repository).path) as archive:
        archive.extractall(unpacked)
    for path in unpacked.rglob("*.py"):
        os.utime(path, (0, 0))  # as no date of any byte code says it
    code = (
        "import importlib._bootstrap_external as loading\n"
        "def refused(*_, **__): raise SystemExit('compiled at import')\n"
        "loading.SourceLoader.source_to_code = refused\n"
        "import lambdas.do_it.handler as found; print(found.__cached__)"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.strip().endswith(".pyc")


def test_nothing_is_made_twice(repository: Path) -> None:
    made_ns = again(repository).path.stat().st_mtime_ns
    assert again(repository).path.stat().st_mtime_ns == made_ns


def test_a_changed_source_is_another_bundle_on_the_same_wheels(repository: Path) -> None:
    first = again(repository)
    (repository / "maskmill/core/keys.py").write_text("X = 1\n")
    second = again(repository)
    assert first.digest != second.digest
    assert len(list((repository / "build" / "bundles").glob("wheels-*"))) == 1


def test_a_lock_that_cannot_be_installed_says_what_uv_said(repository: Path) -> None:
    (repository / "lock.txt").write_text("this is no requirement\n")
    with pytest.raises(BundleFailed, match="uv pip install"):
        again(repository)


def test_nothing_unfinished_is_left_behind(repository: Path) -> None:
    again(repository)
    left = {path.name for path in (repository / "build" / "bundles").iterdir()}
    assert all(name.endswith(".zip") for name in left)


def test_parquet_is_written_without_what_is_stripped(tmp_path: Path) -> None:
    """pyarrow's wheel has 165 MB, more than half of what a function may have; a third of it is for other purposes."""
    installed = Path(pyarrow.__file__).parent
    shutil.copytree(installed, tmp_path / "pyarrow", ignore=shutil.ignore_patterns("tests", "*.pyi", "__pycache__"))
    before = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    for path in bundle.stripped(tmp_path, bundle.EXPORTS):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    after = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert before - after > 50 * 2**20
    code = (
        "import io, pyarrow; from maskmill.exports.parquet import write_parquet; out = io.BytesIO();"
        "write_parquet([], out); print(pyarrow.__file__, len(out.getvalue()))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}{os.pathsep}{bundle.ROOT}"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(str(tmp_path))
