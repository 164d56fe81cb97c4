"""Let the other processes of the laptop ask who signed a request and what they may do. It serves no AWS operation.

Reason: the endpoint stand-in receives calls signed with the sessions of function roles, and only the emulator knows
those sessions and their policies. `POST /_local/authorize` takes a request as it arrived and answers whether AWS
would have let it pass, so that a function without `sagemaker:InvokeEndpointAsync` is denied here as well:

    {"action": "sagemaker:InvokeEndpointAsync", "resource": "arn:...", "method": "POST", "path": "/endpoints/...",
     "headers": {"authorization": "AWS4-HMAC-SHA256 ..."}, "body": "<base64>"}
    → {"allowed": false, "code": "AccessDeniedException", "message": "User: ... is not authorized to perform: ..."}
"""

import base64
from typing import Any

from local.emulator.internals import internal
from local.emulator.patches import routes

PATH = f"{routes.PREFIX}authorize"


def apply() -> None:
    routes.serve(PATH, lambda question: (200, authorize(question)))


def authorize(question: dict[str, Any]) -> dict[str, Any]:
    """Check signature and policies of the described request with the emulator's own evaluator."""
    evaluator, router = internal("core.iam_evaluator"), internal("core.router")
    headers = {name.lower(): value for name, value in question["headers"].items()}
    action, resource = question["action"], question["resource"]
    access_key = router.extract_access_key_id(headers, {})
    _pin_request(question, headers, access_key)
    region = router.extract_region(headers, {})
    refusal = evaluator.enforce(access_key, action, action.split(":")[0], region, resource_arn=resource)
    if refusal is None:
        return {"allowed": True, "code": "", "message": ""}
    if isinstance(refusal, evaluator.AuthError):
        return {"allowed": False, "code": refusal.code, "message": refusal.message}
    message = internal("core.iam_actions").identity_denial_message(
        action, refusal.principal_arn, resource, refusal.decision == "Deny"
    )
    return {"allowed": False, "code": "AccessDeniedException", "message": message}


def _pin_request(question: dict[str, Any], headers: dict[str, str], access_key: str) -> None:
    """Make the described request the current one of this context, as the emulator does with its own requests."""
    evaluator, responses = internal("core.iam_evaluator"), internal("core.responses")
    if access_key:
        responses.set_request_account_id(internal("app")._request_account_scope(access_key))
    responses.set_request_region(internal("core.router").extract_region(headers, {}))
    evaluator.pin_request_origin("127.0.0.1", True)
    raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    evaluator.pin_signed_request(question["method"], question["path"], {}, raw_headers)
    evaluator.pin_signed_body(base64.b64decode(question.get("body", "")))
