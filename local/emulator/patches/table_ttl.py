"""Apply `TimeToLiveSpecification` of a DynamoDB table's template. It knows nothing of what expires.

Reason: the provisioner drops the property, and rows that AWS removes would stay for ever.
"""

from local.emulator.internals import internal
from local.emulator.patches.wrapping import Properties, after_provisioning, is_true


def apply() -> None:
    dynamodb = internal("services.dynamodb")

    def step(table: str, properties: Properties) -> None:
        ttl = properties.get("TimeToLiveSpecification")
        if ttl:
            specification = {"Enabled": is_true(ttl.get("Enabled")), "AttributeName": ttl.get("AttributeName", "")}
            dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": specification})

    after_provisioning("AWS::DynamoDB::Table", step)
    after_provisioning("AWS::DynamoDB::GlobalTable", step)
