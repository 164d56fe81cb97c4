"""The headers that every answer of the distribution carries, by what it serves; it knows no bucket and no API.

The page is isolated from other origins (COOP, COEP), so that its workers may share memory. Pictures and archives are
no documents: were one opened by itself, it could run nothing and would be of no origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

HSTS = cdk.Duration.days(365)
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
OWN = {"Cross-Origin-Resource-Policy": "same-origin"}
MEDIA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


def page_policy(connect: Sequence[str]) -> str:
    """The page's Content-Security-Policy: its own files, compiled WebAssembly, and calls to these places beside it."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            " ".join(("connect-src 'self'", *connect)),
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def headers(
    scope: Construct, name: str, *, comment: str, policy: str | None, more: Mapping[str, str]
) -> cloudfront.ResponseHeadersPolicy:
    """What is always sent, with a Content-Security-Policy (None: the origin's own) and more."""
    return cloudfront.ResponseHeadersPolicy(
        scope,
        name,
        comment=comment,
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=None if policy is None else _csp(policy),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=HSTS, include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=header, value=value, override=True)
                for header, value in more.items()
            ]
        ),
    )


def _csp(policy: str) -> cloudfront.ResponseHeadersContentSecurityPolicy:
    return cloudfront.ResponseHeadersContentSecurityPolicy(content_security_policy=policy, override=True)
