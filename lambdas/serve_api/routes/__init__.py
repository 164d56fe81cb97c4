"""The routes of the API, a table for each resource: what of a request goes on, how its answer leaves, and what is said
of both in the API's description.

They know nothing of the gateway's events, and decide nothing that a resource decides.
"""

from __future__ import annotations

from lambdas.serve_api.routes import (
    about,
    datasets,
    exports,
    images,
    jobs,
    live,
    manual,
    media,
    spending,
    templates,
    usage,
    webhooks,
)

RESOURCES = (
    *about.ROUTES,
    *usage.ROUTES,
    *datasets.ROUTES,
    *images.ROUTES,
    *templates.ROUTES,
    *jobs.ROUTES,
    *webhooks.ROUTES,
    *exports.ROUTES,
    *media.ROUTES,
    *live.ROUTES,
    *spending.ROUTES,
)

ROUTES = (*RESOURCES, *manual.routes_about(RESOURCES))
