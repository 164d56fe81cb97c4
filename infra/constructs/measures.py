"""What is measured of a stage, each metric with the dimensions that its publisher gives it; it knows no limit.

A metric with other dimensions is another metric, of which nobody ever publishes anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from infra.config import Stage
from infra.shapes import FINISH_JOB, SWEEP, SWITCH_SPENDING

MINUTE, FIVE_MINUTES, HOUR, QUARTER_DAY, DAY = 1, 5, 60, 6 * 60, 24 * 60  # periods, in minutes
ENDED = ("succeeded", "partial", "failed")
FEWEST_ITEMS = 20  # of an hour, of which a share that failed says something


@dataclass(frozen=True, slots=True)
class Measures:
    """The metrics of one stage."""

    stage: Stage
    api_id: str

    def age_s(self, queue: sqs.IQueue, period: int = FIVE_MINUTES) -> cloudwatch.Metric:
        return self._metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue.queue_name}, period)

    def depth(self, queue: sqs.IQueue, period: int = FIVE_MINUTES) -> cloudwatch.Metric:
        return self._metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue.queue_name}, period)

    def of_endpoint(self, name: str, period: int = MINUTE) -> cloudwatch.Metric:
        """A metric of the endpoint as a whole: those of its queue know no variant."""
        return self._metric("AWS/SageMaker", name, {"EndpointName": self.stage.endpoint_name}, period)

    def jobs(self, status: str, period: int = DAY) -> cloudwatch.Metric:
        return self._counted(FINISH_JOB.verb, f"jobs_{status}", period)

    def items(self, status: str, period: int = HOUR) -> cloudwatch.Metric:
        return self._counted(FINISH_JOB.verb, f"items_{status}", period)

    def failed_percent(self, period: int = HOUR) -> cloudwatch.MathExpression:
        """Of the items of jobs that ended; 0 where there are few."""
        return cloudwatch.MathExpression(
            expression=f"IF(done + failed >= {FEWEST_ITEMS}, 100 * failed / (done + failed), 0)",
            using_metrics={"done": self.items("done", period), "failed": self.items("failed", period)},
            label="items failed, %",
            period=cdk.Duration.minutes(period),
        )

    def stopped(self, period: int = MINUTE) -> cloudwatch.Metric:
        """1 where somebody, or the budget, has stopped what costs money; it is published when the switch is asked."""
        return self._counted(SWITCH_SPENDING.verb, "stopped", period, statistic="Maximum")

    def repairs(self, period: int = FIVE_MINUTES) -> cloudwatch.Metric:
        return self._counted(SWEEP.verb, "repairs", period)

    def function(self, name: str, verb: str, period: int = FIVE_MINUTES) -> cloudwatch.Metric:
        function = f"{self.stage.prefix}-{verb.replace('_', '-')}"
        return self._metric("AWS/Lambda", name, {"FunctionName": function}, period, statistic="Sum")

    def functions(self, name: str) -> cloudwatch.MathExpression:
        """A sum of each function of the stage."""
        search = f'{{AWS/Lambda,FunctionName}} MetricName="{name}" FunctionName="{self.stage.prefix}-"'
        return cloudwatch.MathExpression(expression=f"SEARCH('{search}', 'Sum', 300)", using_metrics={}, label="")

    def api(self, name: str, statistic: str = "Sum", period: int = FIVE_MINUTES) -> cloudwatch.Metric:
        return self._metric("AWS/ApiGateway", name, {"ApiId": self.api_id}, period, statistic=statistic)

    def dollars(self, period: int = QUARTER_DAY) -> cloudwatch.Metric:
        """Of the account since the month began; published in us-east-1, where the account receives billing alerts."""
        return self._metric("AWS/Billing", "EstimatedCharges", {"Currency": "USD"}, period)

    def _counted(self, function: str, name: str, period: int, *, statistic: str = "Sum") -> cloudwatch.Metric:
        return self._metric(self.stage.metrics, name, {"service": function}, period, statistic=statistic)

    @staticmethod
    def _metric(
        namespace: str, name: str, dimensions: dict[str, str], period: int, *, statistic: str = "Maximum"
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map=dimensions,
            period=cdk.Duration.minutes(period),
            statistic=statistic,
        )
