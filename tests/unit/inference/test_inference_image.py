"""What the container's image is made of, checked without building it."""

import ast
import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "name", ["inference.txt", "lane.txt", "openvino.txt", "onnx.txt", "sam.txt", "transformers.txt"]
)
def test_all_lists_name_the_same_version_of_a_package(name: str) -> None:
    known = {package: pin for other in LISTS for package, pin in by_package(other).items()}
    assert by_package(name)
    assert all(known.get(package, pin) == pin for package, pin in by_package(name).items())


LISTS = ("dev.txt", "demo.txt", "inference.txt", "sam.txt", "transformers.txt", "onnx.txt")


def by_package(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pin in pins(name):
        found.setdefault(pin.partition("==")[0], set()).add(pin.partition(";")[0].strip())
    return found


def test_the_image_installs_what_everyone_else_tests_with() -> None:
    assert pins("inference.txt") <= pins("demo.txt")
    assert pins("inference.txt") <= pins("dev.txt")


@pytest.mark.parametrize("path", sorted((REPOSITORY / "requirements").iterdir()), ids=lambda path: path.name)
def test_no_list_names_a_registry(path: Path) -> None:
    assert "://" not in path.read_text()
    assert "index-url" not in path.read_text()


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


def test_the_image_starts_as_the_platforms_start_it() -> None:
    """SageMaker adds the word `serve`; neither it nor Lambda wants the image to name a user."""
    stages = stages_of((CONTAINER / "Dockerfile").read_text())
    assert 'ENTRYPOINT ["python", "-m", "inference_container.server"]' in stages["server"]
    assert 'CMD ["serve"]' in stages["server"]
    assert 'ENTRYPOINT ["python", "-m", "awslambdaric"]' in stages["lane"]
    assert 'CMD ["inference_container.lane.handler"]' in stages["lane"]
    assert not any(line.startswith("USER") for lines in stages.values() for line in lines)


def test_a_change_of_the_code_pushes_the_code_alone() -> None:
    """What is installed comes before the code, in each stage and in the stages that it is made from."""
    stages = stages_of((CONTAINER / "Dockerfile").read_text())
    for stage in ("server", "lane"):
        lines = stages[stage]
        code = next(number for number, line in enumerate(lines) if line.startswith("COPY maskmill"))
        assert not any("pip install" in line for line in lines[code:])
    for stage in ("classic", "cpu", "gpu", "engines"):
        assert not any(line.startswith(("COPY maskmill", "COPY inference_container")) for line in stages[stage])


def test_the_image_is_given_what_it_copies() -> None:
    ignored = (CONTAINER / "Dockerfile.dockerignore").read_text().splitlines()
    for lines in stages_of((CONTAINER / "Dockerfile").read_text()).values():
        for line in lines:
            if line.startswith("COPY"):
                assert all(f"!{source}" in ignored for source in line.split()[1:-1])


def stages_of(dockerfile: str) -> dict[str, list[str]]:
    """The instructions of each stage, continued lines joined."""
    stages: dict[str, list[str]] = {"": []}
    name = ""
    for line in re.sub(r"\\\n\s*", "", dockerfile).splitlines():
        if line.startswith("FROM "):
            name = line.split(" AS ")[1]
            stages[name] = []
        elif line and not line.startswith("#"):
            stages[name].append(line)
    return stages
