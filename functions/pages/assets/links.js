// The pages that links in mails open, and those of strangers: forgotten password, sign-up and log-in.

// The secret of a link. It leaves the address bar and the history at once; it stays in this page, and a page that is loaded
// again needs the link again. Bases without a # have it in the query.
function takeSecret() {
  const parts = new URLSearchParams(`${location.search.slice(1)}&${location.hash.slice(1)}`);
  const secret = parts.get("token") ?? parts.get("key");
  history.replaceState(null, "", location.pathname);
  // A link that is opened while its page is open loads nothing, since only the fragment differs.
  addEventListener("hashchange", () => location.reload());
  return secret;
}

// Prepares the form of a link. `send` gets its values and the secret.
function prepareLink(id, send) {
  const secret = takeSecret();
  if (!secret) {
    show("invalid");
    return;
  }
  const form = document.getElementById(id);
  const failed = ({ body }) => {
    const isInvalid = body.code === "invalid_token";
    if (isInvalid) {
      show("invalid");
    }
    return isInvalid;
  };
  const done = () => {
    forgetSession();
    show("done");
  };
  prepareForm(form, (fields) => send(fields, secret), id === "confirm" ? () => show("done") : done, failed);
  if (id !== "confirm") {
    prepareRules(form, "new_password", () => []);
  }
}

function resetPassword() {
  prepareLink("reset", (fields, secret) =>
    call("POST", "/api/passwords/reset_password_complete", { ...fields, reset_token: secret }, { anonymous: true }),
  );
}

function revertEmail() {
  prepareLink("revert", (fields, secret) => call("POST", "/auth/revert_email", { ...fields, key: secret }, { anonymous: true }));
}

function confirmEmail() {
  prepareLink("confirm", (_, secret) => call("POST", "/auth/confirm_email", { key: secret }, { anonymous: true }));
}

function forgotPassword() {
  const form = document.getElementById("forgot");
  const failed = ({ status }) => {
    if (status === 404) {
      showFaults(form, [{ field: "email", text: texts.errors.unknown_email }]);
    }
    return status === 404;
  };
  const send = (fields) => call("POST", "/api/passwords/reset_password", fields, { anonymous: true });
  prepareForm(form, send, () => show("done"), failed);
}

function enter({ body }) {
  keepSession(body);
  location.assign("/account");
}

function signUp() {
  const form = document.getElementById("sign-up");
  prepareForm(form, (fields) => call("POST", "/auth/signup", fields, { anonymous: true }), enter);
  prepareRules(form, "password", () => ["email", "username", "first_name", "last_name"].map((name) => form.elements.namedItem(name).value));
}

function logIn() {
  const send = ({ name, password }) => {
    const identifier = name.includes("@") ? { email: name } : { username: name };
    return call("POST", "/auth/login", { ...identifier, password }, { anonymous: true });
  };
  // What is wrong with the name says nothing that helps: a name that cannot exist has no account.
  const failed = ({ status, body }) => {
    const isWrong = status === 400 && body.code === "invalid_request";
    if (isWrong) {
      say(noticeOf(form), texts.errors.invalid_credentials);
    }
    return isWrong;
  };
  const form = document.getElementById("log-in");
  prepareForm(form, send, enter, failed);
}

