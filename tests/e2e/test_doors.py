"""Nobody gets in by another door: tokens, upload forms, signed addresses and bare calls against the deployed stacks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from PIL import Image

from local.aws import client
from local.cloud import Laptop
from tests.e2e.conftest import User
from tests.e2e.roles import LAMBDA, role_of, session_of
from tests.e2e.wire import Answer, post_form, send

pytestmark = pytest.mark.integration

Claims = dict[str, Any]


def access_token(user: User) -> str:
    return str(json.loads(user.profile.read_text())["token"]["access_token"])


def call(cloud: Laptop, path: str, *, token: str | None, headers: dict[str, str] | None = None) -> Answer:
    signed = {} if token is None else {"Authorization": f"Bearer {token}"}
    return send(f"{cloud.api_url}/api/v1{path}", headers={**signed, **(headers or {})})


# Without a signature (that one is asked for at all is what canaries.py shows) --------------------------------------


def test_calls_without_a_signature_are_refused(cloud: Laptop) -> None:
    for bucket in ("UploadsBucket", "MediaBucket", "WorkBucket"):
        url = f"{cloud.emulator_url}/{cloud.outputs[bucket]}"
        for method, where in (("GET", url), ("GET", f"{url}/t/a"), ("PUT", f"{url}/t/a"), ("DELETE", f"{url}/t/a")):
            assert send(where, method, body=b"x" if method == "PUT" else None).status == 403
    queue = send(f"{cloud.outputs['PlanQueueUrl']}?Action=SendMessage&MessageBody=x", "POST")
    assert queue.status in {400, 403} and b"MessageId" not in queue.body
    headers = {"X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0"}
    table = json.dumps({"TableName": cloud.outputs["TableName"]}).encode()
    scan = send(cloud.emulator_url, "POST", headers=headers, body=table)
    assert scan.status in {400, 403} and b"Items" not in scan.body


# Tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes tokens as the pool makes them, with the pool's own key; what it changes is the only thing wrong."""

    key: rsa.RSAPrivateKey
    header: Claims
    claims: Claims
    original: str

    def token(self, **claims: Any) -> str:
        changed = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        return self.signed(self.header, changed)

    def signed(self, header: Claims, claims: Claims, key: rsa.RSAPrivateKey | None = None) -> str:
        text = f"{encode(header)}.{encode(claims)}"
        signature = (key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64url(signature)}"

    def public_pem(self) -> bytes:
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, kind)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(values: Claims) -> str:
    return base64url(json.dumps(values).encode())


def decode(part: str) -> Claims:
    values: Claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return values


