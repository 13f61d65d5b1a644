// The account: its details, sessions and end.

let user;

function element(name, className, text) {
  const created = document.createElement(name);
  if (className) {
    created.className = className;
  }
  created.textContent = text;
  return created;
}

function showUser(changed) {
  user = changed;
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  document.getElementById("account-name").textContent = name || user.username;
  document.getElementById("account-email").textContent = name ? `${user.username} · ${user.email}` : user.email;
  document.getElementById("unconfirmed").hidden = user.email_verified;
  say(document.getElementById("pending"), user.pending_email ? fill(texts.pending_notice, { email: user.pending_email }) : "");
  for (const input of document.querySelectorAll('input[name="username"]')) {
    input.value = user.username;
  }
  const details = document.getElementById("details").elements;
  details.namedItem("first_name").value = user.first_name;
  details.namedItem("last_name").value = user.last_name;
}

// Shows what has been done above the sections, in a live region.
function announce(text) {
  const notice = document.getElementById("account-notice");
  notice.classList.add("good");
  say(notice, text);
  notice.scrollIntoView({ block: "nearest" });
}

function leave() {
  forgetSession();
  location.replace("/log_in");
}

// A request of the account's page: once the session has ended, the page ends, too.
async function callOwn(method, path, body) {
  const reply = await call(method, path, body);
  if (reply.status === 401) {
    leave();
  }
  return reply;
}

function prepareUpdate(id, text) {
  const form = document.getElementById(id);
  const send = ({ password_confirmation: _, ...fields }) => callOwn("PATCH", "/api/users/update_details", fields);
  prepareForm(form, send, async (reply) => {
    form.reset();
    form.closest("details").open = false;
    showUser(reply.body);
    announce(text(reply.body));
    await showSessions();
  });
  return form;
}

// A short name for a User-Agent header, such as "Firefox on Linux".
function device(userAgent) {
  const find = (names) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = find([
    [/Edg/, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\/|FxiOS/, "Firefox"],
    [/Chrome\/|CriOS|Chromium/, "Chrome"],
    [/Safari\//, "Safari"],
  ]);
  const system = find([
    [/Windows/, "Windows"],
    [/Android/, "Android"],
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Mac OS X/, "macOS"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ]);
  if (browser && system) {
    return `${browser} ${texts.on} ${system}`;
  }
  return browser ?? system ?? (userAgent ? userAgent.slice(0, 40) : texts.unknown_device);
}

function sessionItem({ id, created_at: createdAt, user_agent: userAgent, current }) {
  const item = document.createElement("li");
  const about = document.createElement("div");
  const name = device(userAgent ?? "");
  const title = element("p", "", name);
  if (current) {
    title.append(" ", element("span", "current", `(${texts.this_session})`));
  }
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(createdAt));
  about.append(title, element("p", "since", fill(texts.signed_in, { date })));
  item.append(about);
  if (!current) {
    const button = element("button", "quiet", texts.end_session);
    button.type = "button";
    button.setAttribute("aria-label", `${texts.end_session}: ${name}, ${date}`);
    button.addEventListener("click", () => whileBusy(button, () => endSession(id)));
    item.append(button);
  }
  return item;
}

async function showSessions() {
  const reply = await callOwn("GET", "/auth/sessions");
  const list = document.querySelector(".sessions");
  const notice = document.querySelector('#sessions [role="alert"]');
  say(notice, reply.ok ? "" : failureText(reply));
  if (reply.ok) {
    list.replaceChildren(...reply.body.sessions.map(sessionItem));
  }
}

async function endSession(id) {
  const reply = await callOwn("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
  // A session that is not found has ended already.
  if (reply.ok || reply.status === 404) {
    await showSessions();
    announce(texts.session_ended);
    document.querySelector("#sessions summary").focus();
  } else {
    say(document.querySelector('#sessions [role="alert"]'), failureText(reply));
  }
}

// Ends one session or all, and goes to the log-in.
function prepareEnd(id, method, path) {
  const button = document.getElementById(id);
  button.addEventListener("click", () =>
    whileBusy(button, async () => {
      const reply = await callOwn(method, path);
      if (reply.ok) {
        leave();
      } else if (reply.status !== 401) {
        const notice = document.getElementById("account-notice");
        notice.classList.remove("good");
        say(notice, failureText(reply));
      }
    }),
  );
}

async function resend() {
  const reply = await callOwn("POST", "/auth/confirm_email/resend");
  const notice = document.getElementById("account-notice");
  if (reply.ok) {
    announce(fill(texts.confirmation_sent, { email: user.pending_email ?? user.email }));
  } else if (reply.body.code === "already_verified") {
    document.getElementById("unconfirmed").hidden = true;
    announce(texts.already_verified);
  } else {
    notice.classList.remove("good");
    say(notice, failureText(reply));
  }
}

function prepareDelete() {
  const form = document.getElementById("delete");
  const send = (fields) => callOwn("POST", "/api/users/delete_account", fields);
  prepareForm(form, send, () => {
    forgetSession();
    show("deleted");
  });
}

async function account() {
  const own = await ownId();
  const reply = own.ok ? await call("GET", `/api/users/${own.id}`) : own;
  if (reply.status === 401 || reply.status === 404) {
    leave();
    return;
  }
  if (!reply.ok) {
    say(document.getElementById("loading"), failureText(reply));
    return;
  }
  showUser(reply.body);
  prepareUpdate("details", () => texts.saved);
  prepareUpdate("email", ({ email, pending_email: pending }) => fill(pending ? texts.email_pending : texts.email_saved, { email: pending ?? email }));
  const password = prepareUpdate("password", () => texts.password_saved);
  prepareRules(password, "password", () => [user.email, user.username, user.first_name, user.last_name]);
  prepareDelete();
  prepareEnd("log-out", "POST", "/auth/logout");
  prepareEnd("end-all", "DELETE", "/auth/sessions");
  const button = document.getElementById("resend");
  button.addEventListener("click", () => whileBusy(button, resend));
  show("account");
  await showSessions();
}

