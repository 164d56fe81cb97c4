"""What a tenant may have, one thing of every kind, and bodies for the calls that name them."""

from __future__ import annotations

from typing import Any

from lambdas.serve_api.routes.call import Route
from tests.unit.lambdas.gateway import Api, recipe


def things() -> dict[str, str]:
    """The ids of what a new tenant has, and whose it is."""
    owner = Api()
    dataset, template, (image,) = owner.ready_dataset()
    wanted = {"recipe": recipe(template, exports=["coco"])}
    job = str(owner.post(f"/datasets/{dataset}/jobs", wanted).json["job_id"])
    owner.plan(job, items=1, chunk_items=1)
    owner.result(job, 0)
    webhook = str(owner.post("/webhooks", {"url": "https://hooks.example.com/"}).json["webhook_id"])
    delivery = str(owner.post(f"/webhooks/{webhook}/test").json["delivery_id"])
    things = {"dataset": dataset, "template": template, "image": image, "job": job}
    return {**things, "format": "coco", "webhook": webhook, "delivery": delivery, "owner": owner.tenant}


def body_for(route: Route, ids: dict[str, str]) -> Any:
    if route.method not in {"POST", "PATCH"}:
        return None
    file = {"name": "a.jpg", "size_bytes": 1, "sha256": "0" * 64}
    return {
        "/datasets/<dataset>": {},
        "/datasets/<dataset>/uploads": {"files": [file]},
        "/datasets/<dataset>/templates": {"name": "x", "placement": "centre"},
        "/datasets/<dataset>/templates/<template>": {},
        "/datasets/<dataset>/jobs": {"recipe": recipe(ids["template"])},
        "/datasets/<dataset>/jobs/estimate": {"recipe": recipe(ids["template"])},
        "/datasets/<dataset>/images/<image>/segment": {"prompt": {"points": [{"x": 0.5, "y": 0.5}]}},
        "/datasets/<dataset>/images/<image>/automask": {},
    }.get(route.path)
