"""The stages as values; it knows no construct, and nothing else asks which stage it is."""

from __future__ import annotations

from dataclasses import dataclass

from infra.bundle import AWS, HOST, Target
from infra.plans import (
    CLASSIC,
    LOOPBACK,
    BudgetPlan,
    Concurrency,
    Emulator,
    EndpointPlan,
    FirewallPlan,
    LanePlan,
    PagePlan,
    Segmenter,
    SignIn,
)
from maskmill.core.limits import UPLOAD_URL_LIFE_S
from maskmill.core.messages import QueueName
from maskmill.core.settings import EndpointMode
from maskmill.core.usage import Quotas

GIB = 1024**3
SLOW_SIDE_MAX = 4
FUNCTION_S_MAX = 900  # the longest that Lambda lets any function run
LATE_GRACE_S = 10 * 60  # for a slow upload, and for clocks that differ
DISTRIBUTIONS = "https://*.cloudfront.net"
SIGN_IN, ENDPOINT, LANE, PAGE = SignIn(), EndpointPlan(), LanePlan(), PagePlan()
HOUR_S = 3600
MODEST = Quotas(
    datasets=200,
    images=50_000,
    bytes=100 * GIB,
    variants_per_day=100_000,
    gpu_seconds_per_day=4 * HOUR_S,
    open_jobs=10,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything in which two deployments may differ."""

    name: str
    target: Target = AWS
    is_disposable: bool = True  # table and buckets go with their stack
    has_backups: bool = False  # point-in-time recovery of the table
    has_own_key: bool = False  # of KMS, for everything that keeps something; otherwise AWS's own keys
    has_private_network: bool = False  # around the endpoint, from which nothing leads but to its buckets
    writes_once: bool = True  # the media bucket refuses to overwrite what its name does not determine
    log_level: str = "INFO"
    log_days: int = 14
    is_watched: bool = True  # it has a dashboard and alarms, which cost some dollars a month beyond what is free
    has_traces: bool = False  # functions send the segments that X-Ray draws its map from
    alarm_emails: tuple[str, ...] = ()  # who is told of alarms
    upload_days: int = 7  # uploads are needed until they are ingested
    trial_hours: int = 6  # after which a trial dataset is removed
    webhook_private_hosts: tuple[str, ...] = ()  # hosts that webhooks may reach although they are not public
    upload_origins: tuple[str, ...] = ()  # other pages that may post files straight to the uploads bucket
    api_rate: int = 50  # requests a second
    api_burst: int = 100
    sign_in: SignIn = SIGN_IN
    quotas: Quotas = MODEST  # of every tenant that has no limits of its own
    requests_per_minute: int = 3000  # of each tenant
    budget: BudgetPlan | None = None  # None: nothing but an operator stops what costs money
    firewall: FirewallPlan | None = None
    emulator: Emulator | None = None  # None: AWS itself
    concurrency: Concurrency
    endpoint: EndpointPlan = ENDPOINT
    lane: LanePlan = LANE
    page: PagePlan = PAGE
    media_keys: tuple[str, ...] = ("1",)  # those that sessions are trusted by; the first signs
    door_words: tuple[str, ...] = ("1",)  # by which the API knows the distribution; the first is sent, none: no word
    base_image: str | None = None  # of Python, by digest, that the model server's images begin with; None: by its tag
    fast: Segmenter = CLASSIC  # the one of the interactive lane, chosen for its answer within seconds on a CPU

    @property
    def quality(self) -> Segmenter:
        """The segmenter of jobs."""
        return self.endpoint.segmenter

    @property
    def prefix(self) -> str:
        return f"maskmill-{self.name}"

    @property
    def metrics(self) -> str:
        """The namespace of the stage's own metrics."""
        return f"Maskmill/{self.name}"

    @property
    def page_origins(self) -> tuple[str, ...]:
        """Where the page may be served from, as far as it is known before its distribution has a name."""
        domain = self.page.domain
        if domain is None:
            return (DISTRIBUTIONS,)
        return (f"https://{domain}" if self.emulator is None else self.emulator.origin_of(domain),)

    @property
    def endpoint_name(self) -> str:
        """Fixed, so that the pipeline can name an endpoint that is being made, or that could not be made."""
        return self.prefix

    @property
    def lane_name(self) -> str:
        """Fixed, so that the API can name a function of a stack that is deployed beside it."""
        return f"{self.prefix}-lane"

    @property
    def dispatchers(self) -> int:
        """How many ask the endpoint at once; one that has no queue bounds them (2 is the least of any queue)."""
        most = self.concurrency.of(QueueName.DISPATCH)
        return most if self.endpoint.mode is EndpointMode.ASYNC else max(2, min(most, self.endpoint.callers_max))

    @property
    def calls_of_address_per_minute(self) -> int:
        """What the firewall lets one address ask of the API: two busy tenants behind one address are no attack."""
        return 2 * self.requests_per_minute

    @property
    def late_s(self) -> int:
        """How long somebody may go on writing who began before the removal of what it is about.

        The longest are a request that the endpoint took just before, and an upload whose form was handed out.
        """
        request_s = self.endpoint.queue_life_s + self.endpoint.invocation_timeout_s
        return max(request_s, UPLOAD_URL_LIFE_S, FUNCTION_S_MAX) + LATE_GRACE_S

    @property
    def lane_side_max(self) -> int:
        """Points along each side of a search that the lane ends while somebody waits: without weights, each is slow."""
        return self.lane.side_max if self.fast.needs_weights else min(self.lane.side_max, SLOW_SIDE_MAX)


LOCAL = Stage(
    name="local",
    target=HOST,
    writes_once=False,  # the emulator knows no condition on If-None-Match, and would refuse every write
    log_days=1,
    upload_days=1,
    sign_in=SignIn(
        callback_urls=(LOOPBACK, "http://localhost:5173/callback"),
        logout_urls=("http://localhost:5173/",),
        machines=("laptop",),
    ),
    webhook_private_hosts=("127.0.0.1", "localhost"),
    upload_origins=("http://localhost:5173",),  # the page while it is worked on, served by its own tools
    quotas=Quotas(
        datasets=10_000,
        images=1_000_000,
        bytes=1024 * GIB,
        variants_per_day=5_000_000,
        gpu_seconds_per_day=240 * HOUR_S,
        open_jobs=100,
    ),
    requests_per_minute=60_000,
    concurrency=Concurrency(ingest=2, plan=2, dispatch=2, collect=2, render=2, finish=2, export=2),
    endpoint=EndpointPlan(
        image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/maskmill-model-server:local",
        shard_items=4,
        invocations_per_instance=2,  # the classic segmenter works on one processor
        queue_life_s=600,
        invocation_timeout_s=300,
    ),
    lane=LanePlan(image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/maskmill-lane:local"),
    page=PagePlan(domain="maskmill.localhost"),  # which every browser finds on its own machine
    door_words=(),  # programs do not find that name, and go to the gateway
)

DEV = Stage(
    name="dev",
    is_watched=False,
    budget=BudgetPlan(dollars=50),
    concurrency=Concurrency(ingest=10, plan=2, dispatch=5, collect=5, render=20, finish=2, export=2),
)

PROD = Stage(
    name="prod",
    budget=BudgetPlan(dollars=1000),
    firewall=FirewallPlan(),
    is_disposable=False,
    has_backups=True,
    has_traces=True,
    log_days=90,
    upload_days=30,
    api_rate=200,
    api_burst=400,
    quotas=Quotas(
        datasets=1_000,
        images=200_000,
        bytes=500 * GIB,
        variants_per_day=500_000,
        gpu_seconds_per_day=12 * HOUR_S,
        open_jobs=20,
    ),
    concurrency=Concurrency(ingest=50, plan=5, dispatch=20, collect=20, render=200, finish=10, export=10),
    endpoint=EndpointPlan(shard_items=25, instances_max=4, queue_life_s=7200),
    lane=LanePlan(memory_mb=8192, most_at_once=20),
)

STAGES = {stage.name: stage for stage in (LOCAL, DEV, PROD)}
