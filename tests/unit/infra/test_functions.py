from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import shapes
from infra.bundle import ROOT
from infra.config import STAGES
from infra.shapes import Shape
from infra.slimming import SERVICES
from maskmill.core import settings
from tests.unit.infra.cloud import Cloud, Resource

SHAPES = {value.verb: value for value in vars(shapes).values() if isinstance(value, Shape)}
PROVIDED_AS = {
    "aws_lambda_powertools": "aws-lambda-powertools",
    "botocore": "botocore",
    "dateutil": "python-dateutil",
    "PIL": "pillow",
}


def bundled(cloud: Cloud) -> list[Resource]:
    """The functions of lambdas/; the lane is an image."""
    return [function for function in cloud.resources("Lambda::Function") if "Handler" in function.properties]


def verb_of(function: Resource) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function.name.removesuffix("/Function")).lower()


def test_every_folder_with_a_handler_is_a_function(cloud: Cloud) -> None:
    verbs = {handler.parent.name for handler in (ROOT / "lambdas").glob("*/handler.py")}
    assert {verb_of(function) for function in bundled(cloud)} == verbs == set(SHAPES)


def test_the_environment_of_each_function_is_what_it_reads(cloud: Cloud) -> None:
    for function in bundled(cloud):
        variables = function.properties["Environment"]["Variables"]
        kind = getattr(settings, function.name.removesuffix("/Function") + "Settings")
        texts = {name: cloud.text(function.stack, value) for name, value in variables.items()}
        held = kind.from_env(texts)
        assert set(variables) - {name for name in variables if name.startswith("POWERTOOLS_")} == set(held.to_env())
        assert getattr(held, "table_name", "<Table>") == "<Table>"
        for name, text in texts.items():
            if name.endswith("_QUEUE_URL"):
                assert text == f"<{name.removesuffix('_QUEUE_URL').capitalize()}Queue/Queue>"
            if name.endswith("_BUCKET"):
                assert text == f"<{name.removesuffix('_BUCKET').capitalize()}>"


def test_functions_name_their_handler_and_say_where_they_log(cloud: Cloud) -> None:
    for function in bundled(cloud):
        verb = verb_of(function)
        assert function.properties["Handler"] == f"lambdas.{verb}.handler.handler"
        assert function.properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == verb
        log = cloud.text(function.stack, function.properties["LoggingConfig"]["LogGroup"]).strip("<>")
        group = cloud.named(log, "Logs::LogGroup").properties
        assert group["LogGroupName"] == f"/aws/lambda/{function.properties['FunctionName']}"
        assert group["RetentionInDays"] == STAGES[cloud.stage].log_days


def test_on_aws_functions_run_on_arm_and_the_python_that_bundles_are_made_for(prod: Cloud) -> None:
    for function in bundled(prod):
        assert function.properties["Architectures"] == ["arm64"]
        assert function.properties["Runtime"] == "python3.13"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_bundle_holds_everything_that_its_functions_import(shape: Shape) -> None:
    lock = (ROOT / shape.bundle.lock).read_text()
    installed = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    for module, importer in reachable(f"lambdas.{shape.verb}.handler"):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names:
            continue
        if top in {"lambdas", "maskmill"}:
            path = module.replace(".", "/")
            assert not path.startswith(shape.bundle.leaves_out), f"{importer} imports {module}"
        else:
            package = PROVIDED_AS.get(top, top.replace("_", "-"))
            assert package in installed, f"{importer} imports {module}"


def reachable(first: str) -> Iterator[tuple[str, str]]:
    """Every module that is imported, directly or through our own modules, with one that imports it."""
    seen: set[str] = set()
    waiting = [(first, "the service")]
    while waiting:
        module, importer = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        yield module, importer
        path = source_of(module)
        if path is not None:
            waiting += [(name, module) for name in imports(path)]


def source_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return next((candidate for candidate in candidates if candidate.exists()), None)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if source_of(f"{node.module}.{alias.name}")
            )


def test_the_models_of_all_called_services_are_bundled() -> None:
    text = "".join(path.read_text() for path in (ROOT / "lambdas").rglob("*.py"))
    called = set(re.findall(r"_Client\(\s*\"([a-z0-9-]+)\"", text))
    assert called
    assert called <= SERVICES


def test_only_functions_whose_chains_end_with_a_job_may_go_on_for_long(cloud: Cloud) -> None:
    allowed = {
        function.name.removesuffix("/Function")
        for function in cloud.resources("Lambda::Function")
        if function.properties.get("RecursiveLoop") == "Allow"
    }
    assert allowed == {"PlanJob", "DispatchShard"}


def test_the_window_of_a_job_keeps_every_instance_busy_and_the_scaling_informed() -> None:
    for stage in STAGES.values():
        plan = stage.endpoint
        assert plan.window_shards >= 2 * plan.instances_max * plan.invocations_per_instance
