// One GetItem, as the SDK's documentation shows it, and the least that polls the Runtime API: no authentication, no
// validation, no log. AWS's own runtime client does more.
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import http from "node:http";

const client = new DynamoDBClient({});
const TableName = process.env.USERS_TABLE;

async function handler(event) {
  const { id } = event.pathParameters;
  const { Item } = await client.send(new GetItemCommand({ TableName, Key: { pk: { S: `user#${id}` } }, ConsistentRead: true }));
  return { statusCode: 200, body: JSON.stringify({ id, username: Item.username.S, email: Item.email.S }) };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const url = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/${path}`;
    const request = http.request(url, { method, agent }, async (response) => {
      const chunks = await response.toArray();
      resolve([response.headers["lambda-runtime-aws-request-id"], Buffer.concat(chunks)]);
    });
    request.on("error", reject).end(body);
  });

(async () => {
  for (;;) {
    const [id, event] = await call("GET", "next");
    await call("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(event))));
  }
})();
