"""AWS on this machine: ministack, with what it lacks for this project's stack added at start.

Listens on two free ports of 127.0.0.1, one for the services and one for the deployed API, and prints both addresses as one line
of JSON. Stops when standard input ends, so that it never outlives the process that started it.

Added to ministack:
- the SAM transform gets the stack's parameters, as CloudFormation gives them;
- alarms over metric math are accepted, after AWS's own model of PutMetricAlarm has accepted them;
- an HTTP API takes its routes, integrations and CORS from its OpenAPI body, and refuses what it does not understand, as
  API Gateway does with `FailOnWarnings`;
- CloudFormation works beside requests, in a thread: a stack's update would otherwise hold up the functions' calls;
- CodeDeploy's resources and saved log queries are accepted and have no effect: an alias moves at once;
- API Gateway reads the keys of access tokens at the API's own address, since nothing here has TLS;
- the first API has an address of its own, which sets the `Host` header that API Gateway's own address would have;
- at that address `/_local/mails` shows the mails that SES was given, in the format of the local server.
"""

import asyncio
import contextvars
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.parse

# How long `GET /_local/mails` waits for queued mails to be sent, in seconds.
MAIL_DEADLINE = 20


def listen():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


services, api = listen(), listen()
SERVICES_PORT, API_PORT = services.getsockname()[1], api.getsockname()[1]
# ministack reads these when it is imported.
os.environ.update(
    GATEWAY_PORT=str(SERVICES_PORT),
    BIND_HOST="127.0.0.1",
    MINISTACK_HOST="localhost",
    MINISTACK_REGION=os.environ["AWS_DEFAULT_REGION"],
    LAMBDA_EXECUTOR="local",
    IOT_MTLS_ENABLED="0",
    SFTP_ENABLED="0",
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{SERVICES_PORT}",
)

import botocore.session  # noqa: E402
import botocore.validate  # noqa: E402
import samtranslator.translator.transform as sam  # noqa: E402
from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack import app as ministack  # noqa: E402
from ministack.services import apigateway, cloudformation, dynamodb, ses  # noqa: E402
from ministack.services.cloudformation import changesets, engine, handlers, provisioners  # noqa: E402

# --- The SAM transform knows the parameters.

parameters = contextvars.ContextVar("parameters", default={})
transform_without_parameters = sam.transform
apply_transforms = engine._apply_transforms


def transform(template, _, loader):
    return transform_without_parameters(template, parameters.get(), loader)


def apply_transforms_with_parameters(template, provided=None, previous=None):
    values = engine._transform_parameters(template, provided, previous)
    token = parameters.set({"AWS::Region": os.environ["AWS_DEFAULT_REGION"], **values})
    try:
        return apply_transforms(template, provided, previous)
    finally:
        parameters.reset(token)


sam.transform = transform
for module in (engine, changesets, handlers):
    module._apply_transforms = apply_transforms_with_parameters

# --- CloudFormation in a thread.

handle_cloudformation = cloudformation.handle_request


class LoopElsewhere(asyncio.AbstractEventLoop):
    """The server's event loop, for a thread that only starts tasks in it."""

    def __init__(self, loop):
        self.loop = loop

    def create_task(self, coroutine):
        context = contextvars.copy_context()
        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(coroutine, context=context))


async def handle_in_thread(*request):
    loop = asyncio.get_running_loop()

    def handle():
        asyncio.set_event_loop(LoopElsewhere(loop))
        try:
            # It awaits nothing, so that its first step is its last.
            handle_cloudformation(*request).send(None)
        except StopIteration as end:
            return end.value
        finally:
            asyncio.set_event_loop(None)
        raise RuntimeError("ministack's CloudFormation awaits something")

    return await asyncio.to_thread(handle)


cloudformation.handle_request = handle_in_thread

# --- Alarms over metric math.

put_metric_alarm = botocore.session.get_session().get_service_model("cloudwatch").operation_model("PutMetricAlarm").input_shape
alarm_record = provisioners._cw_metric_alarm_record


def typed(value, shape):
    """`value` as the API takes it: CloudFormation turns text into numbers and truth values where a property is one."""
    if shape.type_name == "structure":
        return {name: typed(one, shape.members[name]) if name in shape.members else one for name, one in value.items()}
    if shape.type_name == "list":
        return [typed(one, shape.member) for one in value]
    if isinstance(value, str):
        if shape.type_name == "boolean":
            return {"true": True, "false": False}[value.lower()]
        if shape.type_name in ("integer", "long"):
            return int(value)
        if shape.type_name in ("double", "float"):
            return float(value)
    return value


