"""Every correction of the emulator, applied in one place. One module per correction, each with its reason.

This module knows the list, not the corrections.
"""

from pathlib import Path

from local.emulator.patches import (
    alarms,
    alternate_names,
    authorization,
    batch_actions,
    decisions,
    dying_workers,
    fair_queues,
    function_code,
    function_concurrency,
    http_cors,
    image_functions,
    known_texts,
    log_streams,
    media_keys,
    message_moves,
    missing_objects,
    one_click,
    origins,
    own_values,
    prompt_stacks,
    recorded_types,
    request_counts,
    role_sessions,
    sagemaker,
    service_rights,
    signed_cookies,
    silent_function,
    stream_readers,
    table_ttl,
    tls,
    troubles,
    viewer_methods,
)


def apply_all(*, deployed_file: Path) -> None:
    """Patch the emulator in this process. `deployed_file` receives the deployed SageMaker resources as JSON."""
    recorded_types.apply()
    sagemaker.apply(deployed_file)
    alarms.apply()
    function_concurrency.apply()
    function_code.apply()
    image_functions.apply()
    silent_function.apply()
    stream_readers.apply()
    known_texts.apply()
    own_values.apply()
    http_cors.apply()
    table_ttl.apply()
    prompt_stacks.apply()
    authorization.apply()
    batch_actions.apply()
    fair_queues.apply()
    message_moves.apply()
    log_streams.apply()
    role_sessions.apply()
    service_rights.apply(decisions.apply())
    viewer_methods.apply()
    missing_objects.apply()
    origins.apply()
    media_keys.apply()
    signed_cookies.apply()
    one_click.apply()
    alternate_names.apply()
    tls.apply()
    request_counts.apply()
    dying_workers.apply()
    troubles.apply()
