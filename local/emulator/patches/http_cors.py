"""Apply `CorsConfiguration` of an HTTP API's template. It knows nothing of origins.

Reason: the provisioner stores the template's PascalCase keys, the data plane reads camelCase, so every preflight
request answers 403.
"""

from local.emulator.internals import internal
from local.emulator.patches.wrapping import Properties, after_provisioning


def apply() -> None:
    apis = internal("services.apigateway")._apis

    def step(api_id: str, properties: Properties) -> None:
        cors = properties.get("CorsConfiguration")
        if cors:
            apis[api_id]["corsConfiguration"] = {key[0].lower() + key[1:]: value for key, value in cors.items()}

    after_provisioning("AWS::ApiGatewayV2::Api", step)
