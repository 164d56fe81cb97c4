"""Sign people of the laptop in without a password. It hands out codes; the emulator's own token endpoint trades them.

Reason: the hosted pages ask for a password, and on the laptop nobody needs to know one. `GET /_local/sign-in` takes
what the hosted pages take (client_id, redirect_uri, response_type, scope, state, code_challenge, ...), is refused
what they refuse, and sends the browser back with a code for `login_hint`, or for the demo's user.
"""

from local.emulator.internals import internal
from local.emulator.patches import routes

PATH = f"{routes.PREFIX}sign-in"
DEMO_USER = "demo@example.com"


def apply() -> None:
    routes.serve_page(PATH, sign_in)


def sign_in(query: dict[str, list[str]]) -> routes.Page:
    """A redirect with a code, or what the hosted pages answer when they refuse."""
    cognito = internal("services.cognito")
    page: routes.Page = cognito.handle_oauth2_authorize("GET", "/oauth2/authorize", {}, query)
    if page[0] != 200:
        return page
    asked = {name: values[0] for name, values in query.items()}
    pool_id, pool, _client = cognito._find_pool_by_client_id(asked["client_id"])
    name = asked.get("login_hint", DEMO_USER)
    user, refusal = cognito._resolve_user(pool, name)
    if refusal:
        return 404, {"Content-Type": "text/plain"}, f"There is no user {name!r} here.".encode("ascii", "replace")
    sent: routes.Page = cognito._issue_auth_code_redirect(
        asked["client_id"],
        pool_id,
        asked["redirect_uri"],
        asked.get("scope", ""),
        user["Username"],
        asked.get("nonce", ""),
        asked.get("code_challenge", ""),
        asked.get("code_challenge_method", ""),
        asked.get("state", ""),
    )
    return sent
