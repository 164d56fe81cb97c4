"""The real command against the fake service: whole runs, JSON for scripts, exit statuses and words for mistakes."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from maskmill.cli.bars import columns_on
from maskmill.cli.failures import shared_first
from maskmill.cli.main import app
from maskmill.client import Client
from maskmill.client.session import CognitoToken, read_profile
from maskmill.core.prompt import Placement, Template
from maskmill.core.recipe import Recipe
from tests.unit.client.fake_service import OPEN_STATES, FakeService, problem

REPOSITORY = Path(__file__).resolve().parents[3]
PRINTABLE = {"\n", *map(chr, range(32, 127))}


class Shell:
    """Runs the command in this process, in a folder of its own, signed in at the fake service."""

    def __init__(self, service: FakeService, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.environ = {"MASKMILL_API": service.url, "MASKMILL_TOKEN": service.token, "XDG_CONFIG_HOME": str(folder)}

    def __call__(self, *arguments: str | Path, status: int = 0, **environ: str | None) -> Any:
        outcome = CliRunner().invoke(app, [str(one) for one in arguments], env={**self.environ, **environ})
        assert outcome.exit_code == status, (outcome.stdout, outcome.stderr, outcome.exception)
        assert "Traceback" not in outcome.stderr
        return outcome

    def json(self, *arguments: str | Path, status: int = 0, **environ: str | None) -> Any:
        """The one document that the command prints."""
        return json.loads(self("--json", *arguments, status=status, **environ).stdout)

    def lines(self, *arguments: str | Path, status: int = 0) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json", status=status).stdout.splitlines()]


@pytest.fixture
def shell(service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(service, tmp_path)


def run_arguments(photos: Path, out: Path) -> list[str | Path]:
    return ["run", photos, "-t", "cap=photo1.jpg:200px,0.4", "-e", "cap:hue=40", "-e", "cap:blur=3", "--out", out]


def test_a_run_goes_from_photos_to_a_dataset(shell: Shell, service: FakeService, photos: Path, tmp_path: Path) -> None:
    outcome = shell(*run_arguments(photos, tmp_path / "out"))
    assert "Photos: 3 sent, 0 held already, 0 refused" in outcome.stdout
    assert "succeeded (3 done)" in outcome.stdout
    assert f"Results: {tmp_path / 'out'}" in outcome.stdout
    assert "Waiting for the segmenter: 0 of 3" in outcome.stderr
    assert len(list((tmp_path / "out" / "variants").iterdir())) == 6
    template = service.templates["d0"][0]
    assert template["prompt"]["points"] == [{"x": 200.5 / 400, "y": 0.4, "positive": True}]
    assert service.datasets[0]["name"] == "caps"


def test_a_second_run_sends_and_fetches_nothing_twice(
    shell: Shell, service: FakeService, photos: Path, tmp_path: Path
) -> None:
    first = shell.json(*run_arguments(photos, tmp_path / "out"))
    service.store.posts.clear()
    service.script = []
    second = shell.json(*run_arguments(photos, tmp_path / "out"))
    assert (second["upload"]["sent"], service.store.posts) == (0, [])
    assert second["templates"] == first["templates"]
    assert len(service.datasets) == 1
    assert second["job"]["job_id"] != first["job"]["job_id"]
    assert second["sync"]["kept"] == 12  # what lies under a job's own name (the lists) comes again


def test_the_same_key_is_the_same_job(shell: Shell, service: FakeService, photos: Path, tmp_path: Path) -> None:
    service.script = []
    jobs = [shell.json(*run_arguments(photos, tmp_path / "out"), "--key", "mine")["job"]["job_id"] for _ in range(2)]
    assert len(set(jobs)) == 1
    arguments = [*run_arguments(photos, tmp_path / "out"), "--key", "mine", "--samples", "2"]
    assert shell.json(*arguments, status=1)["error"]["code"] == "idempotency_mismatch"


def test_a_run_with_bad_photos_and_failed_items_is_partial(shell: Shell, photos: Path, tmp_path: Path) -> None:
    (photos / "text.jpg").write_bytes(b"TEXT")
    (photos / "fails.jpg").write_bytes(b"GOOD but the model fails")
    (photos / "notes.txt").write_bytes(b"x")
    outcome = shell(*run_arguments(photos, tmp_path / "out"), status=1)
    for words in ("partial (3 done, 2 failed)", "unsupported_format", "model_failed", "fails.jpg", "notes.txt"):
        assert words in outcome.stdout
    assert outcome.stdout.count("text.jpg") == 1  # refused once, told once
    document = shell.json(*run_arguments(photos, tmp_path / "out"), status=1)
    assert not document["complete"]
    assert {item["name"]: item["refusal"]["code"] for item in document["unwell"]} == {
        "text.jpg": "unsupported_format",
        "fails.jpg": "model_failed",
    }


def test_without_a_terminal_no_control_characters_are_written(
    shell: Shell, service: FakeService, photos: Path, tmp_path: Path
) -> None:
    service.script = list(OPEN_STATES)
    (photos / "bad\x1b[31mred\x07.jpg").write_bytes(b"TEXT")
    outcome = shell(*run_arguments(photos, tmp_path / "out"), status=1)
    text = (outcome.stdout + outcome.stderr).replace("\ufffd", "").replace("─", "")
    assert set(text) <= PRINTABLE
    steps = [line.split(":")[0].split(",")[0] for line in outcome.stderr.splitlines()]
    assert steps == [
        "Looking at the files",
        "Uploading",
        "Examining the photos",
        "Planning the job",
        "Waiting for the segmenter",
        "Rendering",
        "Downloading",
    ]


@pytest.mark.parametrize("columns", [50, 60, 80, 120])
def test_a_narrow_terminal_cuts_words_and_never_counts_or_times(columns: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=columns)
    bars = columns_on(console)
    bars.add_task("Waiting for the segmenter", total=2000, completed=1234, text="700 pending, 60 rendering, 6 failed")
    console.print(bars.get_renderable())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1234/2000" in text
    assert "0:00:00" in text
    assert text.count("\n") == 1


def test_json_is_one_document_on_stdout(shell: Shell, photos: Path, tmp_path: Path) -> None:
    document = shell.json(*run_arguments(photos, tmp_path / "out"))
    assert document["complete"] is True
    assert document["out"] == str(tmp_path / "out")
    assert {"hashing", "uploading", "waiting", "downloading"} <= set(document["seconds"])
    assert document["upload"]["files"][0]["notes"] == ["turned_upright"]


def test_a_recipe_file_names_templates_by_name(
    shell: Shell, service: FakeService, photos: Path, tmp_path: Path
) -> None:
    recipe = {"templates": ["cap"], "layers": [{"region": "cap", "edits": {"hue": 10.0}}], "output": {"format": "png"}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    shell("run", photos, "-t", "cap=whole", "--recipe", tmp_path / "recipe.json", "--out", tmp_path / "out")
    job = next(iter(service.jobs.values()))
    assert (job["recipe"].templates, job["recipe"].layers[0].region) == (("p0",), "p0")
    again = shell("run", photos, "-e", "cap:hue=10", "--out", tmp_path / "out")  # a template that exists already
    assert "succeeded" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to find"),
        (["-t", "cap"], "The form is NAME=IMAGE:x,y"),
        (["-t", "cap=whole", "-e", "cap:hue=900"], "hue takes -180 to 180"),
        (["-t", "cap=whole", "-e", "cap:cutout=blur", "-e", "cap:hue=1", "--stacked"], "only the last layer"),
        (["-t", "cap=whole", "--samples", "900"], "--samples"),
        (["-t", "cap=whole", "--format", "gif"], "--format"),
        (["-t", "cap=whole", "--key", "x" * 200], "--key"),
    ],
)
def test_wrong_usage_is_status_2_before_anything_is_sent(
    shell: Shell, service: FakeService, photos: Path, arguments: list[str], words: str
) -> None:
    assert words in shell("run", photos, *arguments, status=2).stderr
    assert service.calls == []


def test_a_folder_that_does_not_exist_is_wrong_usage(shell: Shell) -> None:
    assert "does not exist" in shell("run", "nowhere", "-t", "cap=whole", status=2).stderr


def test_a_template_on_a_missing_picture_stops_before_the_upload(
    shell: Shell, service: FakeService, photos: Path
) -> None:
    outcome = shell("run", photos, "-t", "cap=other.jpg:0.5,0.5", "-e", "cap:hue=1", status=1)
    assert "clicked on 'other.jpg', but there is no such picture" in outcome.stderr
    assert service.store.posts == []


def test_an_edit_of_an_unknown_template_stops_before_the_upload(
    shell: Shell, service: FakeService, photos: Path
) -> None:
    outcome = shell("run", photos, "-t", "cap=whole", "-e", "cpa:hue=1", status=1)
    assert "There is no template 'cpa'" in outcome.stderr
    assert service.store.posts == []


def test_samples_of_edits_that_do_not_vary_are_remarked(shell: Shell, photos: Path, tmp_path: Path) -> None:
    run = ["run", photos, "-t", "cap=whole", "--out", tmp_path / "out", "--samples", "3"]
    words = "--samples makes equal pictures of cap"
    assert words in shell(*run, "-e", "cap:hue=10").stderr
    assert words not in shell(*run, "-e", "cap:hue=-40..40").stderr
    assert words in shell(*run, "-e", "cap:hue=-40..40", "-e", "cap:blur=3").stderr
    assert words not in shell(*run, "-e", "cap:hue=-40..40", "-e", "cap:blur=3", "--stacked").stderr


def test_photos_of_equal_content_are_counted_once_and_named(shell: Shell, photos: Path, tmp_path: Path) -> None:
    (photos / "photo9.jpg").write_bytes((photos / "photo0.jpg").read_bytes())
    outcome = shell(*run_arguments(photos, tmp_path / "out"))
    assert "Photos: 3 sent, 0 held already, 0 refused" in outcome.stdout
    assert "same content as photo0.jpg" in outcome.stdout


def test_a_template_on_a_refused_picture_says_why(shell: Shell, photos: Path) -> None:
    (photos / "text.jpg").write_bytes(b"TEXT")
    outcome = shell("run", photos, "-t", "cap=text.jpg:0.5,0.5", status=1)
    assert "which was refused. refused: unsupported_format" in outcome.stderr


def test_an_empty_folder_and_a_folder_of_bad_photos_say_so(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert "There is no picture" in shell("run", "none", "-t", "cap=whole", status=1).stderr
    (tmp_path / "none" / "a.jpg").write_bytes(b"")
    assert "a.jpg: refused: empty_file" in shell("run", "none", "-t", "cap=whole", status=1).stderr


def test_not_signed_in_is_status_3(shell: Shell, photos: Path) -> None:
    outcome = shell("datasets", "list", status=3, MASKMILL_API=None, MASKMILL_TOKEN=None)
    assert "You are not signed in. Run `maskmill login`" in outcome.stderr
    assert shell.json("jobs", "list", status=3, MASKMILL_TOKEN="bad")["error"] == {
        "code": "unauthenticated",
        "message": "Sign in first: the request has no valid access token.",
        "request_id": "gw-1",
        "errors": [],
    }


def test_an_unavailable_service_is_status_4(shell: Shell, service: FakeService) -> None:
    service.faults = [("POST /api/v1/datasets", problem(503, "unavailable"))] * 9
    outcome = shell("datasets", "create", "x", status=4)
    assert outcome.stderr == "Error: words of unavailable (unavailable, request req-7)\n"


def test_a_refusal_shows_its_fields(shell: Shell, service: FakeService) -> None:
    fault = {"pointer": "/name", "detail": "too long"}
    service.faults = [("POST /api/v1/datasets", problem(422, "invalid_request", errors=[fault]))]
    assert "  /name: too long\n" in shell("datasets", "create", "x", status=1).stderr


def test_the_separate_steps_do_what_a_run_does(
    shell: Shell, service: FakeService, photos: Path, tmp_path: Path
) -> None:
    service.script = []
    assert shell("datasets", "create", "mine").stdout == "d0\n"
    assert shell.json("upload", photos, "--dataset", "mine")["ready"] == 3
    assert [image["status"] for image in shell.lines("images", "mine")] == ["ready"] * 3
    made = shell.lines("templates", "create", "mine", "cap=photo0.jpg:0.5,0.5;!0.1,0.1")
    assert [one["template_id"] for one in made] == ["p0"]
    assert shell.lines("templates", "list", "d0") == made
    job = shell("jobs", "submit", "mine", "-e", "cap:hue=-40..40", "--samples", "2").stdout.strip()
    assert shell.lines("jobs", "watch", job)[-1]["status"] == "succeeded"
    assert shell.json("jobs", "show", job)["job"]["job_id"] == job
    assert len(shell.lines("jobs", "items", job)) == len(shell.lines("jobs", "items", job, "--status", "done")) == 3
    assert [one["job_id"] for one in shell.lines("jobs", "list")] == [job]
    assert shell.json("sync", job, "--out", tmp_path / "out")["fetched"] == 11
    assert shell.json("datasets", "show", "mine")["images"] == {"expected": 0, "ready": 3, "refused": 0}
    assert shell.lines("datasets", "list")[0]["name"] == "mine"


def test_tables_are_for_people(shell: Shell, photos: Path) -> None:
    (photos / "empty.jpg").write_bytes(b"")
    shell("upload", photos, status=1)
    table = shell("images", "caps").stdout
    assert "400x300" in table
    assert "empty_file: refused: empty_file" in table
    for command in (
        ["datasets", "list"],
        ["jobs", "list"],
        ["templates", "list", "caps"],
        ["datasets", "show", "caps"],
    ):
        assert shell(*command).stdout


def test_a_dataset_of_a_taken_name_is_refused(shell: Shell, service: FakeService) -> None:
    """Two of one name would make every later command that names it ambiguous."""
    shell("datasets", "create", "caps")
    assert "There is a dataset 'caps' already (d0)" in shell("datasets", "create", "caps", status=1).stderr
    assert len(service.datasets) == 1


def test_a_template_is_listed_as_it_was_written(shell: Shell, photos: Path) -> None:
    """Two templates of one name that differ in their box or refinement must not look the same."""
    shell("upload", photos)
    text = "photo0.jpg:0.25,0.5;!0.1,0.9;box=0.1,0.2,0.8,0.9@grow=-2,feather=3.5,islands=0.01,choice=1"
    shell("templates", "create", "caps", f"cap={text}")
    assert text.partition(":")[2] in shell("templates", "list", "caps").stdout


def test_cancelling_and_a_failed_job_are_told(shell: Shell, service: FakeService, photos: Path) -> None:
    shell("upload", photos)
    job = shell("jobs", "submit", "caps", "-t", "cap=whole").stdout.strip()
    assert "is asked to stop" in shell("jobs", "cancel", job).stdout
    assert "cancelled" in shell("jobs", "watch", job, status=1).stdout


def test_unknown_names_say_where_to_look(shell: Shell) -> None:
    assert "`maskmill datasets list`" in shell("images", "nothing", status=1).stderr
    assert "(not_found, request req-7)" in shell("jobs", "show", "j404", status=1).stderr


def test_public_commands_need_no_token(shell: Shell) -> None:
    assert "segmenter classic" in shell("health", MASKMILL_TOKEN=None).stdout
    assert shell.json("limits", MASKMILL_TOKEN=None)["points_max"] == 7
    assert "--api" in shell("health", status=2, MASKMILL_API=None).stderr


def test_login_writes_a_profile_that_the_other_commands_use(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    nobody = {"MASKMILL_TOKEN": None, "MASKMILL_API": None}
    arguments = ["login", "--api", service.url, "--endpoint", service.url, "--client-id", "client-1", "--user", "ann"]
    outcome = shell(*arguments, MASKMILL_PASSWORD="secret", **nobody)
    path = tmp_path / "maskmill" / "profile.json"
    assert str(path) in outcome.stdout
    assert isinstance(read_profile(path).token, CognitoToken)
    assert shell.json("datasets", "create", "x", **nobody)["dataset_id"] == "d0"
    refused = shell("login", "--user", "ann", status=3, MASKMILL_PASSWORD="wrong", **nobody)
    assert "Incorrect username or password" in refused.stderr


def test_shared_options_may_stand_anywhere() -> None:
    assert shared_first(["jobs", "list", "--json", "--api", "x"]) == ["--json", "--api", "x", "jobs", "list"]
    assert shared_first(["run", "--token=t", "--", "--json"]) == ["--token=t", "run", "--", "--json"]


def test_an_interruption_leaves_the_job_and_says_how_to_come_back(
    service: FakeService, photos: Path, tmp_path: Path
) -> None:
    service.script = [("running", True, "segmenting")] * 1000
    environ = {**os.environ, "MASKMILL_API": service.url, "MASKMILL_TOKEN": service.token}
    arguments = [str(one) for one in run_arguments(photos, tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-m", "maskmill.cli", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    ) as command:
        deadline = time.monotonic() + 15
        while not any(call.startswith("GET /api/v1/jobs/") for call in service.calls) and time.monotonic() < deadline:
            time.sleep(0.05)
        command.send_signal(signal.SIGINT)
        try:
            words = command.communicate(timeout=15)[1]
        finally:
            command.kill()
    job = next(iter(service.jobs))
    assert command.returncode == 130
    assert f"maskmill jobs watch {job}" in words
    assert f"maskmill sync {job} --out {tmp_path / 'out'}" in words
    assert not service.jobs[job]["cancelled"]


def test_something_unexpected_is_one_line_unless_asked_for_more(shell: Shell, service: FakeService) -> None:
    shell("datasets", "create", "x")
    service.datasets[0]["name"] = 7
    outcome = shell("datasets", "list", status=4)
    assert outcome.stderr.count("\n") == 1
    debug = CliRunner().invoke(app, ["datasets", "list"], env={**shell.environ, "MASKMILL_DEBUG": "1"})
    assert debug.exception is not None
    assert "not understood" in debug.exception.message  # type: ignore[attr-defined]


# Completion ---------------------------------------------------------------------------------------------------------


def completed(shell: Shell, words: str, **environ: str) -> list[str]:
    """What bash is offered after these words; the last one is being written."""
    environment = {
        **shell.environ, "PATH": os.environ["PATH"], "_MASKMILL_COMPLETE": "complete_bash", "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")), **environ,
    }  # fmt: skip
    return asked_of_the_module(environment).split()


def asked_of_the_module(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "maskmill.cli", *arguments]
    answer = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True, timeout=20
    )
    assert answer.stderr == ""
    return answer.stdout


def test_the_shell_completes_commands_datasets_and_jobs(shell: Shell, client: Client, photos: Path) -> None:
    client.upload_folder("caps", photos)
    client.create_dataset("hats")
    client.create_template("d0", Template(name="all", placement=Placement.WHOLE))
    job = client.submit("caps", Recipe(templates=("all",)))
    assert completed(shell, "maskmill data") == ["datasets"]
    assert completed(shell, "maskmill datasets show ") == ["caps", "hats"]
    assert completed(shell, "maskmill images ha") == ["hats"]
    assert completed(shell, "maskmill sync ") == [job.job_id]


def test_a_completion_that_cannot_be_had_is_empty_and_quick(shell: Shell, service: FakeService) -> None:
    assert completed(shell, "maskmill images ", MASKMILL_TOKEN="wrong") == []
    assert completed(shell, "maskmill images ", MASKMILL_API="http://127.0.0.1:9") == []
    service.faults = [("GET /api/v1/datasets", problem(503, "unavailable"))]
    assert completed(shell, "maskmill images ") == []
    assert service.calls.count("GET /api/v1/datasets") == 2  # with the wrong token, and once while it was busy


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_can_be_shown(name: str) -> None:
    environment = {"PATH": os.environ["PATH"], "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_MASKMILL_COMPLETE=" in asked_of_the_module(environment, "--show-completion", name)


# A terminal ---------------------------------------------------------------------------------------------------------


def in_a_terminal(shell: Shell, *arguments: str | Path, **environ: str) -> str:
    """What the command writes to a terminal of 110 columns."""
    environment = {
        "PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40", **shell.environ, **environ,
    }  # fmt: skip
    command = [sys.executable, "-m", "maskmill.cli", *map(str, arguments)]
    reader, writer = pty.openpty()
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=writer, stdout=writer, stderr=writer
    ) as child:
        os.close(writer)
        written = b""
        with suppress(OSError):  # Linux ends a closed terminal by an error
            while piece := os.read(reader, 65536):
                written += piece
        assert child.wait(30) == 0, written
    os.close(reader)
    return written.decode()


COLOURED = re.compile(r"\x1b\[[0-9;]*3[0-9]")


def test_a_terminal_sees_bars_and_colours_unless_it_wants_none(shell: Shell, photos: Path) -> None:
    plain_lines = in_a_terminal(shell, "upload", photos, "--dataset", "dumb", TERM="dumb")
    assert "\x1b" not in plain_lines
    assert "Uploading: 3 of 3" in plain_lines
    coloured = in_a_terminal(shell, "upload", photos, "--dataset", "coloured")
    assert COLOURED.search(coloured) and "3/3" in coloured
    grey = in_a_terminal(shell, "upload", photos, "--dataset", "grey", NO_COLOR="1")
    assert not COLOURED.search(grey) and "3/3" in grey