def alarm_record_with_math(name, properties):
    alarm = typed({"AlarmName": name, **properties}, put_metric_alarm)
    faults = botocore.validate.ParamValidator().validate(alarm, put_metric_alarm)
    if faults.has_errors():
        raise ValueError(f"PutMetricAlarm refuses {name}: {faults.generate_report()}")
    if not properties.get("Metrics"):
        return alarm_record(name, properties)
    if len(alarm["Metrics"]) > 10 or sum(bool(metric.get("ReturnData", True)) for metric in alarm["Metrics"]) > 2:
        raise ValueError(f"{name}: an alarm has at most 10 metrics, and returns one (or one and its band)")
    # ministack evaluates one metric; this one has no data, so that the alarm keeps its first state.
    plain = {key: value for key, value in properties.items() if key not in ("Metrics", "ThresholdMetricId")}
    plain = {"Threshold": 0, **plain, "Namespace": "metric math", "MetricName": name}
    return {**alarm_record(name, plain), "TreatMissingData": "missing"}


provisioners._cw_metric_alarm_record = alarm_record_with_math

# --- An HTTP API from its OpenAPI body.

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
CORS = {
    "allowOrigins": list,
    "allowMethods": list,
    "allowHeaders": list,
    "exposeHeaders": list,
    "maxAge": int,
    "allowCredentials": bool,
}


def import_authorizers(api_id, schemes):
    """Gives the API the authorizers of its security schemes: the types and ids by their names."""
    apigateway._authorizers[api_id] = {}
    authorizers = {}
    for name, scheme in schemes.items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        source = authorizer["identitySource"]
        sources = source if isinstance(source, list) else [source]
        properties = {"ApiId": api_id, "Name": name, "IdentitySource": sources}
        if authorizer["type"] == "jwt":
            jwt = authorizer["jwtConfiguration"]
            properties |= {"AuthorizerType": "JWT", "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt["audience"]}}
        elif authorizer["type"] == "request" and authorizer["enableSimpleResponses"]:
            properties |= {
                "AuthorizerType": "REQUEST",
                "AuthorizerUri": authorizer["authorizerUri"],
                "AuthorizerPayloadFormatVersion": authorizer["authorizerPayloadFormatVersion"],
                "AuthorizerResultTtlInSeconds": int(authorizer["authorizerResultTtlInSeconds"]),
                "EnableSimpleResponses": True,
            }
        else:
            raise ValueError(f"the authorizer {name} is not imported: {json.dumps(authorizer)}")
        authorizer_id, _ = provisioners._apigw_v2_authorizer_create(name, properties, "")
        authorizers[name] = ("JWT" if authorizer["type"] == "jwt" else "CUSTOM", authorizer_id)
    return authorizers


def authorization_of(security, authorizers):
    """The properties of a route with this security requirement: no authorizer, or one."""
    if not security:
        return {}
    [[(name, scopes)]] = [list(one.items()) for one in security]
    kind, authorizer_id = authorizers[name]
    return {"AuthorizationType": kind, "AuthorizerId": authorizer_id, "AuthorizationScopes": scopes}


def import_body(api_id, body):
    """Gives the API the routes of `body`; on an update they replace the earlier ones at once."""
    routes, integrations = {}, {}
    authorizers = import_authorizers(api_id, body.get("components", {}).get("securitySchemes", {}))
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                raise ValueError(f"{path}: {method} is not imported")
            integration = operation["x-amazon-apigateway-integration"]
            if integration["type"].lower() != "aws_proxy":
                raise ValueError(f"{method} {path}: the integration {integration['type']} is not imported")
            method = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            key = f"{method} {path}"
            number = str(len(routes))
            integrations[number] = {
                "integrationId": number,
                **provisioners._apigw_v2_integration_props(
                    {"IntegrationUri": integration["uri"], "PayloadFormatVersion": integration["payloadFormatVersion"]}
                ),
            }
            authorization = authorization_of(operation.get("security", body.get("security")), authorizers)
            route = {"RouteKey": key, "Target": f"integrations/{number}", **authorization}
            route = provisioners._apigw_v2_route_props(route)
            routes[number] = {"routeId": number, **route}
    cors = body.get("x-amazon-apigateway-cors")
    if cors is not None and not isinstance(cors, dict):
        raise ValueError(f"x-amazon-apigateway-cors must be an object, and is {json.dumps(cors)}")
    for name, value in (cors or {}).items():
        if name not in CORS or not isinstance(value, CORS[name]):
            raise ValueError(f"x-amazon-apigateway-cors: {name} must not be {json.dumps(value)}")
    apigateway._integrations[api_id] = integrations
    apigateway._routes[api_id] = routes
    return cors


def with_body(properties):
    """The properties with what is in the body as properties."""
    body = properties["Body"]
    cors = {"CorsConfiguration": body["x-amazon-apigateway-cors"]} if body.get("x-amazon-apigateway-cors") else {}
    return {"Name": body["info"]["title"], **properties, **cors}


def create_api(logical_id, properties, stack):
    physical_id, attributes = provisioners._apigw_v2_api_create(logical_id, with_body(properties), stack)
    try:
        import_body(physical_id, properties["Body"])
    except ValueError:
        provisioners._apigw_v2_api_delete(physical_id, properties)
        raise
    return physical_id, attributes


def update_api(physical_id, old, new, stack, logical_id=None):
    result = provisioners._apigw_v2_api_update(physical_id, with_body(old), with_body(new), stack, logical_id)
    import_body(result[0], new["Body"])
    return result


provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"].update(create=create_api, update=update_api)


# --- The issuer of access tokens.

open_url = apigateway._urlopen_async


async def open_url_of_api(url, timeout):
    issuer = urllib.parse.urlsplit(url)
    if issuer.scheme == "https" and ".execute-api." in issuer.netloc:
        url = f"http://127.0.0.1:{API_PORT}{issuer.path}"
    return await open_url(url, timeout)


apigateway._urlopen_async = open_url_of_api

# --- What has no part in a request: accepted, and without effect.


def create_nothing(logical_id, properties, stack):
    return f"{stack}-{logical_id}", {}


def update_nothing(physical_id, old, new, stack):
    return physical_id, {}


def delete_nothing(physical_id, properties):
    pass


for kind in ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::Logs::QueryDefinition"):
    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": create_nothing,
        "update": update_nothing,
        "delete": delete_nothing,
    }

