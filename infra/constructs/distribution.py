"""One distribution for the page, the API and the media, so that a browser sees a single origin; it knows no file.

/          the site bucket, which only this distribution may read
/api/*     the HTTP API
/media/*   the media bucket under addresses that the API signed: S3 checks the signature, so the distribution adds
           none of its own, keeps the query as it is and caches nothing that could outlive an address
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.headers import ISOLATED, MEDIA_POLICY, OWN, headers, page_policy
from infra.plans import PagePlan

TO_HTTPS = cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS
STRIP_MEDIA = """\
function handler(event) {
  var request = event.request;
  request.uri = request.uri.replace(/^\\/media/, '');
  return request;
}
"""


class Distribution(Construct):
    """The distribution of a stage; `connect` are the other places that the page calls."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        comment: str,
        page: PagePlan,
        site: s3.IBucket,
        media: s3.IBucket,
        api_host: str,
        connect: Sequence[str],
    ) -> None:
        super().__init__(scope, name)
        self._comment = comment
        self._distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=comment,
            default_root_object="index.html",
            default_behavior=self._site(site, connect),
            additional_behaviors={"/api/*": self._api(api_host), "/media/*": self._media(media)},
            domain_names=[page.domain] if page.domain else None,
            certificate=_certificate(self, page.certificate),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
        )
        self.domain = page.domain or self._distribution.distribution_domain_name

    def _site(self, site: s3.IBucket, connect: Sequence[str]) -> cloudfront.BehaviorOptions:
        """The distribution may list the bucket: a name that is not there then answers 404 and not 403."""
        levels = [cloudfront.AccessLevel.READ, cloudfront.AccessLevel.LIST]
        policy = headers(self, "PageHeaders", comment=self._comment, policy=page_policy(connect), more=ISOLATED | OWN)
        return cloudfront.BehaviorOptions(
            origin=origins.S3BucketOrigin.with_origin_access_control(site, origin_access_levels=levels),
            viewer_protocol_policy=TO_HTTPS,
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            response_headers_policy=policy,
            compress=True,
        )

    def _api(self, host: str) -> cloudfront.BehaviorOptions:
        """The API's host stays its own: under another name the gateway would not know it."""
        return cloudfront.BehaviorOptions(
            origin=origins.HttpOrigin(host),
            viewer_protocol_policy=TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            response_headers_policy=headers(self, "ApiHeaders", comment=self._comment, policy=None, more=OWN),
        )

    def _media(self, media: s3.IBucket) -> cloudfront.BehaviorOptions:
        return cloudfront.BehaviorOptions(
            origin=origins.S3BucketOrigin.with_bucket_defaults(media),
            viewer_protocol_policy=TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy(
                self,
                "SignedAddress",
                comment=self._comment,
                query_string_behavior=cloudfront.OriginRequestQueryStringBehavior.all(),
                header_behavior=cloudfront.OriginRequestHeaderBehavior.none(),
                cookie_behavior=cloudfront.OriginRequestCookieBehavior.none(),
            ),
            response_headers_policy=headers(self, "MediaHeaders", comment=self._comment, policy=MEDIA_POLICY, more=OWN),
            function_associations=[
                cloudfront.FunctionAssociation(
                    event_type=cloudfront.FunctionEventType.VIEWER_REQUEST, function=self._strip_media()
                )
            ],
        )

    def _strip_media(self) -> cloudfront.Function:
        return cloudfront.Function(
            self,
            "StripMedia",
            comment=self._comment,
            code=cloudfront.FunctionCode.from_inline(STRIP_MEDIA),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )


def _certificate(scope: Construct, arn: str | None) -> acm.ICertificate | None:
    return None if arn is None else acm.Certificate.from_certificate_arn(scope, "Certificate", arn)
