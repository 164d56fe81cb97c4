"""The API as its callers see it: real gateway events in, real answers out, on moto behind the handler."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from lambdas import records
from lambdas.known import Facts
from lambdas.serve_api import handler as edge
from maskmill.core import keys, rows
from maskmill.core.automask import FoundMask
from maskmill.core.geometry import Point, Size
from maskmill.core.image import NormalImage, Refusal, SourceFormat
from maskmill.core.mask import Mask, Rle
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.prompt import MaskChoice
from maskmill.core.recipe import OutputFormat
from maskmill.core.result import BoxPx, ItemResult, Label, VariantRecord, file_stem
from maskmill.core.shard import ImageAnswer, MaskAnswer, PromptTask, ShardAnswer, ShardRequest
from maskmill.core.usage import Quotas
from tests.contract import aws

_numbers = itertools.count(1)
SHA256 = "0f" * 32
PROMPT = {"points": [{"x": 0.5, "y": 0.5}]}
LANE_SEGMENTER = "sam-vit-b-ec2df6273261"
LANE_SIDE_MAX = 8
MEDIA_URL = "https://page.example/media/"
MEDIA_KEY_PAIR_ID = "K1"
TRIAL_LIFE_S = 6 * 3600
QUOTAS = Quotas(
    datasets=50, images=20_000, bytes=10**9, variants_per_day=100_000, gpu_seconds_per_day=100_000, open_jobs=50
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json", self.text
        return str(self.json["code"])

    @property
    def pointers(self) -> list[str]:
        return [fault["pointer"] for fault in self.json["errors"]]


def claims_of(tenant: str, *groups: str) -> dict[str, Any]:
    """The claims of a person's token, as the gateway hands them on."""
    named = {"cognito:groups": f"[{' '.join(groups)}]"} if groups else {}
    return {
        **named,
        "sub": tenant,
        "token_use": "access",
        "client_id": "app",
        "scope": "openid maskmill/api",
        "exp": "1793530000",
    }


