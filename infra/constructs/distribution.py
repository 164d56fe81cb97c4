"""One distribution for the page, the API and the media, so that a browser sees a single origin; it knows no file.

/          the site bucket, which only this distribution may read
/api/*     the HTTP API
/media/*   the media bucket, for those whose session covers the address: cookies that the API signed, checked here.
           Pictures never change under their names and are kept; a job's files are saved and never kept

S3 admits the distribution, and others by addresses that the API signed for them: those do not lead through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.headers import ISOLATED, MEDIA_POLICY, OWN, headers, page_policy
from infra.plans import PagePlan
from maskmill.core.identity import WORD_HEADER

TO_HTTPS = cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS
LEAST_TLS = cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021  # under a certificate of one's own
MEDIA_FOLDER = "/media/"
FILES_FOLDER = f"{MEDIA_FOLDER}t/*/jobs/*"
CACHED = cdk.Duration.hours(1)  # after which nothing that was removed lies anywhere but with who saw it
FOUND_ELSEWHERE = (403, 404)

# A session covers addresses by how they begin, so none may lead elsewhere by its dots; nothing of ours is named so.
TO_OBJECT = """\
function handler(event) {
  var request = event.request;
  var path = /^\\/media(\\/t\\/[A-Za-z0-9-]+\\/(px|jobs)\\/[A-Za-z0-9._\\/-]+)$/.exec(request.uri);
  if (path === null || path[1].indexOf('..') >= 0 || path[1].indexOf('//') >= 0) {
    return { statusCode: 403, statusDescription: 'Forbidden' };
  }
  request.uri = path[1];
  return request;
}
"""
# Said by a function because it runs on answers of the store that are good: a browser must not keep a refusal for ever.
KEEP_FOR_EVER = """\
function handler(event) {
  event.response.headers['cache-control'] = { value: 'private, max-age=31536000, immutable' };
  return event.response;
}
"""


class Distribution(Construct):
    """The distribution of a stage; `connect` are the other places that the page calls.

    `word` goes with every call of the API, which is told so that it came this way; `firewall` is the ARN of an ACL.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        comment: str,
        page: PagePlan,
        site: s3.IBucket,
        media: s3.IBucket,
        media_keys: cloudfront.IKeyGroup,
        api_host: str,
        word: str | None,
        firewall: str | None,
        connect: Sequence[str],
    ) -> None:
        super().__init__(scope, name)
        self._comment = comment
        self._readers = media_keys
        self._distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=comment,
            default_root_object="index.html",
            default_behavior=self._site(site, connect),
            additional_behaviors={"/api/*": self._api(api_host, word), **self._media(media)},
            # What is refused or missing now may be there a moment later.
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=cdk.Duration.seconds(0)) for status in FOUND_ELSEWHERE
            ],
            domain_names=[page.domain] if page.domain else None,
            certificate=_certificate(self, page.certificate),
            minimum_protocol_version=LEAST_TLS if page.certificate else None,
            web_acl_id=firewall,
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

    def _api(self, host: str, word: str | None) -> cloudfront.BehaviorOptions:
        """The API's host stays its own: under another name the gateway would not know it."""
        return cloudfront.BehaviorOptions(
            origin=origins.HttpOrigin(host, custom_headers=None if word is None else {WORD_HEADER: word}),
            viewer_protocol_policy=TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            response_headers_policy=headers(self, "ApiHeaders", comment=self._comment, policy=None, more=OWN),
        )

    def _media(self, media: s3.IBucket) -> dict[str, cloudfront.BehaviorOptions]:
        # By its names alone: the library would write the distribution into the policy of the bucket, which is of an
        # earlier stack. That policy admits the account's distributions itself (infra/constructs/bucket.py).
        bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Media",
            bucket_name=media.bucket_name,
            bucket_regional_domain_name=media.bucket_regional_domain_name,
        )
        cdk.Annotations.of(self).acknowledge_warning("@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac")
        origin = origins.S3BucketOrigin.with_origin_access_control(bucket)
        to_object = self._function("ToObject", TO_OBJECT, cloudfront.FunctionEventType.VIEWER_REQUEST)
        keep = self._function("KeepForEver", KEEP_FOR_EVER, cloudfront.FunctionEventType.VIEWER_RESPONSE)
        as_files = {"Content-Disposition": "attachment", "Cache-Control": "private, no-cache"}
        return {
            FILES_FOLDER: cloudfront.BehaviorOptions(
                origin=origin,
                viewer_protocol_policy=TO_HTTPS,
                trusted_key_groups=[self._readers],
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                response_headers_policy=self._media_headers("FileHeaders", as_files),
                function_associations=[to_object],
            ),
            f"{MEDIA_FOLDER}*": cloudfront.BehaviorOptions(
                origin=origin,
                viewer_protocol_policy=TO_HTTPS,
                trusted_key_groups=[self._readers],
                cache_policy=self._pictures_cached(),
                response_headers_policy=self._media_headers("MediaHeaders", {}),
                function_associations=[to_object, keep],
            ),
        }

    def _pictures_cached(self) -> cloudfront.CachePolicy:
        """One copy for all who may see it: sessions are checked before, so neither cookies nor queries tell apart."""
        return cloudfront.CachePolicy(
            self,
            "Pictures",
            cache_policy_name=f"{self._comment}-pictures-{cdk.Stack.of(self).region}",
            comment=self._comment,
            min_ttl=cdk.Duration.seconds(0),
            default_ttl=CACHED,
            max_ttl=CACHED,
            cookie_behavior=cloudfront.CacheCookieBehavior.none(),
            query_string_behavior=cloudfront.CacheQueryStringBehavior.none(),
            header_behavior=cloudfront.CacheHeaderBehavior.none(),
        )

    def _media_headers(self, name: str, more: Mapping[str, str]) -> cloudfront.ResponseHeadersPolicy:
        return headers(self, name, comment=self._comment, policy=MEDIA_POLICY, more={**OWN, **more})

    def _function(self, name: str, code: str, event: cloudfront.FunctionEventType) -> cloudfront.FunctionAssociation:
        made = cloudfront.Function(
            self,
            name,
            comment=self._comment,
            code=cloudfront.FunctionCode.from_inline(code),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        return cloudfront.FunctionAssociation(event_type=event, function=made)


def _certificate(scope: Construct, arn: str | None) -> acm.ICertificate | None:
    return None if arn is None else acm.Certificate.from_certificate_arn(scope, "Certificate", arn)
