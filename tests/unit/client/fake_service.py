"""A small Maskmill over real HTTP on loopback: the REST API, Cognito and the store, with faults on demand.

It does in memory what the service promises, decides the fate of a photo by its first bytes, and lets a job take one
step of its script at each look.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from PIL import Image

from maskmill.core.api import Limits, SegmentImage
from maskmill.core.automask import Automask
from maskmill.core.mask import Rle
from maskmill.core.parts import parts_of
from maskmill.core.prompt import Template
from maskmill.core.recipe import Recipe
from maskmill.imaging.masks import rle_of
from tests.unit.client.fake_store import Answer, FakeStore

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).isoformat()
REFUSALS = {b"": "empty_file", b"TEXT": "unsupported_format", b"CUT!": "corrupt_image", b"BOMB": "too_many_pixels"}
PAGE = 3
OPEN_STATES = [("planning", False, "pending"), ("running", True, "segmenting"), ("running", False, "rendering")]
EXPORT_STATES = ["waiting", "making", "ready"]
SHORT_STATES = [("running", True, "segmenting")]


@dataclass
class FakeService:
    """The state of the service; tests look into it and put faults into `faults`."""

    store: FakeStore = field(default_factory=FakeStore)
    url: str = ""
    token: str = "good-token"
    datasets: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    templates: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    script: list[tuple[str, bool, str]] = field(default_factory=lambda: list(SHORT_STATES))
    faults: list[tuple[str, Answer]] = field(default_factory=list)  # "METHOD /path prefix", taken in order
    calls: list[str] = field(default_factory=list)
    keys_sent: list[str] = field(default_factory=list)  # of all calls that carried one, also of those that failed
    prompts: list[SegmentImage] = field(default_factory=list)
    searches: list[dict[str, Any]] = field(default_factory=list)
    settles: bool = True
    export_parts: dict[str, bytes] = field(default_factory=dict)  # of each export, instead of the usual ones
    failing: str = "fails"  # photos with this in their name fail in a job
    refreshes: int = 0
    sessions: int = 0  # of media; the last one opens
    session_s: int = 3600
    passwords: dict[str, str] = field(default_factory=lambda: {"ann": "secret"})
    lock: threading.RLock = field(default_factory=threading.RLock)

    # Edge

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        with self.lock:
            parts = urlsplit(target)
            path = unquote(parts.path)
            self.calls.append(f"{method} {path}")
            self.keys_sent += [headers["idempotency-key"]] if "idempotency-key" in headers else []
            for position, (prefix, fault) in enumerate(self.faults):
                if f"{method} {path}".startswith(prefix):
                    del self.faults[position]
                    return fault
            if path == "/" and method == "POST":
                return self._cognito(headers, json.loads(body))
            if path.startswith(("/form", "/store/", "/media/")):
                if "authorization" in headers:
                    return Answer(400, b"<Error><Code>TokenLeaked</Code></Error>")
                if method == "POST":
                    return self.store.post(headers["content-type"], body)
                return self._read(path, headers)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return self._api(method, path.removeprefix("/api/v1"), query, headers, body)

    def _read(self, path: str, headers: dict[str, str]) -> Answer:
        """An object by an address that is signed, or by one below the session's folder."""
        if path.startswith("/store/"):
            return self.store.read(path.removeprefix("/store/"), headers)
        if headers.get("cookie") != f"CloudFront-Policy=p{self.sessions}; CloudFront-Key-Pair-Id=K1":
            return Answer(403)
        return self.store.read(path.removeprefix("/media/t/ann/"), headers)

    def _api(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        if path == "/health":
            return ok({"status": "ok", "version": "0.1.0", "segmenter": "classic", "news": 1})
        if path == "/limits":
            return ok(dict.fromkeys(LIMITS, 7))
        if headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, b'{"message":"Unauthorized"}', {"apigw-requestid": "gw-1"})
        sent = json.loads(body) if body else {}
        match method, *path.strip("/").split("/"):
            case "POST", "media-session":
                return self._open_media()
            case "DELETE", "media-session":
                return Answer(204)
            case "GET", "datasets":
                return page(self.datasets, query)
            case "POST", "datasets":
                return self._create_dataset(sent)
            case _, "datasets", dataset, *rest:
                if dataset not in self.images:
                    return problem(404, "not_found")
                return self._of_dataset(method, dataset, rest, query, headers, sent)
            case "GET", "jobs":
                return page([self._job_view(job) for job in self.jobs.values()], query)
            case _, "jobs", job, *rest:
                if job not in self.jobs:
                    return problem(404, "not_found")
                return self._of_job(method, self.jobs[job], rest, query, headers)
        return problem(404, "not_found")

    def _of_dataset(
        self, method: str, dataset: str, rest: list[str], query: dict[str, str], headers: dict[str, str], sent: Any
    ) -> Answer:
        match method, *rest:
            case ("GET",):
                return ok(next(one for one in self.datasets if one["dataset_id"] == dataset))
            case "POST", "uploads":
                return ok({"items": [self._ticket(dataset, file) for file in sent["files"]]})
            case "GET", "images":
                if self.settles:
                    self._settle(dataset)
                found = [one for one in self.images[dataset] if query.get("status", one["status"]) == one["status"]]
                return page(found, query)
            case "GET", "images", image:
                return ok(next(one for one in self.images[dataset] if one["image_id"] == image))
            case "POST", "images", _, "segment":
                asked = SegmentImage.model_validate_json(json.dumps(sent))
                self.prompts.append(asked)
                found = [half("left"), half("right", 0.4), half("neither", 0.1)][: asked.top_k]
                names = ["0", "1", "2"][: asked.top_k] if asked.top_k > 1 else [None]
                whole = parts_of(Rle.model_validate(found[0]["rle"]), most=asked.parts_max) if asked.parts_max else ()
                parts = [part.model_dump(mode="json") for part in whole]
                return ok({"segmenter": "classic-1", "candidates": found, "choices": names, "parts": parts, "news": 1})
            case "POST", "images", _, "automask":
                self.searches.append(sent)
                search = Automask(**{"points_per_side": 4, "score_min": 0.3, **sent}).model_dump(mode="json")
                things = [half("left"), half("right"), rectangle(100, 100, 200, 180)]
                masks = [{"mask": one, "stability": 0.97, "point": {"x": 0.3, "y": 0.5}} for one in things]
                masks = [one for one in masks if one["mask"]["score"] >= search["score_min"]]
                return ok({"segmenter": "classic-1", "search": search, "masks": masks})
            case "GET", "images", image, "embedding":
                return ok({"segmenter": "sam-vit-b-ec2df6273261", "url": None}, 202)
            case "GET", "templates":
                return page(self.templates[dataset], query)
            case "POST", "templates":
                made = Template.model_validate(sent).model_dump(mode="json")
                made["template_id"] = f"p{len(self.templates[dataset])}"
                self.templates[dataset].append(made)
                return ok(made, 201)
            case "POST", "jobs":
                return self._submit(dataset, sent, headers["idempotency-key"])
        return problem(404, "not_found")

    # Datasets and images

    def _create_dataset(self, sent: Any) -> Answer:
        made = {"dataset_id": f"d{len(self.datasets)}", "name": sent["name"], "created_at": NOW}
        self.datasets.append(made)
        self.images[made["dataset_id"]], self.templates[made["dataset_id"]] = [], []
        return ok(made, 201)

    def _ticket(self, dataset: str, file: dict[str, Any]) -> dict[str, Any]:
        image_id = f"i{sum(map(len, self.images.values()))}"
        self.images[dataset].append(
            {
                "image_id": image_id,
                "dataset_id": dataset,
                "name": file["name"],
                "status": "expected",
                "created_at": NOW,
                "sha256": file["sha256"],
            }
        )
        fields = self.store.form_fields(image_id, size_bytes=file["size_bytes"], sha256=file["sha256"])
        url = f"{self.url}/form"
        return {"image_id": image_id, "name": file["name"], "url": url, "fields": fields, "expires_in_s": 900}

    def _settle(self, dataset: str) -> None:
        for image in self.images[dataset]:
            data = self.store.objects.get(image["image_id"])
            if image["status"] != "expected" or data is None:
                continue
            code = REFUSALS.get(data[:4])
            if code:
                image |= {"status": "refused", "refusal": {"code": code, "message": f"refused: {code}"}}
            else:
                url = self._put(f"source-{image['sha256'][:20]}", source_of(image["sha256"]))
                small = self._put(f"small-{image['sha256'][:20]}", thumbnail_of(image["sha256"]))
                image |= {"status": "ready", "normal": normal_of(image["sha256"])}
                image |= {"source_url": url, "thumbnail_url": small}

    # Jobs

    def _submit(self, dataset: str, sent: Any, key: str) -> Answer:
        body = json.dumps(sent, sort_keys=True)
        job_id = "j" + hashlib.sha256(key.encode()).hexdigest()[:10]
        if self.keys.setdefault(key, body) != body:
            return problem(409, "idempotency_mismatch")
        if job_id not in self.jobs:
            recipe = Recipe.model_validate(sent["recipe"])
            known = {one["template_id"] for one in self.templates[dataset]}
            if not known.issuperset(recipe.templates):
                fault = {"pointer": "/recipe/templates/0", "detail": "no such template in this dataset"}
                return problem(422, "invalid_recipe", errors=[fault])
            ids = sent["image_ids"] or [one["image_id"] for one in self.images[dataset]]
            job = {"id": job_id, "dataset": dataset, "recipe": recipe, "ids": ids, "script": list(self.script)}
            self.jobs[job_id] = job | {"cancelled": False}
        return ok(self._job_view(self.jobs[job_id]), 202)

    def _of_job(
        self, method: str, job: dict[str, Any], rest: list[str], query: dict[str, str], headers: dict[str, str]
    ) -> Answer:
        match method, *rest:
            case ("GET",):
                view = self._job_view(job)
                if job["script"]:
                    job["script"].pop(0)
                etag = f'"{hashlib.sha256(json.dumps(view).encode()).hexdigest()[:8]}"'
                if headers.get("if-none-match") == etag:
                    return Answer(304, headers={"ETag": etag})
                return ok(view, headers={"ETag": etag})
            case "POST", "cancel":
                job["cancelled"] = True
                return ok(self._job_view(job))
            case "GET", "items":
                found = [one for one in self._items(job) if query.get("status", one["status"]) == one["status"]]
                return page(found, query)
            case "GET", "variants":
                done = [item for item in self._items(job) if item["status"] == "done"]
                return page([self._variants(job, item) for item in done], query)
            case "GET", "files":
                return ok(self._files(job))
            case "POST", "exports", form:
                job.setdefault("exports", {}).setdefault(form, list(EXPORT_STATES))
                return ok(self._export(job, form) | {"files": []}, 202)
            case "GET", "exports", form:
                states = job["exports"][form]
                if len(states) > 1:
                    states.pop(0)
                return ok(self._export(job, form))
            case "GET", "exports":
                return page([self._export(job, form) | {"files": []} for form in job.get("exports", {})], query)
        return problem(404, "not_found")

    def _items(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        by_id = {image["image_id"]: image for image in self.images[job["dataset"]]}
        items = []
        for index, image_id in enumerate(job["ids"]):
            image = by_id[image_id]
            item = {"index": index, "image_id": image_id, "name": image["name"], "status": "done"}
            refusal = image.get("refusal")
            if self.failing in image["name"]:
                refusal = {"code": "model_failed", "message": "the segmenter could not"}
            items.append(item | ({"status": "failed", "refusal": refusal} if refusal else {}))
        return items

    def _job_view(self, job: dict[str, Any]) -> dict[str, Any]:
        items = self._items(job)
        counts: dict[str, int] = {}
        status, waits = "succeeded", False
        if job["script"] and not job["cancelled"]:
            status, waits, state = job["script"][0]
            counts[state] = len(items)
        else:
            for item in items:
                counts[item["status"]] = counts.get(item["status"], 0) + 1
            if counts.get("failed"):
                status = "partial" if counts.get("done") else "failed"
        return {
            "job_id": job["id"],
            "dataset_id": job["dataset"],
            "status": "cancelled" if job["cancelled"] else status,
            "items": counts,
            "items_total": len(items),
            "waiting_for_gpu": waits,
            "cancel_requested": job["cancelled"],
            "created_at": NOW,
            "recipe": job["recipe"].model_dump(mode="json"),
        }

    def _put(self, key: str, data: bytes) -> str:
        """A picture, for those who show a session."""
        self.store.objects.setdefault(key, data)
        return f"{self.media}{key}"

    def _sign(self, key: str, data: bytes) -> str:
        """A file, for whoever has its address."""
        self.store.objects.setdefault(key, data)
        return f"{self.url}/store/{key}?X-Amz-Signature=x"

    @property
    def media(self) -> str:
        return f"{self.url}/media/t/ann/"

    def _open_media(self) -> Answer:
        self.sessions += 1
        body = {"url": self.media, "expires_at": NOW, "expires_in_s": self.session_s}
        attributes = "Path=/media/t/ann/; HttpOnly; Secure; SameSite=Strict"
        cookies = (f"CloudFront-Policy=p{self.sessions}; {attributes}", f"CloudFront-Key-Pair-Id=K1; {attributes}")
        return Answer(201, json.dumps(body).encode(), cookies=cookies)

    def _variants(self, job: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
        image = next(one for one in self.images[job["dataset"]] if one["image_id"] == item["image_id"])
        stem = f"{item['index'] + 1:04d}_photo"
        variants = []
        for number, layer in enumerate(job["recipe"].layers):
            data = f"{image['sha256']} {layer.model_dump_json()}".encode()
            identity = hashlib.sha256(data).hexdigest()
            variants.append(
                {
                    "variant_id": identity[:20],
                    "file_name": f"variants/{stem}__{number}.webp",
                    "format": "webp",
                    "size": {"height_px": 30, "width_px": 40},
                    "size_bytes": len(data),
                    "sha256": identity,
                    "sample": 0,
                    "layers": [layer.model_dump(mode="json")],
                    "url": self._put(f"variant-{identity[:20]}", data),
                }
            )
        mask = b"a mask of " + image["sha256"].encode()
        label = {
            "name": "cap",
            "file_name": f"masks/{stem}/cap.png",
            "score": 0.9,
            "area_px": 12,
            "box": {"x": 0, "y": 0, "width": 3, "height": 4},
            "mask_url": self._put(f"mask-{image['sha256'][:20]}", mask),
            "sha256": hashlib.sha256(mask).hexdigest(),
            "size_bytes": len(mask),
            "rle_sha256": image["sha256"],
        }
        return {
            **{name: item[name] for name in ("index", "image_id", "name")},
            "normal": image["normal"],
            "source_file_name": f"sources/{stem}.png",
            "source_url": self._put(f"source-{image['sha256'][:20]}", source_of(image["sha256"])),
            "labels": [label],
            "variants": variants,
        }

    def _files(self, job: dict[str, Any]) -> dict[str, Any]:
        return {
            "annotations_url": self._sign(f"{job['id']}/instances.json", b'{"images": []}'),
            "manifest_url": self._sign(f"{job['id']}/manifest.jsonl", b"{}\n"),
        }

    def _export(self, job: dict[str, Any], form: str) -> dict[str, Any]:
        status = job["exports"][form][0]
        view: dict[str, Any] = {"format": form, "status": status, "created_at": NOW, "parts": 2}
        if status == "failed":
            view["refusal"] = {"code": "export_too_large", "message": "too large to be exported"}
        if status != "ready":
            return view
        parts = self.export_parts or {f"{form}.zip": zipped({f"{job['id']}.txt": b"a label"}), "train.tar": b"TAR"}
        files = [
            {
                "name": name,
                "size_bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "url": self._sign(f"{job['id']}/{form}/{name}", data),
            }
            for name, data in parts.items()
        ]
        listed = [{**{key: file[key] for key in ("name", "size_bytes", "sha256")}, "pictures": 1} for file in files]
        held = {"sources": 1, "variants": 2, "labels": {"cap": 3}}
        loss = {"labels": 3, "iou_mean": 0.9876, "iou_min": 0.9, "holes_lost": 1}
        receipt = {"format": form, "classes": ["cap"], "splits": {"train": held}, "loss": loss, "parts": listed}
        return view | {"receipt": receipt, "files": files, "size_bytes": sum(file["size_bytes"] for file in files)}

    # Cognito

    def _cognito(self, headers: dict[str, str], sent: Any) -> Answer:
        operation = headers["x-amz-target"].split(".")[-1]
        given = sent.get("AuthParameters", {})
        if headers["content-type"] != "application/x-amz-json-1.1" or sent["ClientId"] != "client-1":
            return cognito_fault("ResourceNotFoundException", "User pool client does not exist.")
        if operation == "RespondToAuthChallenge":
            self.passwords[sent["ChallengeResponses"]["USERNAME"]] = sent["ChallengeResponses"]["NEW_PASSWORD"]
            return self._tokens()
        if sent["AuthFlow"] == "REFRESH_TOKEN_AUTH":
            if given["REFRESH_TOKEN"] != "refresh-1":
                return cognito_fault("NotAuthorizedException", "Refresh Token has expired")
            self.refreshes += 1
            return ok({"AuthenticationResult": {"AccessToken": self.token, "ExpiresIn": 3600, "TokenType": "Bearer"}})
        if self.passwords.get(given["USERNAME"]) != given["PASSWORD"]:
            return cognito_fault("NotAuthorizedException", "Incorrect username or password.")
        if given["PASSWORD"] == "temporary":
            return ok({"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s", "ChallengeParameters": {}})
        return self._tokens()

    def _tokens(self) -> Answer:
        result = {"AccessToken": self.token, "RefreshToken": "refresh-1", "ExpiresIn": 3600, "IdToken": "x"}
        return ok({"AuthenticationResult": result, "ChallengeParameters": {}})


LIMITS = tuple(Limits.model_fields)


def ok(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(value).encode(), headers or {})


def problem(status: int, code: str, *, errors: list[dict[str, str]] | None = None, **headers: str) -> Answer:
    body = {"type": f"https://x/{code}", "title": code, "status": status, "code": code, "detail": f"words of {code}"}
    body |= {"request_id": "req-7", "errors": errors or []}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json", **headers})


def cognito_fault(kind: str, message: str) -> Answer:
    return Answer(400, json.dumps({"__type": kind, "message": message}).encode())


def page(items: list[Any], query: dict[str, str]) -> Answer:
    start = int(query.get("cursor", "0"))
    body: dict[str, Any] = {"items": items[start : start + PAGE]}
    if start + PAGE < len(items):
        body["next_cursor"] = str(start + PAGE)
    return ok(body)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # of no time: the same bytes at every call
    return out.getvalue()


@cache
def source_of(sha256: str) -> bytes:
    """A plain picture of 300 rows by 400 columns, in a colour of its own."""
    out = io.BytesIO()
    Image.new("RGB", (400, 300), tuple(bytes.fromhex(sha256[:6]))).save(out, "PNG")
    return out.getvalue()


def thumbnail_of(sha256: str) -> bytes:
    """The same picture, small."""
    out = io.BytesIO()
    Image.open(io.BytesIO(source_of(sha256))).resize((40, 30)).save(out, "WEBP")
    return out.getvalue()


def half(side: str, score: float = 0.9) -> dict[str, Any]:
    """The left or the right half of that picture as a mask."""
    pixels = np.zeros((300, 400), np.bool_)
    pixels[:, :200] = side == "left"
    pixels[:, 200:] = side == "right"
    return {"rle": rle_of(pixels).model_dump(mode="json"), "score": score}


def rectangle(top: int, left: int, bottom: int, right: int) -> dict[str, Any]:
    pixels = np.zeros((300, 400), np.bool_)
    pixels[top:bottom, left:right] = True
    return {"rle": rle_of(pixels).model_dump(mode="json"), "score": 0.8}


def normal_of(sha256: str) -> dict[str, Any]:
    return {
        "pixels_sha256": sha256,
        "source_sha256": sha256,
        "png_sha256": hashlib.sha256(source_of(sha256)).hexdigest(),
        "png_bytes": len(source_of(sha256)),
        "source_format": "jpeg",
        "size": {"height_px": 300, "width_px": 400},
        "is_grey": False,
        "has_alpha": False,
        "notes": ["turned_upright"],
    }


@contextmanager
def serving(service: FakeService) -> Iterator[FakeService]:
    """The service on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for a small answer

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = service.answer(self.command, self.path, headers, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            for line in answer.cookies:
                self.send_header("Set-Cookie", line)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.cut_at is not None:
                self.close_connection = True
            self.wfile.write(answer.body[: answer.cut_at])

        do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815 - named by http.server

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