def gateway_event(
    method: str,
    path: str,
    *,
    claims: dict[str, Any] | None,
    body: str | None = None,
    is_base64: bool = False,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An event of an HTTP API, payload format 2.0."""
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api-id",
        "domainName": "api-id.execute-api.us-east-1.amazonaws.com",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        "requestId": f"request-{next(_numbers)}",
        "routeKey": "ANY /api/v1/{proxy+}",
        "stage": "$default",
        "time": "01/Nov/2026:10:00:00 +0000",
        "timeEpoch": 1793527200000,
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /api/v1/{proxy+}",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": context,
        "isBase64Encoded": is_base64,
    }
    if query:
        event["queryStringParameters"] = query
    if body is not None:
        event["body"] = body
    return event


@dataclass
class Api:
    """One tenant's view of the service; `ports` reach behind it, to play the rest of the pipeline."""

    tenant: str = field(default_factory=lambda: f"tenant-{next(_numbers)}")

    @property
    def ports(self) -> Any:
        return edge.connect()

    def send(self, event: dict[str, Any]) -> Answer:
        found = edge.handler(event, None)
        headers = {name: value for name, value in found.get("headers", {}).items() if value is not None}
        text = found.get("body") or ""
        if found.get("isBase64Encoded"):
            data = base64.b64decode(text)
            text = (gzip.decompress(data) if headers.get("Content-Encoding") == "gzip" else data).decode()
        return Answer(found["statusCode"], headers, text, tuple(found.get("cookies", ())))

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        more.setdefault("claims", claims_of(self.tenant))
        return self.send(gateway_event(method, f"/api/v1{path}", body=text, **more))

    def get(self, path: str, **query: str) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def post_bytes(self, path: str, data: bytes) -> Answer:
        return self.call("POST", path, base64.b64encode(data).decode(), is_base64=True)

    # What a client does ------------------------------------------------------------------------------------------

    def dataset(self, name: str = "set") -> str:
        return str(self.post("/datasets", {"name": name}).json["dataset_id"])

    def announce(self, dataset: str, *names: str) -> list[str]:
        files = [{"name": name, "size_bytes": 10, "sha256": SHA256} for name in names]
        answer = self.post(f"/datasets/{dataset}/uploads", {"files": files})
        assert answer.status == 201, answer.text
        return [ticket["image_id"] for ticket in answer.json["items"]]

    def template(self, dataset: str, name: str = "shirt") -> str:
        answer = self.post(f"/datasets/{dataset}/templates", {"name": name, "prompt": PROMPT})
        assert answer.status == 201, answer.text
        return str(answer.json["template_id"])

    def ready_dataset(self, images: int = 1) -> tuple[str, str, list[str]]:
        """A dataset with a template and images that ingest has made ready."""
        dataset = self.dataset()
        image_ids = self.announce(dataset, *(f"{number}.jpg" for number in range(images)))
        for image_id in image_ids:
            self.settle(dataset, image_id)
        return dataset, self.template(dataset), image_ids

    def submit(self, dataset: str, template: str, **more: Any) -> Answer:
        headers = {"idempotency-key": more.pop("key")} if "key" in more else {}
        return self.call("POST", f"/datasets/{dataset}/jobs", {"recipe": recipe(template), **more}, headers=headers)

    def job(self) -> str:
        dataset, template, _ = self.ready_dataset()
        answer = self.submit(dataset, template)
        assert answer.status == 202, answer.text
        return str(answer.json["job_id"])

    # What the rest of the pipeline does --------------------------------------------------------------------------

    def settle(self, dataset: str, image_id: str, *, refusal: Refusal | None = None) -> None:
        normal = None if refusal else normal_image()
        self.ports.table.write(rows.settle_image(self.tenant, dataset, image_id, normal=normal, refusal=refusal))

    def plan(self, job: str, *, items: int, chunk_items: int) -> None:
        table, tenant = self.ports.table, self.tenant
        planned = [PlannedItem(index=i, image_id=f"i{i}", name=f"{i}.jpg", normal=normal_image()) for i in range(items)]
        starts = range(0, items, chunk_items)
        table.write(rows.begin_planning(tenant, job))
        for number, start in enumerate(starts):
            chunk = Chunk(number=number, items=tuple(planned[start : start + chunk_items]))
            data = chunk.model_dump_json().encode()
            self.ports.media.put(keys.chunk(tenant, job, number), data, media_type="application/json")
            table.write(rows.put_chunk(tenant, job, chunk, now_s=1))
        table.write(rows.mark_planned(tenant, job, chunks_total=len(starts), items_total=items))

    def result(self, job: str, index: int, *, variants: int = 2) -> None:
        table, media = self.ports.table, self.ports.media
        nothing = Facts(table, media, self.tenant)
        records.keep_results(table, media, self.tenant, job, [item_result(index, variants)], nothing)


def lane_reply(payload: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """The lane's function as it should be: every prompt has a mask, a search finds two things, an embedding is kept."""
    request = ShardRequest.model_validate(payload)
    (task,) = request.images
    if task.embedding is not None:
        bucket, _, key = task.embedding.removeprefix("s3://").partition("/")
        assert bucket == aws.MEDIA
        edge.connect().media.put(key, b"embedding", media_type="application/octet-stream")
    masks = tuple(_answer_to(one) for one in task.prompts)
    found = tuple(FoundMask(mask=mask_of(0.8), stability=0.99, point=Point(x=0.5, y=y)) for y in (0.2, 0.7))
    image = ImageAnswer(image_key=task.image_key, masks=masks, found=found if task.everything else ())
    return aws.answering(ShardAnswer(segmenter=request.segmenter, images=(image,)))


def _answer_to(asked: PromptTask) -> MaskAnswer:
    """The one that was asked for, of which the third is the best, and the others after it."""
    first = MaskChoice.THIRD if asked.choice is MaskChoice.BEST else asked.choice
    all_three = (MaskChoice.FIRST, MaskChoice.SECOND, MaskChoice.THIRD)
    order = (first, *(one for one in all_three if one is not first))[: asked.top_k]
    others = tuple(mask_of(0.1) for _ in order[1:])
    choices = order if others else ()
    return MaskAnswer(mask_key=asked.mask_key, mask=mask_of(0.9), others=others, choices=choices)


def mask_of(score: float, counts: str = "0`U1") -> Mask:
    return Mask(rle=Rle(size=normal_image().size, counts=counts), score=score)


def recipe(template: str, **more: Any) -> dict[str, Any]:
    return {"templates": [template], "layers": [{"region": template, "edits": {"hue": 30}}], **more}


def normal_image() -> NormalImage:
    return NormalImage(
        pixels_sha256="ab" * 32,
        source_sha256=SHA256,
        png_sha256=SHA256,
        png_bytes=100,
        source_format=SourceFormat.JPEG,
        size=Size(height_px=30, width_px=40),
        is_grey=False,
        has_alpha=False,
    )


def item_result(index: int, variants: int) -> ItemResult:
    stem = file_stem(index, f"{index}.jpg")
    label = Label(
        template_id="t",
        name="shirt",
        score=0.9,
        rle_sha256=SHA256,
        png_sha256=SHA256,
        png_bytes=100,
        area_px=5,
        box=BoxPx(x=0, y=0, width=2, height=3),
        object_id="cd" * 20,
    )
    made = tuple(
        VariantRecord(
            variant_id=f"{number:040x}",
            file_stem=f"{stem}__shirt_s{number:02d}",
            format=OutputFormat.JPEG,
            size=Size(height_px=30, width_px=40),
            size_bytes=100,
            sha256=SHA256,
            sample=number,
            renderer="r",
            layers=(),
            labels=(label,) if number == 1 else None,
            has_thumbnail=number == 0,
        )
        for number in range(variants)
    )
    return ItemResult(
        index=index,
        image_id=f"i{index}",
        image_name=f"{index}.jpg",
        file_stem=stem,
        normal=normal_image(),
        labels=(label,),
        variants=made,
    )
