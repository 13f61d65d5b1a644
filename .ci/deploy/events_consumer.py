"""examples/events-consumer: deployed beside the stack by its README's commands, and sees what happens to users."""

import re

from common import expect, wait_until

FOLDER = "examples/events-consumer"
README = f"{FOLDER}/README.md"
PASSWORD = "seven-green-bicycles"


def turn_events_on(deployment, blocks, also):
    """Runs the README's commands that create the bus and name it to Latchkey, together with the parameters `also`."""
    endpoint = deployment.env["AWS_ENDPOINT_URL"]
    named = "EventBusName=users"
    expect(blocks[0].count(named) == 1, f"{README} does not turn events on by {named}")
    output = deployment.shell(f"set -e\n{blocks[0].replace(named, f'{named} EventBridgeEndpoint={endpoint} {also}')}")
    expect("Successfully created/updated stack - " in output, "`sam deploy` did not say that the stack was updated")


def deploy(deployment, blocks):
    """Runs the README's other commands; gives the name of the consumer's table."""
    output = deployment.shell(f"set -e\ncd {FOLDER}\n{blocks[1]}", seconds=300)
    found = re.search(r"Successfully created/updated stack - (\S+) in", output)
    expect(found, "`sam deploy` did not say that the stack was created:\n" + "\n".join(output.splitlines()[-20:]))
    [stack] = deployment.client("cloudformation").describe_stacks(StackName=found[1])["Stacks"]
    [table] = [one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "UsersTable"]
    return table


def check_events_consumer(deployment, blocks):
    """A sign-up and a deletion arrive at the function that the rule invokes."""
    table = deploy(deployment, blocks)
    dynamodb = deployment.client("dynamodb")

    def state(user):
        item = dynamodb.get_item(TableName=table, Key={"user_id": {"N": str(user)}}).get("Item")
        return item and (item["state"]["S"], int(item["version"]["N"]))

    body = {"username": "listener", "email": "listener@example.com", "password": PASSWORD}
    status, _, signed_up = deployment.request("POST", "/auth/signup", body)
    expect(status == 201, f"the sign-up was answered with {status}")
    user, bearer = signed_up["user"]["id"], {"Authorization": f"Bearer {signed_up['token']}"}
    wait_until(lambda: state(user), "`user.created`", 60)
    created = state(user)
    expect(created[0] == "active", f"after the sign-up, the consumer has {created}")
    status, _, _ = deployment.request("POST", "/api/users/delete_account", {"current-password": PASSWORD}, bearer)
    expect(status == 204, f"the deletion was answered with {status}")
    wait_until(lambda: state(user) != created, "`user.deleted`", 60)
    deleted = state(user)
    expect(deleted[0] == "deleted" and deleted[1] > created[1], f"after {created}, the consumer has {deleted}")
    [queue] = [url for url in deployment.client("sqs").list_queues().get("QueueUrls", []) if "Failed" in url and "events-consumer" in url]
    failed = deployment.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])
    expect(not failed, f"the consumer failed: {failed}")
