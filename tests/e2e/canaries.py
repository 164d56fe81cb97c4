"""Calls that AWS refuses. An emulator that lets one pass enforces nothing, and no test on it says who may do what.

They need nothing deployed: each run makes a bucket, a queue, a table and a few roles of its own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials
from botocore.exceptions import ClientError

from local.aws import Credentials
from local.emulator.environment import ACCOUNT, REGION
from local.emulator.patches.role_sessions import PROBE
from tests.e2e.roles import client_at
from tests.e2e.wire import post_form, send

REFUSED = {400, 401, 403}
UNKNOWN = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
Passed = bool  # whether a call was let through


@dataclass(frozen=True)
class Ground:
    """What the canaries are tried on: a bucket, a queue and a table of one name, and roles for them."""

    url: str
    name: str

    def client(self, service: str, keys: Credentials) -> Any:
        return client_at(self.url, keys, service)

    @cached_property
    def arns(self) -> dict[str, str]:
        return {
            "bucket": f"arn:aws:s3:::{self.name}",
            "objects": f"arn:aws:s3:::{self.name}/a/*",
            "queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}",
            "table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self.name}",
        }

    @cached_property
    def queue_url(self) -> str:
        return str(self.client("sqs", Credentials()).get_queue_url(QueueName=self.name)["QueueUrl"])

    def role(self, *statements: dict[str, Any], trusts: str = "lambda.amazonaws.com") -> str:
        """The ARN of a new role with these statements, which a service trusts, or this account."""
        iam, name = self.client("iam", Credentials()), f"canary-{secrets.token_hex(4)}"
        who = {"AWS": trusts} if trusts.startswith("arn:") else {"Service": trusts}
        trust = {"Statement": [{"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}]}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return str(made["Role"]["Arn"])

    def session(self, role: str, **more: Any) -> Credentials:
        question = {"role": role, "service": "lambda.amazonaws.com", "session": PROBE, **more}
        answer = send(f"{self.url}/_local/role-session", "POST", body=json.dumps(question).encode()).values
        return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"])

    @cached_property
    def good(self) -> Credentials:
        """A session that may read and write objects below a/, send messages and read rows."""
        return self.session(self.role(allow("s3:GetObject", self.arns["objects"]), *self._rest()))

    def _rest(self) -> list[dict[str, Any]]:
        return [
            allow("s3:PutObject", self.arns["objects"]),
            allow("sqs:SendMessage", self.arns["queue"]),
            allow("dynamodb:GetItem", self.arns["table"]),
        ]

    # What is tried ---------------------------------------------------------------------------------------------

    def reads(self, keys: Credentials, key: str = "a/1") -> Passed:
        return passes(lambda: self.client("s3", keys).get_object(Bucket=self.name, Key=key))

    def sends(self, keys: Credentials) -> Passed:
        return passes(lambda: self.client("sqs", keys).send_message(QueueUrl=self.queue_url, MessageBody="x"))

    def looks(self, keys: Credentials) -> Passed:
        row = {"pk": {"S": "x"}}
        return passes(lambda: self.client("dynamodb", keys).get_item(TableName=self.name, Key=row))

    def all_three(self, keys: Credentials) -> Passed:
        return self.reads(keys) or self.sends(keys) or self.looks(keys)


def allow(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def passes(act: Callable[[], object]) -> Passed:
    try:
        act()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] not in REFUSED
    return True


def _unsigned(ground: Ground, method: str, path: str, **more: Any) -> Passed:
    return send(f"{ground.url}{path}", method, **more).status not in REFUSED


def _unsigned_scan(ground: Ground) -> Passed:
    headers = {"X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0"}
    return _unsigned(ground, "POST", "/", headers=headers, body=json.dumps({"TableName": ground.name}).encode())


def _signed_message(ground: Ground, *, sent: str) -> Passed:
    """A call that was signed for the message "x"."""

    def body(text: str) -> bytes:
        return json.dumps({"QueueUrl": ground.queue_url, "MessageBody": text}).encode()

    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest("POST", f"{ground.url}/", data=body("x"), headers=headers)
    keys = ground.good
    SigV4Auth(SdkCredentials(keys.access_key, keys.secret_key, keys.token), "sqs", REGION).add_auth(request)
    return _unsigned(ground, "POST", "/", headers=dict(request.headers), body=body(sent))


def _with_session_policy(ground: Ground) -> Credentials:
    """A role that may read everything, taken on for one key alone."""
    role = ground.role(allow("s3:GetObject", "*"), trusts=f"arn:aws:iam::{ACCOUNT}:root")
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:GetObject", ground.arns["bucket"] + "/a/1")]})
    taken = ground.client("sts", Credentials()).assume_role(RoleArn=role, RoleSessionName=PROBE, Policy=narrow)
    keys = taken["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def _with_deny(ground: Ground) -> Credentials:
    everything = allow("s3:*", "*")
    return ground.session(ground.role(everything, {**everything, "Effect": "Deny", "Action": "s3:GetObject"}))


def _for_folder(ground: Ground) -> Credentials:
    below = {"StringLike": {"s3:prefix": ["a/"]}}
    return ground.session(ground.role(allow("s3:ListBucket", ground.arns["bucket"], Condition=below)))


def _lists(ground: Ground, keys: Credentials, prefix: str) -> Passed:
    return passes(lambda: ground.client("s3", keys).list_objects_v2(Bucket=ground.name, Prefix=prefix))


def _assumes(ground: Ground) -> Passed:
    role = ground.role(allow("s3:GetObject", "*"))  # which trusts a service and nobody else
    return passes(lambda: ground.client("sts", ground.good).assume_role(RoleArn=role, RoleSessionName=PROBE))


def _address(ground: Ground, **more: Any) -> str:
    s3 = ground.client("s3", ground.good)
    return str(s3.generate_presigned_url("get_object", Params={"Bucket": ground.name, "Key": "a/1"}, **more))


def _form(ground: Ground, **changed: str) -> Passed:
    form = ground.client("s3", ground.good).generate_presigned_post(ground.name, "a/3", ExpiresIn=60)
    return post_form(form["url"], {**form["fields"], **changed}, b"x").status not in REFUSED


def _opens(url: str) -> Passed:
    return send(url).status not in REFUSED


REFUSALS: dict[str, Callable[[Ground], Passed]] = {
    "an unknown key": lambda ground: ground.all_three(UNKNOWN),
    "a wrong secret": lambda ground: ground.all_three(Credentials(ground.good.access_key, "0" * 40, ground.good.token)),
    "no session token": lambda ground: ground.all_three(Credentials(ground.good.access_key, ground.good.secret_key)),
    "a wrong session token": lambda ground: ground.all_three(
        Credentials(ground.good.access_key, ground.good.secret_key, "0" * 64)
    ),
    "a session that is over": lambda ground: ground.all_three(
        ground.session(ground.role(allow("s3:GetObject", "*")), duration_s=-1)
    ),
    "an unsigned read": lambda ground: _unsigned(ground, "GET", f"/{ground.name}/a/1"),
    "an unsigned write": lambda ground: _unsigned(ground, "PUT", f"/{ground.name}/a/1", body=b"x"),
    "an unsigned message": lambda ground: _unsigned(
        ground, "POST", f"{urlsplit(ground.queue_url).path}?Action=SendMessage&MessageBody=x"
    ),
    "an unsigned scan": _unsigned_scan,
    "another body than the signed one": lambda ground: _signed_message(ground, sent="y"),
    "a role without rights": lambda ground: ground.all_three(ground.session(ground.role())),
    "a right on another resource": lambda ground: ground.reads(ground.good, "b/1"),
    "a denial beside a right": lambda ground: ground.reads(_with_deny(ground)),
    "a right on a condition that does not hold": lambda ground: _lists(ground, _for_folder(ground), "b/"),
    "beyond the policy of a session": lambda ground: ground.reads(_with_session_policy(ground), "a/0"),
    "a role that trusts somebody else": _assumes,
    "a signed address for another key": lambda ground: _opens(_address(ground).replace("/a/1", "/a/0")),
    "a signed address that is over": lambda ground: _opens(_address(ground, ExpiresIn=-5)),
    "a signed form for another key": lambda ground: _form(ground, key="a/4"),
}
# Otherwise everything above might be refused for another reason.
ADMITTED: dict[str, Callable[[Ground], Passed]] = {
    "a good read": lambda ground: ground.reads(ground.good),
    "a good message": lambda ground: ground.sends(ground.good),
    "a good look": lambda ground: ground.looks(ground.good),
    "the signed body": lambda ground: _signed_message(ground, sent="x"),
    "a condition that holds": lambda ground: _lists(ground, _for_folder(ground), "a/"),
    "within the policy of a session": lambda ground: ground.reads(_with_session_policy(ground)),
    "a signed address": lambda ground: _opens(_address(ground)),
    "a signed form": _form,
}


def unenforced(emulator_url: str) -> list[str]:
    """What the emulator decides otherwise than AWS; an empty list where its word can be taken."""
    ground = _laid_out(emulator_url)
    try:
        passed = [f"it lets pass {kind}" for kind, act in REFUSALS.items() if act(ground)]
        return passed + [f"it refuses {kind}" for kind, act in ADMITTED.items() if not act(ground)]
    finally:
        _cleared(ground)


def _laid_out(emulator_url: str) -> Ground:
    ground = Ground(emulator_url, f"canary-{secrets.token_hex(4)}")
    ground.client("sqs", Credentials()).create_queue(QueueName=ground.name)
    ground.client("dynamodb", Credentials()).create_table(
        TableName=ground.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    s3 = ground.client("s3", Credentials())
    s3.create_bucket(Bucket=ground.name)
    for key in ("a/0", "a/1", "b/1"):
        s3.put_object(Bucket=ground.name, Key=key, Body=b"x")
    return ground


def _cleared(ground: Ground) -> None:
    s3, iam = ground.client("s3", Credentials()), ground.client("iam", Credentials())
    for key in _keys(s3, ground.name):
        s3.delete_object(Bucket=ground.name, Key=key)
    s3.delete_bucket(Bucket=ground.name)
    ground.client("sqs", Credentials()).delete_queue(QueueUrl=ground.queue_url)
    ground.client("dynamodb", Credentials()).delete_table(TableName=ground.name)
    for role in iam.list_roles()["Roles"]:
        if role["RoleName"].startswith("canary-"):
            with suppress(ClientError):
                iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="own")
            iam.delete_role(RoleName=role["RoleName"])


def _keys(s3: Any, bucket: str) -> Iterator[str]:
    yield from (found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", []))
