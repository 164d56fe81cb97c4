"""Authorise SQS batches as the single action that they repeat. It knows no queue.

Reason: there is no permission `sqs:SendMessageBatch`. AWS allows a batch to whoever may send single messages, and the
same for deleting and for changing visibility; the emulator asks for the name of the API call.
"""

from typing import Any

from local.emulator.internals import internal

SINGLE_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def apply() -> None:
    actions = internal("core.iam_actions")
    named = actions.extract_iam_action

    def extract_iam_action(*arguments: Any, **options: Any) -> Any:
        action = named(*arguments, **options)
        return SINGLE_ACTIONS.get(action, action)

    actions.extract_iam_action = extract_iam_action
