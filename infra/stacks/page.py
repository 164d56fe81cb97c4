"""The page goes out: a function of ours lays the built files into the site bucket; it knows no content of them.

It comes last, because the page is told the client that the API's stack made.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs.access import bucket_and_prefix, objects, read_weights, see
from infra.constructs.function import Function
from infra.constructs.people import hosted_pages
from infra.context import BadConfiguration
from infra.plans import Segmenter
from infra.stacks.web import WebStack
from maskmill import __version__
from maskmill.core.engines import frame_px_of
from maskmill.core.identity import API_SCOPE
from maskmill.core.package import DECODER, MANIFEST
from maskmill.core.settings import PublishPageSettings

REPLY_GRACE_S = 30


class PageStack(cdk.Stack):
    """The built page as a zip, the function that publishes it, and the order to do so with every new zip."""

    def __init__(self, scope: Construct, name: str, stage: Stage, *, web: WebStack, client_id: str) -> None:
        super().__init__(scope, name, description="Maskmill: page")
        self._stage = stage
        self._web = web
        folder = built_page(stage.page.folder)
        built = assets.Asset(self, "Built", path=str(folder), exclude=spared(folder))
        publish = Function(
            self,
            shapes.PUBLISH_PAGE,
            stage,
            settings=PublishPageSettings(site_bucket=web.site.bucket_name),
            may=[
                objects(web.site, "GetObject", "PutObject", "DeleteObject", keys=("*",)),
                see(web.site),
                objects(built.bucket, "GetObject", keys=(built.s3_object_key,)),
                *read_weights(self, _package(stage.fast), names=(MANIFEST, DECODER)),
            ],
        )
        cdk.CustomResource(
            self,
            "Published",
            resource_type="Custom::MaskmillPage",
            service_token=publish.function.function_arn,
            service_timeout=cdk.Duration.seconds(shapes.PUBLISH_PAGE.timeout_s + REPLY_GRACE_S),
            properties={
                "Archive": {"Bucket": built.s3_bucket_name, "Key": built.s3_object_key},
                "Release": built.asset_hash,
                "Config": self.to_json_string(self._config(client_id, release=built.asset_hash)),
                **_decoder(stage.fast),
            },
        )
        cdk.CfnOutput(self, "PageUrl", value=f"{web.origin}/")

    def _config(self, client_id: str, *, release: str) -> dict[str, object]:
        """What the page reads before anything else."""
        emulator, origin = self._stage.emulator, self._web.origin
        base = hosted_pages(self._stage.prefix) if emulator is None else origin
        path = "/oauth2/authorize" if emulator is None else emulator.sign_in_path
        return {
            "sign_in": {
                "authorize_url": f"{base}{path}",
                "token_url": f"{base}/oauth2/token",
                "logout_url": f"{base}/logout",
                "client_id": client_id,
                "scope": f"openid {API_SCOPE}",
            },
            "version": f"{__version__}+{release[:8]}",
        }


def _package(segmenter: Segmenter) -> str | None:
    """Where the package lies that holds the page's decoder, for engines that have one."""
    return None if frame_px_of(segmenter.version) is None else segmenter.weights


def _decoder(segmenter: Segmenter) -> dict[str, object]:
    uri = _package(segmenter)
    if uri is None:
        return {}
    bucket, prefix = bucket_and_prefix(uri)
    return {"Decoder": {"Bucket": bucket, "Prefix": prefix, "Version": segmenter.version}}


def built_page(folder: Path) -> Path:
    """The folder itself; raises BadConfiguration when no page lies in it."""
    if not (folder / "index.html").is_file():
        raise BadConfiguration(f"there is no built page in {folder}: `make page` builds it")
    return folder


def spared(folder: Path) -> list[str]:
    """Files that lie there compressed as well: the plain ones are not sent."""
    packed = (path.relative_to(folder).as_posix().removesuffix(".br") for path in sorted(folder.rglob("*.br")))
    return [name for name in packed if (folder / name).is_file()]