@pytest.fixture(scope="module")
def mint(cloud: Laptop, ann: User) -> Mint:
    pem = cloud.state / "emulator" / "cognito-pool-keys" / f"{cloud.outputs['UserPoolId']}-access.pem"
    key = serialization.load_pem_private_key(pem.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    token = access_token(ann)
    header, claims, _ = token.split(".")
    return Mint(key, decode(header), decode(claims), token)


def hs256(mint: Mint, secret: bytes) -> str:
    text = f"{encode({**mint.header, 'alg': 'HS256'})}.{encode(mint.claims)}"
    return f"{text}.{base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def flipped(token: str, part: int) -> str:
    parts = token.split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    return ".".join(parts)


def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


BAD_TOKENS: dict[str, Callable[[Mint], str | None]] = {
    "T1a none": lambda _mint: None,
    "T1b empty": lambda _mint: "",
    "T1c garbage": lambda _mint: "garbage",
    "T1d three empty parts": lambda _mint: "..",
    "T2a alg none": lambda mint: f"{encode({**mint.header, 'alg': 'none'})}.{encode(mint.claims)}.",
    "T2b alg none, kept signature": lambda mint: ".".join(
        [encode({**mint.header, "alg": "none"}), *mint.original.split(".")[1:]]
    ),
    "T2c stripped signature": lambda mint: mint.original.rsplit(".", 1)[0] + ".",
    "T2d no signature at all": lambda mint: mint.original.rsplit(".", 1)[0],
    "T2e flipped bit of the header": lambda mint: flipped(mint.original, 0),
    "T2f flipped bit of the claims": lambda mint: flipped(mint.original, 1),
    "T2g flipped bit of the signature": lambda mint: flipped(mint.original, 2),
    "T3a HS256 with the public key": lambda mint: hs256(mint, mint.public_pem()),
    "T3b HS256 with an empty key": lambda mint: hs256(mint, b""),
    "T4a another's key under the pool's name": lambda mint: mint.signed(mint.header, mint.claims, other_key()),
    "T4b unknown key": lambda mint: mint.signed({**mint.header, "kid": "nobody"}, mint.claims),
    "T4c key of the caller's choice": lambda mint: mint.signed(
        {**mint.header, "kid": "mine", "jku": "http://127.0.0.1:9/keys"}, mint.claims, other_key()
    ),
    "T5a expired": lambda mint: mint.token(exp=int(time.time()) - 5),
    "T5b not valid yet": lambda mint: mint.token(nbf=int(time.time()) + 600),
    "T5c issued in the future": lambda mint: mint.token(iat=int(time.time()) + 600),
    "T6a another pool": lambda mint: mint.token(iss=f"{mint.claims['iss']}x"),
    "T6b another client": lambda mint: mint.token(client_id="another"),
    "T6c no client": lambda mint: mint.token(client_id=None),
    "T6d another audience": lambda mint: mint.token(client_id=None, aud="another"),
    "T8a no subject": lambda mint: mint.token(sub=None),
    "T8b a subject that climbs": lambda mint: mint.token(sub="../t/other"),
    "T8c a subject with a separator": lambda mint: mint.token(sub="a#DATASET"),
    "T7b no use": lambda mint: mint.token(token_use=None),
    "T7a use id": lambda mint: mint.token(token_use="id"),
}


def test_the_mint_makes_tokens_that_are_good(cloud: Laptop, mint: Mint) -> None:
    """Otherwise its bad tokens would be refused for another reason than theirs."""
    assert call(cloud, "/datasets", token=mint.original).status == 200
    assert call(cloud, "/datasets", token=mint.token()).status == 200
    assert call(cloud, "/datasets", token=mint.token(exp=int(time.time()) + 60)).status == 200


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_gives_nothing(cloud: Laptop, mint: Mint, kind: str) -> None:
    token = BAD_TOKENS[kind](mint)
    for path in ("/datasets", "/jobs", "/datasets/x/images"):
        answer = call(cloud, path, token=token)
        assert answer.status == 401, f"{path} gave {answer.status}"
        assert b"items" not in answer.body


def test_an_id_token_is_no_access_token(cloud: Laptop) -> None:
    cognito = client("cognito-idp", cloud.emulator_url)
    pool, user, password = cloud.outputs["UserPoolId"], "carol@example.com", f"Aa1!{secrets.token_urlsafe(24)}"
    cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=password, Permanent=True)
    tokens = cognito.initiate_auth(
        ClientId=cloud.outputs["UserPoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user, "PASSWORD": password},
    )["AuthenticationResult"]
    assert call(cloud, "/datasets", token=tokens["AccessToken"]).status == 200
    refused = call(cloud, "/datasets", token=tokens["IdToken"])
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert call(cloud, "/datasets", token=tokens["RefreshToken"]).status == 401


def test_a_good_token_of_a_real_user_of_another_pool_gives_nothing(cloud: Laptop) -> None:
    cognito = client("cognito-idp", cloud.emulator_url)
    pool = cognito.create_user_pool(PoolName="another")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="another", ExplicitAuthFlows=flows)
    client_id, password = made["UserPoolClient"]["ClientId"], f"Aa1!{secrets.token_urlsafe(24)}"
    cognito.admin_create_user(UserPoolId=pool, Username="ann", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="ann", Password=password, Permanent=True)
    tokens = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": password},
    )["AuthenticationResult"]
    assert call(cloud, "/datasets", token=tokens["AccessToken"]).status == 401
    assert call(cloud, "/datasets", token=tokens["IdToken"]).status == 401


