"""Keeps the state of each user in a table, by Latchkey's events. An event may arrive more than once and in any order."""

import os
import time

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

# Longer than Latchkey may repeat an event.
REMEMBERED = 15 * 24 * 60 * 60

# The state after each kind of event. The others leave it as it is.
STATES = {
    "user.created": "active",
    "user.disabled": "disabled",
    "user.enabled": "active",
    "user.deleted": "deleted",
}


def is_refused(error):
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


class Consumer:
    """Handles events. The tables are those of boto3."""

    def __init__(self, users, handled, now=time.time, act=print):
        self.users, self.handled, self.now, self.act = users, handled, now, act

    def handle(self, event):
        detail = event["detail"]
        self.keep(event["detail-type"], detail)
        if self.is_first(detail["event_id"]):
            self.act(f"{event['detail-type']} of user {detail['user_id']}, version {detail['version']}")

    def keep(self, kind, detail):
        """Stores the newest state, whatever the order of the events is: an older version changes nothing. Repeating it does
        no harm, so it needs no memory of ids."""
        if kind not in STATES:
            return
        try:
            self.users.update_item(
                Key={"user_id": detail["user_id"]},
                UpdateExpression="SET #state = :state, #version = :version",
                ConditionExpression=Attr("version").not_exists() | Attr("version").lt(detail["version"]),
                ExpressionAttributeNames={"#state": "state", "#version": "version"},
                ExpressionAttributeValues={":state": STATES[kind], ":version": detail["version"]},
            )
        except ClientError as error:
            if not is_refused(error):
                raise

    def is_first(self, event_id):
        """Returns true once for each event, for what must not be done twice, such as a welcome letter. If the function ends
        between this and the act, the act is lost: where that is worse, act first."""
        try:
            self.handled.put_item(
                Item={"event_id": event_id, "expires_at": int(self.now()) + REMEMBERED},
                ConditionExpression=Attr("event_id").not_exists(),
            )
        except ClientError as error:
            if is_refused(error):
                return False
            raise
        return True


def handler(event, _context):
    dynamodb = boto3.resource("dynamodb")
    tables = (dynamodb.Table(os.environ[name]) for name in ("USERS_TABLE", "HANDLED_TABLE"))
    Consumer(*tables).handle(event)
