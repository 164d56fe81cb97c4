"""What stands on and beside the emulator for the tests of a port: an endpoint, a function that is an image, sockets."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import boto3

from local.emulator.environment import ACCOUNT, REGION
from local.endpoint.cloud import Cloud
from local.endpoint.host import Host, HostSettings
from local.endpoint.instance import Scaling
from local.endpoint.server import EndpointServer

ENDPOINT, REALTIME_ENDPOINT = "masks", "masks-now"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/lane:1"
_LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
_WHO = "def handler(event, context): return {'statusCode': 200, 'body': event['requestContext']['connectionId']}"


def role_arn() -> str:
    """A role that functions may take."""
    iam = boto3.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [_LAMBDA]})
    try:
        return str(iam.create_role(RoleName="contract", AssumeRolePolicyDocument=trust)["Role"]["Arn"])
    except iam.exceptions.EntityAlreadyExistsException:
        return f"arn:aws:iam::{ACCOUNT}:role/contract"


def image_function(name: str) -> None:
    """A function whose image is the model server."""
    boto3.client("lambda").create_function(
        FunctionName=name, PackageType="Image", Code={"ImageUri": IMAGE}, Role=role_arn()
    )


def telling_sockets() -> str:
    """A WebSocket API that answers each line of a socket with the socket's id; gives the API's id."""
    gateway, functions, package = boto3.client("apigatewayv2"), boto3.client("lambda"), io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", _WHO)
    function = functions.create_function(
        FunctionName="who-am-i",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role_arn(),
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]
    api = gateway.create_api(Name="sockets", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.type")
    integration = gateway.create_integration(
        ApiId=api["ApiId"],
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
    )
    gateway.create_route(ApiId=api["ApiId"], RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
    gateway.create_stage(ApiId=api["ApiId"], StageName="live", AutoDeploy=True)
    functions.add_permission(
        FunctionName="who-am-i", StatementId="a", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    return str(api["ApiId"])


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None: ...


@contextmanager
def endpoint_stand_in(folder: Path, cloud: Cloud, model_url: str = "http://127.0.0.1:9") -> Iterator[tuple[str, Host]]:
    """The endpoint stand-in in this process, which runs nothing that waits; gives its address."""
    deployed = {
        "account": ACCOUNT,
        "region": REGION,
        "endpoints": {
            ENDPOINT: {"EndpointConfigName": "config"},
            REALTIME_ENDPOINT: {"EndpointConfigName": "realtime"},
        },
        "endpoint_configs": {
            "realtime": {"ProductionVariants": [{"VariantName": "main", "ModelName": "model"}]},
            "config": {
                "ProductionVariants": [{"VariantName": "main", "ModelName": "model"}],
                "AsyncInferenceConfig": {
                    "OutputConfig": {"S3OutputPath": "s3://work/async", "S3FailurePath": "s3://work/async-failed"}
                },
            },
        },
        "models": {},
        "scalable_targets": {},
    }
    file = folder / "sagemaker.json"
    file.write_text(json.dumps(deployed))
    settings = HostSettings(file, folder / "queue", model_url, {}, Scaling())
    host = Host(settings, cloud, clock=lambda: 1.0, log=lambda _line: None)
    with make_server("127.0.0.1", 0, EndpointServer(host), handler_class=_Quiet) as server, _served(server):
        yield f"http://127.0.0.1:{server.server_port}", host
    host.stop()


@contextmanager
def model_server(port: int, status: int = 200) -> Iterator[list[bytes]]:
    """What answers at the model server's address: the last of the bodies in the list that it gives."""
    answers: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answers[-1])))
            self.end_headers()
            self.wfile.write(answers[-1])

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server, _served(server):
        yield answers


@contextmanager
def _served(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
