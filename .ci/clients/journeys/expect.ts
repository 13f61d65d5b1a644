// What the journeys in TypeScript share.

// The one thing of Node.js that they need, without its types.
declare const process: { argv: string[] };

/** The API's address: the argument. */
export const baseUrl = process.argv[2] ?? "";

export const NEW_PASSWORD = "nine-blue-tricycles";

/** Fails unless `actual` equals `expected`. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${what}: ${JSON.stringify(actual)}, and not ${JSON.stringify(expected)}`);
  }
}

/** The value, which a successful response has. */
export function present<T>(what: string, value: T | undefined): T {
  if (value === undefined) {
    throw new Error(`${what}: the response has no data`);
  }
  return value;
}

/** The problem that the API responded with: API Gateway's own errors have a message only. */
export function problem<E extends object>(what: string, error: E | undefined): Extract<E, { title: string }> {
  if (error === undefined || !("title" in error)) {
    throw new Error(`${what}: ${JSON.stringify(error)} is no problem of the API`);
  }
  return error as Extract<E, { title: string }>;
}

/** The secret of the link to `page` in the newest mail to `address`. */
export async function secretInMail(address: string, page: string): Promise<string> {
  const response = await fetch(`${baseUrl}/_local/mails`);
  const mails = (await response.json()) as { to: string[]; text: string }[];
  for (const mail of mails.filter((one) => one.to.includes(address))) {
    const found = new RegExp(`/${page}#(?:token|key)=([0-9a-z-]+)`).exec(mail.text);
    if (found?.[1]) {
      return found[1];
    }
  }
  throw new Error(`no mail to ${address} has a link to ${page}`);
}
