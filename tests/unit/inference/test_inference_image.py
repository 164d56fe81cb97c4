"""What the container's image is made of, checked without building it."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
CONTAINER = REPOSITORY / "inference_container"


def pins(name: str) -> set[str]:
    lines = (REPOSITORY / "requirements" / name).read_text().splitlines()
    return {line.rstrip(" \\") for line in lines if re.match(r"[A-Za-z]", line)}


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_image_installs_what_everyone_else_tests_with() -> None:
    assert pins("inference.txt") <= pins("demo.txt")
    assert pins("inference.txt") <= pins("dev.txt")


def test_the_image_holds_all_that_the_server_imports() -> None:
    own = {name for path in CONTAINER.rglob("*.py") for name in imports_of(path) if name.startswith("maskmill")}
    assert own
    assert all(name.startswith("maskmill.core.") for name in own)


def test_torch_and_boto3_stay_in_their_files() -> None:
    users = {
        library: {str(path.relative_to(CONTAINER)) for path in CONTAINER.rglob("*.py") if _uses(path, library)}
        for library in ("torch", "segment_anything", "boto3", "botocore")
    }
    assert all(user.startswith("segmenters/") and "classic" not in user for user in users["torch"])
    assert users["segment_anything"] <= users["torch"]
    assert users["boto3"] == users["botocore"] == {"objects.py"}


def _uses(path: Path, library: str) -> bool:
    return any(name.split(".")[0] == library for name in imports_of(path))


def test_the_entry_point_takes_the_platforms_argument() -> None:
    dockerfile = (CONTAINER / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "-m", "inference_container.server"]' in dockerfile
    assert "USER" not in dockerfile.replace("users", "")
