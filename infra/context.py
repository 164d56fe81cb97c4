"""The stage that the context of the app asks for; it knows the names of what may be asked, and no construct."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from infra.config import DEV, STAGES, Stage
from infra.plans import (
    LOOPBACK,
    SEGMENTERS,
    BudgetPlan,
    Emulator,
    EndpointPlan,
    FirewallPlan,
    Mfa,
    PagePlan,
    Segmenter,
    SignIn,
    realtime,
)
from maskmill.core.settings import EndpointMode

NAMES = (
    "stage",
    "segmenter",
    "endpoint",
    "instance_types",
    "weights",
    "weights_sha256",
    "fast",
    "fast_weights",
    "fast_weights_sha256",
    "image",
    "lane_image",
    "base_image",
    "upload_origins",
    "emulator",
    "sign_in_path",
    "page",
    "page_domain",
    "page_certificate",
    "callback_urls",
    "logout_urls",
    "machines",
    "mfa",
    "budget_dollars",
    "budget_emails",
    "alarm_emails",
    "media_keys",
    "door_words",
    "firewall",
    "encryption",
    "network",
)

GLOBAL_REGION = "us-east-1"  # where CloudFront looks for what is not its own

KEYS = {"aws": False, "kms": True}
NETWORKS = {"open": False, "private": True}

Value = TypeVar("Value")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMES = re.compile(r"[a-z0-9]{1,16}(,[a-z0-9]{1,16}){0,4}")  # CloudFront takes five keys in a group
_ACL = re.compile(r"arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/[A-Za-z0-9_-]+/[a-f0-9-]+")
PYTHON = "3.11"  # that the Dockerfile's lists are for
EXAMPLE = f"python:{PYTHON}-slim-bookworm@sha256:<64 digits>"
_BASE_IMAGE = re.compile(rf"[a-z0-9./:-]{{1,200}}:{re.escape(PYTHON)}[a-z0-9.-]*-slim-bookworm@sha256:[0-9a-f]{{64}}")
_MACHINE = re.compile(r"[a-z][a-z0-9-]{0,31}")


class BadConfiguration(ValueError):
    """The context of the app asks for something that is not there."""


def chosen(context: Mapping[str, str | None]) -> Stage:
    """The stage that the context names by `stage`, with what else the context says; raises BadConfiguration.

    `segmenter` is the engine of jobs, `weights` the S3 prefix of its weights and `weights_sha256` the SHA-256 of the
    checkpoint as its publisher gives it away, needed where the catalogue does not know it. `fast`, `fast_weights` and
    `fast_weights_sha256` say the same of the interactive lane. `endpoint` is `async` (with a queue, and asleep while
    there is nothing to do) or `realtime` (always awake), and `instance_types` up to four types separated by commas, of
    which the first that is to be had is taken. `image` is the address of a ready image of the model server (then the
    deployment needs no Docker), and `base_image` the image of Python, by its digest, that an own one begins with.
    `page` is the folder of the built page, `page_domain` a domain of one's own for it and `page_certificate` the ARN of
    that domain's certificate. `emulator` is the address of an emulator of AWS and `sign_in_path` that of its stand-in
    for the hosted pages.
    Lists are separated by commas: `upload_origins`, `callback_urls` and `logout_urls` (of pages, beside the command
    line's own), `machines` (names of clients with secrets), `media_keys` (the first signs, all are trusted) and
    `door_words` (the first is sent by the distribution, all are taken by the API).
    `encryption` is `aws` (AWS's own keys) or `kms` (a key of the stage's own).
    `network` is where the endpoint runs: `open` (the service's own network) or `private` (one that leads to S3 alone).
    `firewall` is `off`, `own`, or the ARN of a web ACL of CloudFront's.
    `mfa` says whether people show a second factor: `off`, `optional` or `required`.
    `budget_dollars` is what the account may spend in a month (0: whatever it takes), and `budget_emails` a list of
    those who are told when most of it is gone. `alarm_emails` is a list of those who are told of alarms.
    """
    stage = _named(STAGES, context.get("stage") or DEV.name, what="stage")
    origins = context.get("upload_origins")
    if origins:
        stage = replace(stage, upload_origins=tuple(origins.split(",")))
    return replace(
        stage,
        emulator=_emulator(context),
        has_private_network=_chosen(NETWORKS, context, "network", stage.has_private_network),
        has_own_key=_chosen(KEYS, context, "encryption", stage.has_own_key),
        budget=_budget(stage.budget, context),
        alarm_emails=_list(context, "alarm_emails") or stage.alarm_emails,
        page=_page(stage.page, context),
        sign_in=_sign_in(stage.sign_in, context),
        media_keys=_names(stage.media_keys, context.get("media_keys"), what="keys of media"),
        door_words=_names(stage.door_words, context.get("door_words"), what="words of the door"),
        firewall=_firewall(stage.firewall, context.get("firewall")),
        fast=_segmenter(stage.fast, context, name="fast", weights="fast_weights"),
        endpoint=_endpoint(stage.endpoint, context),
        base_image=_base_image(context) or stage.base_image,
        lane=replace(stage.lane, image_uri=context.get("lane_image") or stage.lane.image_uri),
    )


def _endpoint(default: EndpointPlan, context: Mapping[str, str | None]) -> EndpointPlan:
    segmenter = _segmenter(default.segmenter, context, name="segmenter", weights="weights")
    modes = {mode.value: mode for mode in EndpointMode}
    mode, types = _named(modes, context.get("endpoint") or default.mode, what="endpoint"), context.get("instance_types")
    try:
        if types:
            segmenter = replace(segmenter, instance_types=tuple(types.split(",")))
        at_once = default.invocations_per_instance if segmenter.engine is default.segmenter.engine else 1
        plan = replace(
            default,
            segmenter=segmenter,
            image_uri=context.get("image") or default.image_uri,
            invocations_per_instance=at_once,
        )
        if mode is default.mode:
            return plan
        if mode is EndpointMode.REALTIME:
            return realtime(plan)
    except ValueError as error:
        raise BadConfiguration(str(error)) from error
    raise BadConfiguration("this stage's endpoint is realtime by its values in infra/config.py")


def check_region(stage: Stage, region: str | None) -> None:
    """Raises BadConfiguration where the stage's own firewall cannot be made; None: nobody knows yet."""
    is_own = stage.firewall is not None and stage.firewall.acl is None
    if is_own and region not in (None, GLOBAL_REGION):
        raise BadConfiguration(
            f"CloudFront's firewall is made in {GLOBAL_REGION} and not in {region}: make one there and name it by"
            " -c firewall=arn:…, or -c firewall=off"
        )


def _base_image(context: Mapping[str, str | None]) -> str | None:
    image = context.get("base_image")
    if image and not _BASE_IMAGE.fullmatch(image):
        raise BadConfiguration(f"a base image is one of Python {PYTHON} by its digest, such as {EXAMPLE}: {image!r}")
    return image


def _emulator(context: Mapping[str, str | None]) -> Emulator | None:
    url = context.get("emulator")
    return Emulator(url=url, sign_in_path=context.get("sign_in_path") or "/oauth2/authorize") if url else None


def _budget(default: BudgetPlan | None, context: Mapping[str, str | None]) -> BudgetPlan | None:
    dollars, emails = context.get("budget_dollars"), context.get("budget_emails")
    if dollars is not None and not dollars.isdecimal():
        raise BadConfiguration(f"budget_dollars is a whole number: {dollars!r}")
    plan = default if dollars is None else (BudgetPlan(dollars=int(dollars)) if int(dollars) else None)
    if plan is None or not emails:
        return plan
    return replace(plan, emails=tuple(emails.split(",")))


def _list(context: Mapping[str, str | None], name: str) -> tuple[str, ...]:
    text = context.get(name)
    return tuple(text.split(",")) if text else ()


def _page(default: PagePlan, context: Mapping[str, str | None]) -> PagePlan:
    folder, domain, certificate = (context.get(name) for name in ("page", "page_domain", "page_certificate"))
    if (domain is None) != (certificate is None):
        raise BadConfiguration("a domain and its certificate go together: -c page_domain=… -c page_certificate=arn:…")
    return PagePlan(
        folder=Path(folder) if folder else default.folder,
        domain=domain or default.domain,
        certificate=certificate or default.certificate,
    )


def _sign_in(default: SignIn, context: Mapping[str, str | None]) -> SignIn:
    found = {name: context.get(name) for name in ("callback_urls", "logout_urls", "machines")}
    lists = {name: tuple(text.split(",")) for name, text in found.items() if text}
    for machine in lists.get("machines", ()):
        if not _MACHINE.fullmatch(machine):
            raise BadConfiguration(f"a machine's name has small letters, digits and hyphens: {machine!r}")
    callbacks = lists.get("callback_urls", default.callback_urls)
    return SignIn(
        mfa=_named({mfa.value: mfa for mfa in Mfa}, context.get("mfa") or default.mfa.value, what="mfa"),
        callback_urls=tuple(dict.fromkeys((LOOPBACK, *callbacks))),
        logout_urls=lists.get("logout_urls", default.logout_urls),
        machines=lists.get("machines", default.machines),
    )


def _names(default: tuple[str, ...], text: str | None, *, what: str) -> tuple[str, ...]:
    if not text:
        return default
    names = tuple(text.split(","))
    if not _NAMES.fullmatch(text) or len(set(names)) < len(names):
        raise BadConfiguration(f"up to five different names of small letters and digits are {what}: {text!r}")
    return names


def _firewall(default: FirewallPlan | None, text: str | None) -> FirewallPlan | None:
    if not text:
        return default
    if text in ("off", "own"):
        return FirewallPlan() if text == "own" else None
    if not _ACL.fullmatch(text):
        raise BadConfiguration(f"firewall is off, own or the ARN of a web ACL of CloudFront's, in us-east-1: {text!r}")
    return FirewallPlan(acl=text)


def _segmenter(default: Segmenter, context: Mapping[str, str | None], *, name: str, weights: str) -> Segmenter:
    """The segmenter that the context names by `name`, its weights by `weights` and `<weights>_sha256`."""
    segmenter = _named(SEGMENTERS, context.get(name) or default.engine, what=name)
    if not segmenter.needs_weights:
        return segmenter
    prefix, digest = context.get(weights), context.get(f"{weights}_sha256")
    if not prefix or not prefix.startswith("s3://"):
        raise BadConfiguration(f"{segmenter.engine} needs its weights: -c {weights}=s3://<bucket>/<prefix>/")
    if digest and not _SHA256.fullmatch(digest.lower()):
        raise BadConfiguration(f"{weights}_sha256 is not a SHA-256 of 64 hexadecimal digits: {digest!r}")
    sha256 = digest.lower() if digest else segmenter.sha256
    if sha256 is None:
        raise BadConfiguration(
            f"the SHA-256 of {segmenter.engine} is not known here: -c {weights}_sha256=<64 digits>"
            f" (`maskmill models fetch {segmenter.engine}` shows it)"
        )
    return replace(segmenter, weights=prefix.rstrip("/") + "/", sha256=sha256)


def _chosen(known: Mapping[str, bool], context: Mapping[str, str | None], name: str, default: bool) -> bool:
    text = context.get(name)
    return _named(known, text, what=name) if text else default


def _named(known: Mapping[str, Value], name: str, *, what: str) -> Value:
    if name not in known:
        raise BadConfiguration(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return known[name]
