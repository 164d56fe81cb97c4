"""`python -m local.delivery bootstrap|deploy|destroy|trust|pipeline --stage dev`: what `make` does by the same names.

It acts in the account that the caller is signed in to, says which that is, and asks before the first deployment and
before a removal. `--yes` is the answer of whoever cannot be asked; without it and without an answer nothing is done.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import LOCAL, STAGES
from infra.idle import idle, told
from local.delivery.account import Account, NoAccount, signed_in, stacks_of
from local.delivery.cdk import CdkFailed, Deployer
from local.delivery.removal import RemovalFailed, remaining, remove, shared
from local.node import InstallFailed, NodeMissing, find_node

FAILURES = (BotoCoreError, CdkFailed, ClientError, InstallFailed, NoAccount, NodeMissing, RemovalFailed)
HEALTH_TRIES, HEALTH_PAUSE_S = 10, 3.0
ROADS = {"trust": "infra.trust", "pipeline": "infra.promotion"}  # how commits get here without a person's keys


class Unhealthy(RuntimeError):
    """The deployed API does not answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants of a stage, and how they are asked whether they mean it."""

    account: Account
    stage: str
    answer: Callable[[str], str]
    yes: bool = False

    @property
    def prefix(self) -> str:
        return STAGES[self.stage].prefix

    def agrees(self, what: str) -> bool:
        """Whether the caller said so beforehand, or types the name of the stage now."""
        if self.yes:
            return True
        try:
            return self.answer(f"{what}\nType `{self.stage}` to go on: ").strip() == self.stage
        except EOFError:
            return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("bootstrap", "deploy", "destroy", *ROADS))
    parser.add_argument("--stage", choices=sorted(set(STAGES) - {LOCAL.name}), required=True)
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="as infra/context.py"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    chosen = parser.parse_args()
    try:
        context = dict(pair.split("=", 1) for pair in chosen.context)
    except ValueError:
        parser.error("-c takes NAME=VALUE")
    try:
        asked = Asked(signed_in(), chosen.stage, input, chosen.yes)
        if chosen.action == "destroy":
            return destroy(asked)
        app = ROADS.get(chosen.action, "infra.app")
        deployer = Deployer(find_node(), asked.account, chosen.stage, context, app)
        return {"bootstrap": bootstrap, "deploy": deploy}.get(chosen.action, open_road)(asked, deployer)
    except (*FAILURES, Unhealthy) as error:
        print(error, file=sys.stderr)
        return 1


def bootstrap(asked: Asked, deployer: Deployer) -> int:
    """Once for each account and region: a bucket, a registry and the roles that deploy."""
    print(
        f"The CDK's own bucket, registry and roles, in {asked.account}. They cost nothing until something lies in them."
    )
    if not asked.agrees("Whoever may use these roles may deploy anything here."):
        return _left()
    deployer.bootstrap()
    return 0


def deploy(asked: Asked, deployer: Deployer) -> int:
    """The stage's stacks; before the first time, it says what they will cost and asks."""
    print(f"{asked.prefix} in {asked.account}")
    templates = deployer.synth()
    is_first = not stacks_of(asked.account, asked.prefix)
    if is_first:
        print(f"\n{len(templates)} stacks will be made, which cost in us-east-1:\n", *told(idle(templates)), sep="\n")
        print("\nand the endpoint's first instance until it has gone to sleep, some minutes after its start.")
        if not asked.agrees("Jobs, storage and downloads come on top: docs/costs.md."):
            return _left()
    outputs = deployer.deploy(asks=not asked.yes)
    _wait_for(f"{outputs['ApiUrl']}/health")
    print(_next_steps(outputs))
    return 0


def open_road(asked: Asked, deployer: Deployer) -> int:
    """What lets a repository deploy: a role that its workflows take on, or a pipeline that reads it."""
    print(f"Who holds the repository will deploy to {asked.account}.")
    deployer.synth()
    if not asked.agrees("It is as much as a key of an administrator."):
        return _left()
    for name, value in deployer.deploy(asks=not asked.yes).items():
        print(f"{name}: {value}")
    return 0


def destroy(asked: Asked) -> int:
    """The stage's stacks and all that is in them; it ends with a list of what is left."""
    names = stacks_of(asked.account, asked.prefix)
    print(f"{asked.prefix} in {asked.account}: {len(names)} stacks", *(f"  {name}" for name in names), sep="\n")
    kept = (
        ""
        if STAGES[asked.stage].is_disposable
        else " Its table, pictures and people stay, and go on costing what they weigh."
    )
    if names and not asked.agrees(f"They go, with everything in them that may go.{kept}"):
        return _left()
    remove(asked.account, asked.prefix)
    left = remaining(asked.account, asked.prefix, asked.stage)
    print("Left of this stage:", *(left or ["nothing"]), sep="\n  ")
    print(
        "Shared by all stages, with the assets of their deployments:",
        *(shared(asked.account) or ["nothing"]),
        sep="\n  ",
    )
    print("docs/deploy.md says how each of them goes.")
    return 0


def _left() -> int:
    print("Nothing was done.")
    return 1


def _wait_for(url: str) -> None:
    """Until the API answers through its distribution; raises Unhealthy."""
    reason = ""
    for _ in range(HEALTH_TRIES):
        try:
            answer = httpx.get(url, timeout=10.0)
            if answer.status_code == httpx.codes.OK:
                return
            reason = f"status {answer.status_code}"
        except httpx.HTTPError as error:
            reason = str(error)
        time.sleep(HEALTH_PAUSE_S)
    raise Unhealthy(f"{url} does not answer: {reason}. The deployment itself went through.")


def _next_steps(outputs: Mapping[str, str]) -> str:
    return (
        f"\nPage: {outputs['PageUrl']}\n\nInvite somebody as docs/tenancy.md says, then:\n\n"
        f"    maskmill login --api {outputs['ApiUrl']} --client-id {outputs['UserPoolClientId']}"
        f" --sign-in {outputs['SignInUrl']}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
