// Requests to the API of the same origin, and the session of this tab.

const SESSION = "latchkey.session";

// The session token and the user's id. With SessionCookie=true there is no token: the browser sends the cookie by itself.
function session() {
  try {
    return JSON.parse(sessionStorage.getItem(SESSION)) ?? {};
  } catch {
    return {};
  }
}

function keepSession({ token, user }) {
  sessionStorage.setItem(SESSION, JSON.stringify({ token, id: user.id }));
}

function forgetSession() {
  sessionStorage.removeItem(SESSION);
}

// Sends a request and returns its status, its body and the seconds of Retry-After. The status is 0 if there was no response.
async function call(method, path, body, { anonymous = false } = {}) {
  const headers = { accept: "application/json" };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
  }
  const { token } = session();
  if (token && !anonymous) {
    headers.authorization = `Bearer ${token}`;
  }
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
    });
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "");
    return {
      ok: response.ok,
      status: response.status,
      body: isJson ? await response.json() : {},
      retryAfter: Number(response.headers.get("retry-after")) || 0,
    };
  } catch {
    return { ok: false, status: 0, body: {}, retryAfter: 0 };
  }
}

// The id of the user whose session this is. A tab that was opened later, with a cookie, learns it from an access token.
async function ownId() {
  const { id } = session();
  if (id) {
    return { ok: true, id };
  }
  const reply = await call("POST", "/auth/token", {});
  if (!reply.ok) {
    return reply;
  }
  const [, claims] = reply.body.access_token.split(".");
  const { sub } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
  return { ok: true, id: sub };
}

