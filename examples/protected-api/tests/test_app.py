"""The handler, with the events that API Gateway makes of what either authorizer passes on."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))

import app  # noqa: E402


def by_authorizer(route, roles):
    """A request with any token, authorized by Latchkey's function."""
    context = {"user_id": "4711", "username": "john", "roles": roles, "email_verified": "true", "auth_time": 1769860800}
    return {"version": "2.0", "routeKey": route, "requestContext": {"authorizer": {"lambda": context}}}


def by_jwt(route, **claims):
    """A request with an access token, verified by API Gateway, which passes every claim on as a string."""
    claims = {"sub": "4711", "iss": "https://id.example.com", "aud": "api", "exp": "1769861100"} | claims
    return {"version": "2.0", "routeKey": route, "requestContext": {"authorizer": {"jwt": {"claims": claims, "scopes": None}}}}


def call(event):
    response = app.handler(event, None)
    return response["statusCode"], json.loads(response["body"])


class Handler(unittest.TestCase):
    def test_both_authorizers_name_the_same_user(self):
        expected = (200, {"id": "4711", "roles": ["admin", "orders:read"]})
        self.assertEqual(call(by_authorizer("GET /me", "admin orders:read")), expected)
        claims = {"roles": "[admin orders:read]", "scope": "admin orders:read"}
        self.assertEqual(call(by_jwt("GET /me", **claims)), expected)

    def test_a_user_without_roles_has_none(self):
        expected = (200, {"id": "4711", "roles": []})
        self.assertEqual(call(by_authorizer("GET /me", "")), expected)
        self.assertEqual(call(by_jwt("GET /me")), expected)

    def test_orders_need_their_role(self):
        self.assertEqual(call(by_jwt("GET /orders", scope="orders:read admin"))[0], 200)
        for scope in ({}, {"scope": "orders:reader"}):
            self.assertEqual(call(by_jwt("GET /orders", **scope))[0], 403)

    def test_a_request_without_an_authorizer_fails(self):
        event = by_jwt("GET /me")
        del event["requestContext"]["authorizer"]
        with self.assertRaises(KeyError):
            app.handler(event, None)


if __name__ == "__main__":
    unittest.main()
