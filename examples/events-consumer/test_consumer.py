"""Tests of the consumer, against moto's DynamoDB."""

import itertools
import os
import pathlib
import sys

os.environ.update(AWS_DEFAULT_REGION="eu-central-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")

import boto3
from moto import mock_aws

sys.path.insert(0, str(pathlib.Path(__file__).parent / "src"))
from consumer import Consumer


def table(dynamodb, name, key, kind):
    return dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )


def event(kind, version):
    detail = {"event_id": f"{version:032x}", "user_id": 5301, "version": version, "occurred_at": "2026-01-31T12:00:00Z"}
    return {"source": "latchkey", "detail-type": kind, "detail": detail}


EVENTS = [event("user.created", 1), event("user.verified", 2), event("user.disabled", 3), event("user.deleted", 4)]

# In every order, each event twice.
for number, order in enumerate(itertools.permutations(EVENTS)):
    with mock_aws():
        dynamodb = boto3.resource("dynamodb")
        users, handled = table(dynamodb, "users", "user_id", "N"), table(dynamodb, "handled", "event_id", "S")
        acts = []
        consumer = Consumer(users, handled, act=acts.append)
        for one in [*order, *order]:
            consumer.handle(one)
        found = users.get_item(Key={"user_id": 5301})["Item"]
        assert (found["state"], found["version"]) == ("deleted", 4), (order, found)
        assert len(acts) == len(set(acts)) == len(EVENTS), (order, acts)

print(f"consumer: right in {number + 1} orders of {len(EVENTS)} events, each twice")
