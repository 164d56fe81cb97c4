"""Tell a distribution that may list its bucket that an object is missing. It knows no bucket.

Reason: S3 answers 404 to those who may list a bucket and 403 to all others. The emulator answers 403 to every
distribution.
"""

from typing import Any

from local.emulator.internals import internal

Answer = tuple[int, Any, bytes]


def apply() -> None:
    s3 = internal("services.s3")
    fetch = s3.serve_cloudfront_origin_fetch

    def fetched(
        bucket: str, key: str, method: str, headers: dict[str, str], source_arn: str = "", oai_id: str = ""
    ) -> Answer:
        answer: Answer = fetch(bucket, key, method, headers, source_arn=source_arn, oai_id=oai_id)
        found = s3._ensure_bucket(bucket)
        if answer[0] != 403 or found is None or key in found["objects"] or not _may_list(bucket, source_arn):
            return answer
        missing: Answer = s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket}/{key}")
        return missing

    s3.serve_cloudfront_origin_fetch = fetched


def _may_list(bucket: str, distribution: str) -> bool:
    s3, responses = internal("services.s3"), internal("core.responses")
    evaluator = internal("core.iam_evaluator")
    owner = s3._bucket_owner_account(bucket) or responses.get_account_id()
    policy = s3._bucket_policies.get_scoped(owner, None, bucket)
    if not policy or not distribution:
        return False
    context = evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="s3:ListBucket",
        resource_arn=f"arn:aws:s3:::{bucket}",
        region=responses.get_region(),
        service_context={"aws:sourcearn": distribution},
    )
    decided = evaluator.evaluate_resource_policy(policy, context, service="cloudfront.amazonaws.com")
    return bool(decided.decision == "Allow")