# --- The API's own address, with a mailbox.

cleared_until = 0


def sent_mails():
    """Every mail that SES took, in the order of sending."""
    entries = [mails for key, mails in ses._sent_emails.to_dict().items() if key[-1] == "entries"]
    return sorted((mail for mails in entries for mail in mails), key=lambda mail: mail["Timestamp"])


def queued_mails():
    """Keys of the mails in any table that wait to be sent."""
    items = (
        item
        for table in dynamodb._tables.to_dict().values()
        for partition in list(table["items"].values())
        for item in list(partition.values())
    )
    keys = ((item.get("pk", {}).get("S", ""), item.get("state", {}).get("S")) for item in items)
    return [key for key, state in keys if key.startswith("mail#") and state == "queued"]


def shown(mail):
    return {
        "id": mail["MessageId"],
        "to": mail["To"],
        "from": mail["Source"],
        "subject": mail["Subject"],
        "text": mail["BodyText"],
        "html": mail["BodyHtml"],
        "sent_at": mail["Timestamp"],
    }


async def mailbox(method):
    """Status and body. Mails follow their requests; whoever reads them at once waits here until they were sent."""
    global cleared_until
    deadline = time.monotonic() + MAIL_DEADLINE
    while waiting := queued_mails():
        if time.monotonic() > deadline:
            return 504, {"message": f"still queued after {MAIL_DEADLINE} s: {', '.join(waiting)}"}
        await asyncio.sleep(0.02)
    mails = sent_mails()
    if method == "DELETE":
        cleared_until = len(mails)
        return 204, None
    return 200, [shown(mail) for mail in reversed(mails[cleared_until:])]


async def respond(send, status, body):
    data = b"" if body is None else json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def application(scope, receive, send):
    if scope["type"] != "http" or scope["server"][1] != API_PORT:
        return await ministack.app(scope, receive, send)
    if scope["path"] == "/_local/mails" and scope["method"] in ("GET", "DELETE"):
        return await respond(send, *await mailbox(scope["method"]))
    api_id = next(key[-1] for key in apigateway._apis.to_dict())
    host = f"{api_id}.execute-api.localhost:{SERVICES_PORT}".encode()
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return await ministack.app({**scope, "headers": [(b"host", host), *headers]}, receive, send)


def stop_with_parent():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    threading.Thread(target=stop_with_parent, daemon=True).start()
    config = Config()
    config.bind = [f"fd://{services.fileno()}", f"fd://{api.fileno()}"]
    config.keep_alive_timeout = 75
    print(json.dumps({"services": f"http://127.0.0.1:{SERVICES_PORT}", "api": f"http://127.0.0.1:{API_PORT}"}), flush=True)
    asyncio.run(serve(application, config))


main()
