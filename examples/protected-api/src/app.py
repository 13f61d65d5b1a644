"""An API whose users log in at Latchkey. API Gateway has authorized a request before it comes here."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class User:
    """The user who makes a request."""

    id: str
    roles: list[str]


def user_of(event):
    """The user, from what the authorizer of the route passes on."""
    authorizer = event["requestContext"]["authorizer"]
    if "lambda" in authorizer:
        context = authorizer["lambda"]
        return User(context["user_id"], context["roles"].split())
    # API Gateway passes the list `roles` on as one string, `[a b]`; `scope` has the same names and is a string anyway.
    claims = authorizer["jwt"]["claims"]
    return User(claims["sub"], claims.get("scope", "").split())


def me(user):
    """The user, as other functions of this API know them."""
    return 200, asdict(user)


def orders(user):
    """The user's orders. Authorizers say who makes a request; what the user may do is decided here."""
    if "orders:read" not in user.roles:
        return 403, {"message": "The role orders:read is required."}
    return 200, {"user": user.id, "orders": []}


ROUTES = {"GET /me": me, "GET /orders": orders}


def handler(event, _context):
    """The Lambda function: event and response in payload version 2.0 of HTTP APIs."""
    status, body = ROUTES[event["routeKey"]](user_of(event))
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body),
    }
