"""One GetItem, as boto3's documentation shows it: no authentication, no validation, no log."""

import json
import os

import boto3

client = boto3.client("dynamodb")
TABLE = os.environ["USERS_TABLE"]


def handler(event, _context):
    id = event["pathParameters"]["id"]
    found = client.get_item(TableName=TABLE, Key={"pk": {"S": f"user#{id}"}}, ConsistentRead=True)
    item = found["Item"]
    body = {"id": id, "username": item["username"]["S"], "email": item["email"]["S"]}
    return {"statusCode": 200, "body": json.dumps(body)}
