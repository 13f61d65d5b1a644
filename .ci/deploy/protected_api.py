"""examples/protected-api: deployed beside the stack by its README's commands, and called with both kinds of token."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

from common import expect

FOLDER = "examples/protected-api"
README = f"{FOLDER}/README.md"
PASSWORD = "seven-green-bicycles"


class ProtectedApi:
    """The API of the example."""

    def __init__(self, deployment, url):
        self.deployment = deployment
        self.services = deployment.env["AWS_ENDPOINT_URL"]
        [label, _] = urllib.parse.urlsplit(url).hostname.split(".", 1)
        self.host = f"{label}.execute-api.localhost:{urllib.parse.urlsplit(self.services).port}"

    def get(self, path, token=None):
        """Status and body."""
        headers = {"Host": self.host} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            response = urllib.request.urlopen(urllib.request.Request(self.services + path, headers=headers), timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return response.status, json.loads(response.read())

    def expect(self, what, path, token, status, body=None):
        answered = self.get(path, token)
        expect(answered[0] == status and body in (None, answered[1]), f"{what}: GET {path} responded with {answered}, and not {status} {body}")


def deploy(deployment, blocks):
    """Runs the README's commands, and gives the API."""
    # Here the API has another address than the output's, and issues its tokens by that one.
    issuer = deployment.request("GET", "/.well-known/openid-configuration")[2]["issuer"]
    commands = blocks[0]
    for documented, actual in {"STACK=latchkey": f"STACK={deployment.stack}", "Issuer=$(output $STACK ApiUrl)": f"Issuer={issuer}"}.items():
        expect(documented in commands, f"{README} has no {documented}")
        commands = commands.replace(documented, actual)
    output = deployment.shell(f"set -e\ncd {FOLDER}\n{commands}", seconds=300)
    found = re.search(r"Successfully created/updated stack - (\S+) in", output)
    expect(found, "`sam deploy` did not say that the stack was created:\n" + "\n".join(output.splitlines()[-20:]))
    [stack] = deployment.client("cloudformation").describe_stacks(StackName=found[1])["Stacks"]
    [url] = [one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "ApiUrl"]
    return ProtectedApi(deployment, url)


def check_protected_api(deployment, blocks):
    """What the README's "Use it" says that it prints."""
    api = deploy(deployment, blocks)
    status, _, signed_up = deployment.request(
        "POST", "/auth/signup", {"username": "buyer", "email": "buyer@example.com", "password": PASSWORD}
    )
    expect(status == 201, f"the sign-up was answered with {status}")
    session, user = signed_up["token"], str(signed_up["user"]["id"])
    bearer = {"Authorization": f"Bearer {session}"}
    status, _, issued = deployment.request("POST", "/auth/token", headers=bearer)
    expect(status == 200, f"the access token was answered with {status}")
    access = issued["access_token"]
    me = {"id": user, "roles": []}
    api.expect("a session token", "/me", session, 200, me)
    api.expect("an access token", "/me", access, 200, me)
    api.expect("an access token without the role", "/orders", access, 403, {"message": "The role orders:read is required."})
    api.expect("a session token is no JWT of the issuer", "/orders", session, 401)
    for path in ("/me", "/orders"):
        api.expect("no token", path, None, 401)
        api.expect("a forged token", path, f"{access[:-8]}AAAAAAAA", 403 if path == "/me" else 401)
    status, _, _ = deployment.request("POST", "/auth/logout", headers=bearer)
    expect(status == 204, f"the log-out was answered with {status}")
    api.expect("an ended session", "/me", session, 403)
    api.expect("an access token after the log-out", "/me", access, 200, me)
    deployment.use_outputs()
    deployment.admin(f"user add-role {user} orders:read --yes")
    status, _, signed_in = deployment.request("POST", "/auth/login", {"username": "buyer", "password": PASSWORD})
    expect(status == 200, f"the log-in was answered with {status}")
    bearer = {"Authorization": f"Bearer {signed_in['token']}"}
    access = deployment.request("POST", "/auth/token", headers=bearer)[2]["access_token"]
    api.expect("an access token with the role", "/orders", access, 200, {"user": user, "orders": []})
