"""The one address of everything: a distribution before the site, the API and the media; it knows no function.

It comes before the API's routes and their people, because the pages to sign in on must know where to send people back.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.config import Stage
from infra.constructs.bucket import private_bucket
from infra.constructs.distribution import Distribution
from infra.constructs.door_words import DoorWords
from infra.constructs.firewall import LOG_PREFIX, Firewall
from infra.constructs.http_api import Door
from infra.constructs.log import log_group
from infra.constructs.media_keys import MediaKeys
from infra.constructs.people import hosted_pages
from infra.stacks.data import DataStack


class WebStack(cdk.Stack):
    """The bucket of the page's files, the door of the API, the distribution in front of both, and its firewall.

    The site bucket always goes with its stack: its files are made anew from the sources at every deployment.
    """

    def __init__(self, scope: Construct, name: str, stage: Stage, *, data: DataStack, live_url: str) -> None:
        super().__init__(scope, name, description="Maskmill: distribution")
        self.site = private_bucket(self, "Site", is_disposable=True)
        self.door = Door(
            self,
            "Door",
            name=stage.prefix,
            log=log_group(self, "AccessLog", f"/aws/vendedlogs/{stage.prefix}-web", days=stage.log_days),
            rate=stage.api_rate,
            burst=stage.api_burst,
        )
        self.media_keys = MediaKeys(self, "MediaKeys", stage)
        self.words = DoorWords(self, "DoorWords", names=stage.door_words, made_by=self.media_keys.maker)
        uploads = f"https://{data.uploads.bucket_regional_domain_name}"
        emulator = stage.emulator
        elsewhere = [uploads, live_url, hosted_pages(stage.prefix)] if emulator is None else [emulator.url, live_url]
        distribution = Distribution(
            self,
            "Web",
            comment=stage.prefix,
            page=stage.page,
            site=self.site,
            media=data.media,
            media_keys=self.media_keys.group,
            api_host=self.door.host,
            word=self.words.sent,
            firewall=self._firewall(stage),
            connect=elsewhere,
        )
        domain = distribution.domain
        self.origin = f"https://{domain}" if emulator is None else emulator.origin_of(domain)
        cdk.CfnOutput(self, "SiteBucket", value=self.site.bucket_name)

    def _firewall(self, stage: Stage) -> str | None:
        """The ARN of the stage's own firewall, or of one that is there."""
        plan = stage.firewall
        if plan is None or plan.acl is not None:
            return None if plan is None else plan.acl
        log = log_group(self, "Blocked", f"{LOG_PREFIX}{stage.prefix}", days=stage.log_days)
        return Firewall(
            self, "Firewall", name=stage.prefix, calls_per_minute=stage.calls_of_address_per_minute, log=log
        ).arn