def test_a_token_is_read_from_its_header_alone(cloud: Laptop, ann: User) -> None:
    token = access_token(ann)
    assert call(cloud, f"/datasets?access_token={token}&Authorization=Bearer%20{token}", token=None).status == 401
    assert call(cloud, "/datasets", token=None, headers={"Cookie": f"Authorization={token}"}).status == 401


def test_the_tenant_is_who_signed_in_whatever_else_a_request_says(
    cloud: Laptop, ann: User, bob: User, picture: Picture
) -> None:
    ann_is = decode(access_token(ann).split(".")[1])["sub"]
    claims = encode({"sub": ann_is, "token_use": "access"})
    headers = {
        "X-Tenant": ann_is, "X-Tenant-Id": ann_is, "Tenant": ann_is, "X-User-Id": ann_is, "X-Amzn-Oidc-Data": claims,
        "X-Forwarded-User": ann_is, "X-Amzn-Request-Context": json.dumps({"authorizer": {"jwt": {"claims": claims}}}),
    }  # fmt: skip
    token = access_token(bob)
    listed = call(cloud, f"/datasets?tenant={ann_is}&sub={ann_is}&tenant_id={ann_is}", token=token, headers=headers)
    assert (listed.status, listed.values["items"]) == (200, [])
    answer = call(cloud, f"/datasets/{picture.dataset}?tenant={ann_is}", token=token, headers=headers)
    assert (answer.status, answer.code) == (404, "not_found")
    status, problem = bob.get("/datasets", method="POST", body={"name": "mine", "tenant": ann_is})
    assert (status, problem["code"]) == (422, "invalid_request")


def test_a_users_token_opens_no_service_but_the_api(cloud: Laptop, ann: User, picture: Picture) -> None:
    token = access_token(ann)
    headers = {"Authorization": f"Bearer {token}", "X-Amz-Security-Token": token}
    key = "t/" + picture.view["source_url"].partition("/t/")[2]
    place = f"{cloud.emulator_url}/{cloud.outputs['MediaBucket']}/{key}"
    assert send(place, headers=headers).status in {400, 401, 403}
    assert send(place, "PUT", headers=headers, body=b"x").status in {400, 401, 403}
    for name in ("serve-api", "render-item"):
        sts = client("sts", cloud.emulator_url)
        with pytest.raises(ClientError) as caught:
            sts.assume_role_with_web_identity(
                RoleArn=role_of(cloud, name), RoleSessionName="ann", WebIdentityToken=token
            )
        assert caught.value.response["Error"]["Code"] in {"AccessDenied", "InvalidIdentityToken"}
    assert client("cognito-identity", cloud.emulator_url).list_identity_pools(MaxResults=10)["IdentityPools"] == []


