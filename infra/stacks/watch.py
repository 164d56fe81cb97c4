"""What people look at and are woken by: a dashboard, and alarms with a line of the runbook each; it changes nothing."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.config import Stage
from infra.constructs.alarms import Alarms, Limit
from infra.constructs.measures import ENDED, Measures
from infra.shapes import SWEEP
from infra.stacks.live import LiveStack
from infra.stacks.pipeline import PipelineStack
from infra.stacks.web import WebStack
from maskmill.core.settings import EndpointMode

OLD_S = 30 * 60  # the sweep's patience is shorter: a message of this age waits for workers, or for somebody
FAILED_PERCENT = 20
ASLEEP_MIN = 20  # an instance wakes within 4 to 16 minutes
FAULTS = 5
WIDTH = 24


class WatchStack(cdk.Stack):
    """The alarms of a stage, the topic that they speak on, and the dashboard."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, *, pipeline: PipelineStack, live: LiveStack, web: WebStack
    ) -> None:
        super().__init__(scope, name, description="Maskmill: alarms and the dashboard")
        self._stage = stage
        self._queues = pipeline.queues
        self._letters = {**{queue.name.value: queue.letters for queue in self._queues}, "progress": live.letters}
        self._measures = Measures(stage, web.door.api_id)
        self._alarms = Alarms(self, "Alarms", prefix=stage.prefix, emails=stage.alarm_emails)
        self._work()
        self._model()
        self._money()
        self._dashboard()
        cdk.CfnOutput(self, "AlarmTopicArn", value=self._alarms.topic.topic_arn)

    def _work(self) -> None:
        measures, add = self._measures, self._alarms.add
        for queue in self._queues:
            name = queue.name.value
            says = f"What waits in the {name} queue waits for half an hour."
            limit = Limit(at_least=OLD_S, periods=3)
            add(f"{name}-queue-age", measures.age_s(queue.queue), limit, says=says, heading="a-queue-is-old")
        for name, letters in self._letters.items():
            says = f"Dead letters of the {name} queue lie where nobody gives them an end."
            limit = Limit(at_least=1, periods=3)
            add(f"{name}-letters", measures.depth(letters), limit, says=says, heading="dead-letters")
        says = f"Of the items of the last hour {FAILED_PERCENT} % or more failed."
        limit = Limit(at_least=FAILED_PERCENT)
        add("items-failed", measures.failed_percent(), limit, says=says, heading="many-items-fail")
        says, limit = "The API answers with faults of its own.", Limit(at_least=FAULTS, periods=2)
        add("api-faults", measures.api("5xx"), limit, says=says, heading="the-api-fails")
        says, limit = "The sweep, which repairs what was lost, fails.", Limit(at_least=3, periods=3)
        add("sweep-errors", measures.function("Errors", SWEEP.verb), limit, says=says, heading="the-sweep-fails")

    def _model(self) -> None:
        if self._stage.endpoint.mode is not EndpointMode.ASYNC:
            return  # it has no queue, and never sleeps
        says = f"Requests have waited for {ASLEEP_MIN} minutes for an instance that does not come."
        waiting, limit = self._measures.of_endpoint("HasBacklogWithoutCapacity"), Limit(at_least=1, periods=ASLEEP_MIN)
        self._alarms.add("no-capacity", waiting, limit, says=says, heading="no-instance-comes")

    def _money(self) -> None:
        says = "An operator or a spent budget has stopped what costs money: new work is refused."
        stopped = Limit(at_least=1, gaps=cloudwatch.TreatMissingData.IGNORE)
        self._alarms.add("halted", self._measures.stopped(), stopped, says=says, heading="work-is-halted")
        budget = self._stage.budget
        if budget is not None:
            says = f"{budget.warn_percent} % of the month's budget of {budget.dollars} dollars is gone."
            limit = Limit(at_least=budget.dollars * budget.warn_percent / 100)
            self._alarms.add("cost", self._measures.dollars(), limit, says=says, heading="the-bill-grows")

    def _dashboard(self) -> None:
        """From top to bottom: is anything wrong, what was done today, and where it waits."""
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._stage.prefix)
        alarms = cloudwatch.AlarmStatusWidget(
            alarms=self._alarms.all, title="Is anything wrong? Each alarm names its part of the runbook.", width=WIDTH
        )
        board.add_widgets(alarms)
        board.add_widgets(*self._numbers())
        board.add_widgets(*self._graphs())

    def _numbers(self) -> list[cloudwatch.IWidget]:
        measures = self._measures
        told: dict[str, list[cloudwatch.IMetric]] = {
            "Jobs that ended today": [measures.jobs(status) for status in ENDED],
            "Items that failed, last hour, %": [measures.failed_percent()],
            "Waiting for the model": [measures.of_endpoint("ApproximateBacklogSize")],
            "Repairs of the sweep, last 5 minutes": [measures.repairs()],
        }
        width = WIDTH // len(told)
        return [
            cloudwatch.SingleValueWidget(title=title, metrics=metrics, width=width) for title, metrics in told.items()
        ]

    def _graphs(self) -> list[cloudwatch.IWidget]:
        measures = self._measures
        endpoint = ("ApproximateBacklogSize", "HasBacklogWithoutCapacity", "ApproximateAgeOfOldestRequest")
        told: dict[str, list[cloudwatch.IMetric]] = {
            "Age of the oldest message of each queue, s": [measures.age_s(queue.queue) for queue in self._queues],
            "Dead letters": [measures.depth(letters) for letters in self._letters.values()],
            "The model's queue": [measures.of_endpoint(name) for name in endpoint],
            "Items": [measures.items("done"), measures.items("failed")],
            "Errors of functions": [measures.functions("Errors"), measures.functions("Throttles")],
            "API": [measures.api("Count"), measures.api("4xx"), measures.api("5xx"), measures.api("Latency", "p95")],
        }
        return [cloudwatch.GraphWidget(title=title, left=lines, width=WIDTH // 3) for title, lines in told.items()]
