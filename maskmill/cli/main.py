"""The `maskmill` command as a whole: its subcommands and the options they share; each command lies in its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskmill import __version__
from maskmill.cli import account, datasets, jobs, models, results
from maskmill.cli.context import Common
from maskmill.cli.failures import Commands
from maskmill.cli.ops import ops
from maskmill.cli.output import Output
from maskmill.cli.render import render
from maskmill.cli.run import run
from maskmill.cli.segment import automask, segment
from maskmill.cli.templates import templates
from maskmill.cli.webhooks import webhooks

app = typer.Typer(
    name="maskmill",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="--json, --api, --token and --profile may also stand after the command. "
    "Exit status: 0 done, 1 something failed, 2 wrong usage, 3 not signed in, 4 unavailable, 130 interrupted.",
)


def _version(is_asked: bool) -> None:
    if is_asked:
        print(f"maskmill {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, words on stderr.")] = False,
    api: Annotated[str | None, typer.Option("--api", envvar="MASKMILL_API", help="Address of the service.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", envvar="MASKMILL_TOKEN", help="Access token.", show_envvar=True)
    ] = None,
    profile: Annotated[Path | None, typer.Option("--profile", help="Profile file to use.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """A folder of photos and a few clicks become a masked, edited, labelled dataset."""
    context.obj = Common(api=api, token=token, profile=profile, output=Output(as_json=as_json))


app.command("run")(run)
app.command("upload")(datasets.upload)
app.command("sync")(results.sync)
app.command("export")(results.export)
jobs.jobs.command("exports")(results.list_exports)
app.command("images")(datasets.images)
app.command("segment")(segment)
app.command("automask")(automask)
app.command("render")(render)
app.add_typer(datasets.datasets, name="datasets")
app.add_typer(templates, name="templates")
app.add_typer(webhooks, name="webhooks")
app.add_typer(jobs.jobs, name="jobs")
app.add_typer(models.models, name="models")
app.add_typer(ops, name="ops")
app.command("login")(account.login)
app.command("env")(account.env)
app.command("usage")(account.usage_of_quotas)
app.command("spending")(account.spending)
app.command("limits")(account.limits)
app.command("health")(account.health)