# Uploads ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ticket:
    """A form for one file of Ann's."""

    dataset: str
    image: str
    url: str
    fields: dict[str, str]
    data: bytes

    def post(self, data: bytes | None = None, **fields: str | None) -> Answer:
        """Post the form; a field that is None is left out."""
        changed: dict[str, str | None] = {**self.fields, **{name.replace("_", "-"): v for name, v in fields.items()}}
        kept = {name: value for name, value in changed.items() if value is not None}
        return post_form(self.url, kept, self.data if data is None else data)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of Ann's that has been ingested."""

    ticket: Ticket
    dataset: str
    view: dict[str, Any]


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def announce(user: User, dataset: str, data: bytes) -> Ticket:
    file = {"name": "a.png", "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    status, tickets = user.get(f"/datasets/{dataset}/uploads", method="POST", body={"files": [file]})
    assert status == 201, tickets
    (ticket,) = tickets["items"]
    return Ticket(dataset, ticket["image_id"], ticket["url"], ticket["fields"], data)


def settled(user: User, ticket: Ticket, *, timeout_s: float = 30.0) -> dict[str, Any]:
    end = time.monotonic() + timeout_s
    while True:
        _, view = user.get(f"/datasets/{ticket.dataset}/images/{ticket.image}")
        if view["status"] != "expected":
            return view
        assert time.monotonic() < end, view
        time.sleep(0.2)


@pytest.fixture(scope="module")
def dataset(ann: User) -> str:
    status, made = ann.get("/datasets", method="POST", body={"name": "doors"})
    assert status == 201
    return str(made["dataset_id"])


@pytest.fixture(scope="module")
def picture(ann: User, dataset: str) -> Picture:
    ticket = announce(ann, dataset, png(1))
    assert ticket.post().status == 204
    view = settled(ann, ticket)
    assert view["status"] == "ready"
    return Picture(ticket, dataset, view)


@pytest.fixture(scope="module")
def unused(ann: User, dataset: str) -> Ticket:
    """A ticket that every test tries to abuse, and that must still be good for what it was made for."""
    return announce(ann, dataset, png(2))


def forever(ticket: Ticket) -> str:
    policy = json.loads(base64.b64decode(ticket.fields["policy"]))
    return base64.b64encode(json.dumps({**policy, "expiration": "2099-01-01T00:00:00Z"}).encode()).decode()


def lenient(ticket: Ticket) -> str:
    policy = json.loads(base64.b64decode(ticket.fields["policy"]))
    return base64.b64encode(json.dumps({**policy, "conditions": [["starts-with", "$key", ""]]}).encode()).decode()


ABUSES: dict[str, Callable[[Ticket], Answer]] = {
    "shorter": lambda ticket: ticket.post(ticket.data[:-1]),
    "longer": lambda ticket: ticket.post(ticket.data + b"x"),
    "empty": lambda ticket: ticket.post(b""),
    "another type": lambda ticket: ticket.post(Content_Type="text/html"),
    "no type": lambda ticket: ticket.post(Content_Type=None),
    "the next key": lambda ticket: ticket.post(key=ticket.fields["key"][:-1] + "z"),
    "another tenant's key": lambda ticket: ticket.post(key="t/another/" + ticket.fields["key"].split("/", 2)[2]),
    "a key that climbs": lambda ticket: ticket.post(key=ticket.fields["key"] + "/../x"),
    "a key named by the file": lambda ticket: ticket.post(key="${filename}"),
    "metadata": lambda ticket: ticket.post(x_amz_meta_sha256="0" * 64),
    "public": lambda ticket: ticket.post(acl="public-read"),
    "redirect": lambda ticket: ticket.post(success_action_redirect="http://127.0.0.1:9/"),
    "tags": lambda ticket: ticket.post(tagging="<Tagging><TagSet/></Tagging>"),
    "another checksum": lambda ticket: ticket.post(x_amz_checksum_sha256=base64.b64encode(bytes(32)).decode()),
    "no checksum": lambda ticket: ticket.post(x_amz_checksum_sha256=None, x_amz_checksum_algorithm=None),
    "another signature": lambda ticket: ticket.post(x_amz_signature="0" * 64),
    "no signature": lambda ticket: ticket.post(x_amz_signature=None),
    "no session": lambda ticket: ticket.post(x_amz_security_token=None),
    "a policy that lasts": lambda ticket: ticket.post(policy=forever(ticket)),
    "no policy": lambda ticket: ticket.post(policy=None),
    "another key id": lambda ticket: ticket.post(
        x_amz_credential=ticket.fields["x-amz-credential"].replace(ticket.fields["x-amz-credential"][:8], "ASIAAAAA", 1)
    ),
    "a later date": lambda ticket: ticket.post(x_amz_date="2099" + ticket.fields["x-amz-date"][4:]),
    "another algorithm": lambda ticket: ticket.post(x_amz_algorithm="AWS4-HMAC-MD5"),
    "a policy that asks nothing": lambda ticket: ticket.post(policy=lenient(ticket)),
    "another encoding": lambda ticket: ticket.post(Content_Encoding="gzip"),
    "a name for whoever saves it": lambda ticket: ticket.post(Content_Disposition="attachment; filename=a.html"),
    "kept for long": lambda ticket: ticket.post(Cache_Control="max-age=31536000"),
    "another storage class": lambda ticket: ticket.post(x_amz_storage_class="GLACIER"),
    "elsewhere on a website": lambda ticket: ticket.post(x_amz_website_redirect_location="https://evil.example/"),
    "encrypted by a key of theirs": lambda ticket: ticket.post(x_amz_server_side_encryption="aws:kms"),
    "put instead": lambda ticket: send(f"{ticket.url}/{ticket.fields['key']}", "PUT", body=ticket.data),
}


@pytest.mark.parametrize("abuse", ABUSES)
def test_an_upload_form_takes_nothing_but_what_it_was_made_for(ann: User, unused: Ticket, abuse: str) -> None:
    answer = ABUSES[abuse](unused)
    assert answer.status in {400, 403}, answer.body
    assert ann.get(f"/datasets/{unused.dataset}/images/{unused.image}")[1]["status"] == "expected"


def test_a_form_does_not_open_another_bucket(cloud: Laptop, unused: Ticket) -> None:
    for bucket in ("MediaBucket", "WorkBucket"):
        url = unused.url.replace(cloud.outputs["UploadsBucket"], cloud.outputs[bucket])
        assert post_form(url, unused.fields, unused.data).status == 403


def test_an_expired_form_is_refused(cloud: Laptop, unused: Ticket) -> None:
    """Signed with the very rights that sign the forms, for a moment that has passed."""
    session = session_of(cloud, role_of(cloud, "serve-api"), LAMBDA)
    s3 = client("s3", cloud.emulator_url, session)
    bucket, key = cloud.outputs["UploadsBucket"], unused.fields["key"]
    good = s3.generate_presigned_post(bucket, key + "2", ExpiresIn=60)
    assert post_form(good["url"], good["fields"], b"x").status == 204
    late = s3.generate_presigned_post(bucket, key, ExpiresIn=-5)
    assert post_form(late["url"], late["fields"], unused.data).status == 403


def test_whoever_posts_a_form_fills_its_owners_image_and_no_other(ann: User, bob: User, dataset: str) -> None:
    ticket = announce(ann, dataset, png(3))
    assert ticket.post().status == 204  # nothing in a form says who posts it
    assert settled(ann, ticket)["status"] == "ready"
    assert bob.get(f"/datasets/{dataset}/images/{ticket.image}")[0] == 404


def test_other_bytes_of_the_same_size_become_no_image(ann: User, dataset: str) -> None:
    """Where the store does not compare the checksum of a form, ingest does."""
    ticket = announce(ann, dataset, png(4))
    other = png(5)[: len(ticket.data)].ljust(len(ticket.data), b"\0")
    if ticket.post(other).status == 204:
        view = settled(ann, ticket)
        assert (view["status"], view["refusal"]["code"]) == ("refused", "checksum_mismatch")


def test_a_settled_image_stays_as_it_is(ann: User, picture: Picture) -> None:
    before = ann.read(picture.view["source_url"])
    other = png(6)[: len(picture.ticket.data)].ljust(len(picture.ticket.data), b"\0")
    assert picture.ticket.post().status in {204, 403, 412}
    assert picture.ticket.post(other).status in {204, 400, 403, 412}
    time.sleep(1.5)  # the arrivals are worked on
    view = settled(ann, picture.ticket)
    assert view == picture.view  # its addresses never change
    assert ann.read(view["source_url"]) == before


# Downloads --------------------------------------------------------------------------------------------------------


ZIP = b"PK what a job gave"


@pytest.fixture(scope="module")
def archive(cloud: Laptop, ann: User) -> str:
    """The key of a file that the API signs addresses for."""
    key = "t/ann/jobs/j1/exports/archive/archive.zip"
    client("s3", cloud.emulator_url).put_object(Bucket=cloud.outputs["MediaBucket"], Key=key, Body=ZIP)
    return key


def signed(cloud: Laptop, key: str, *, life_s: int = 900) -> str:
    """An address as the API signs it, with the rights of its own function."""
    session = session_of(cloud, role_of(cloud, "serve-api"), LAMBDA)
    where = {"Bucket": cloud.outputs["MediaBucket"], "Key": key}
    s3 = client("s3", cloud.emulator_url, session)
    return str(s3.generate_presigned_url("get_object", Params=where, ExpiresIn=life_s))


def test_a_signed_address_opens_one_object_for_reading(cloud: Laptop, archive: str) -> None:
    url = signed(cloud, archive)
    tenant, other = "t/ann/", "t/00000000-0000-0000-0000-000000000000/"
    assert send(url).status == 200
    edited = {
        "another key": url.replace("/archive.zip", "/receipt.json"),
        "another tenant": url.replace(tenant, other),
        "a climbing key": url.replace("/jobs/", "/jobs/../jobs/"),
        "an encoded climb": url.replace("/jobs/", "/%2e%2e/jobs/"),
        "another bucket": url.replace(cloud.outputs["MediaBucket"], cloud.outputs["WorkBucket"]),
        "the whole bucket": url.split("/t/")[0] + "?" + url.split("?")[1],
        "a longer life": url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        "a later date": url.replace("X-Amz-Date=2", "X-Amz-Date=3"),
        "another answer": url + "&response-content-type=text/html",
        "another version": url + "&versionId=1",
        "no signature": url.rsplit("&X-Amz-Signature=", 1)[0],
        "nothing signed": url.split("?")[0],
    }
    for kind, address in edited.items():
        assert address != url, kind
        answer = send(address)
        assert answer.status in {400, 403}, f"{kind} gave {answer.status}"
        assert ZIP not in answer.body, kind
    for method in ("HEAD", "PUT", "POST", "DELETE"):
        assert send(url, method, body=b"x" if method in {"PUT", "POST"} else None).status == 403, method
    assert send(url).status == 200


def test_an_expired_address_is_refused(cloud: Laptop, archive: str) -> None:
    url = signed(cloud, archive, life_s=1)
    assert send(url).status == 200
    time.sleep(2.1)
    assert send(url).status == 403


def test_an_address_opens_no_more_than_the_role_that_signed_it(cloud: Laptop) -> None:
    """Even whoever held the keys of the API's function could sign for no picture: people's sessions open those."""
    session = session_of(cloud, role_of(cloud, "serve-api"), LAMBDA)
    s3, outputs = client("s3", cloud.emulator_url, session), cloud.outputs
    for bucket, key in (
        (outputs["UploadsBucket"], "t/a/d/b/c"),
        (outputs["WorkBucket"], "t/a/jobs/b/requests/c.json"),
        (outputs["MediaBucket"], "t/a/jobs/b/plan.json"),
        (outputs["MediaBucket"], "t/a/px/b/labels/c.json"),
        (outputs["MediaBucket"], "t/a/px/b/labels/c.png"),
        (outputs["MediaBucket"], "t/a/px/b/normal.png"),
        (outputs["MediaBucket"], "t/a/px/b/thumbnail.webp"),
        (outputs["MediaBucket"], "t/a/px/b/variants/c.webp"),
    ):
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
        assert send(url).status == 403, key
    form = s3.generate_presigned_post(outputs["MediaBucket"], "t/a/px/b/normal.png", ExpiresIn=60)
    assert post_form(form["url"], form["fields"], b"x").status == 403
