// What people do with the pages.

import assert from "node:assert/strict";

const PASSWORD = "seven green bicycles";
const OTHER_PASSWORD = "nine purple tricycles";

export const heading = async (page, text) => {
  await page.getByRole("heading", { level: 1, name: text }).waitFor();
};

// Fills the fields with these labels and presses the button.
export async function submit(page, fields, button) {
  for (const [label, value] of Object.entries(fields)) {
    await page.getByLabel(label, { exact: true }).locator("visible=true").fill(value);
  }
  await page.getByRole("button", { name: button, exact: true }).locator("visible=true").click();
}

async function logIn(page, name, password) {
  await page.goto("/log_in");
  await submit(page, { "E-mail address or username": name, Password: password }, "Log in");
}

export async function signUp(page, username, email) {
  await page.goto("/sign_up");
  await submit(page, { "E-mail address": email, Username: username, Password: PASSWORD }, "Sign up");
  await heading(page, "Your account");
}

// Opens a link. Its secret is in the address bar no longer than it takes to read it.
async function open(page, link) {
  await page.goto(link);
  await page.waitForFunction(() => !location.hash);
  assert.equal(new URL(page.url()).search, "");
}

const notice = (page) => page.locator("#account-notice");

// The field that has the focus, and the fault that describes it.
async function fault(page) {
  const focused = page.locator(":focus");
  assert.equal(await focused.getAttribute("aria-invalid"), "true");
  const error = page.locator(`[id="${await focused.getAttribute("id")}-error"]`);
  return [await focused.getAttribute("name"), await error.textContent()];
}

async function account(browser, server) {
  const page = await browser.page();
  const [email, newer] = ["john@example.com", "john.doe@example.com"];

  await page.goto("/sign_up");
  await browser.check(page, "sign_up");
  await submit(page, {}, "Sign up");
  assert.deepEqual(await fault(page), ["email", "Please fill in this field."]);
  await submit(page, { "E-mail address": email, Username: "jc 123", Password: "12345678" }, "Sign up");
  await page.getByText("Use letters without accents").waitFor();
  assert.equal((await fault(page))[0], "username");
  await browser.check(page, "sign_up_faults");
  await page.getByRole("button", { name: "Show password" }).click();
  assert.equal(await page.getByLabel("Password", { exact: true }).getAttribute("type"), "text");
  await page.getByLabel("Password", { exact: true }).fill("john@example.com");
  assert.equal(await page.locator(".strength strong").textContent(), "weak");
  await submit(page, { Username: "jc123", "First name (optional)": "John", Password: PASSWORD }, "Sign up");
  await heading(page, "Your account");
  await page.getByText("not confirmed yet").waitFor();
  await browser.check(page, "account_unconfirmed");

  await open(page, await server.link(email, "confirm_email"));
  await heading(page, "Confirm your e-mail address");
  await browser.check(page, "confirm_email");
  await submit(page, {}, "Confirm e-mail address");
  await heading(page, "Your e-mail address is confirmed");
  await browser.check(page, "confirm_email_done");
  await page.getByRole("link", { name: "Go to your account" }).click();
  await heading(page, "Your account");
  assert.equal(await page.getByText("not confirmed yet").isVisible(), false);

  await page.getByText("Name", { exact: true }).click();
  await submit(page, { "Last name (optional)": "Doe", "Current password": "wrong password" }, "Save name");
  await page.getByText("This is not your current password.").waitFor();
  assert.equal((await fault(page))[0], "current-password");
  await submit(page, { "Current password": PASSWORD }, "Save name");
  await page.getByText("John Doe").waitFor();

  await page.getByText("E-mail address", { exact: true }).first().click();
  await submit(page, { "E-mail address": newer, "Current password": PASSWORD }, "Change e-mail address");
  await notice(page).getByText(`Open the link that we sent to ${newer}`).waitFor();

  await page.getByText("Password", { exact: true }).first().click();
  await browser.check(page, "account_password");
  const changed = { "Current password": PASSWORD, "New password": OTHER_PASSWORD, "Repeat the new password": "x" };
  await submit(page, changed, "Change password");
  assert.deepEqual(await fault(page), ["password_confirmation", "The passwords differ."]);
  await submit(page, { ...changed, "Repeat the new password": OTHER_PASSWORD }, "Change password");
  await notice(page).getByText("Your password was changed").waitFor();

  // The owner of the former address takes the account back.
  const owner = await browser.page();
  const revert = await server.link(email, "revert_email");
  await open(owner, revert);
  await browser.check(owner, "revert_email");
  await submit(owner, { "New password": PASSWORD, "Repeat the new password": PASSWORD }, "Take my account back");
  await heading(owner, "Your account is yours again");
  await browser.check(owner, "revert_email_done");
  await open(owner, revert);
  await submit(owner, { "New password": PASSWORD, "Repeat the new password": PASSWORD }, "Take my account back");
  await heading(owner, "This link does not work any more");
  await browser.check(owner, "revert_email_invalid");

  // The session of the first page has ended.
  await page.goto("/account");
  await heading(page, "Log in");
  await logIn(page, email, PASSWORD);
  await heading(page, "Your account");
  await page.getByText(`jc123 · ${email}`).waitFor();

  await logIn(owner, "jc123", PASSWORD);
  await heading(owner, "Your account");
  await page.reload();
  await heading(page, "Your account");
  await page.getByText("Sessions", { exact: true }).click();
  await page.getByText("(this browser)").waitFor();
  await browser.check(page, "account_sessions");
  await page.getByRole("button", { name: /^End session/ }).click();
  await notice(page).getByText("The session has ended.").waitFor();
  assert.equal(await page.locator(".sessions li").count(), 1);
  await owner.reload();
  await heading(owner, "Log in");

  await page.getByText("Delete account", { exact: true }).click();
  await browser.check(page, "account_delete");
  await submit(page, { "Current password": PASSWORD }, "Delete my account for good");
  await heading(page, "Your account was deleted");
  await browser.check(page, "account_deleted");
  await logIn(page, email, PASSWORD);
  await page.getByText("The e-mail address, username or password is wrong.").waitFor();
  await browser.check(page, "log_in_wrong");
}

async function reset(browser, server) {
  const page = await browser.page();
  const email = "anna@example.com";
  await signUp(page, "anna", email);
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await heading(page, "Log in");
  await browser.check(page, "log_in");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await heading(page, "Forgot your password?");
  await browser.check(page, "forgot_password");
  await submit(page, { "E-mail address": "nobody@example.com" }, "Send link");
  await page.getByText("There is no account with this e-mail address.").waitFor();
  assert.equal((await fault(page))[0], "email");
  await submit(page, { "E-mail address": email }, "Send link");
  await heading(page, "Check your e-mail");
  await browser.check(page, "forgot_password_done");

  const link = await server.link(email, "reset_password");
  await open(page, link);
  await browser.check(page, "reset_password");
  await submit(page, { "New password": "password1", "Repeat the new password": "password1" }, "Save new password");
  await page.getByText("This is one of the most common passwords.").waitFor();
  assert.equal((await fault(page))[0], "new_password");
  assert.equal(await page.locator(".strength strong").textContent(), "weak");
  await browser.check(page, "reset_password_faults");
  // By keyboard alone.
  await page.keyboard.press("Control+A");
  await page.keyboard.type(OTHER_PASSWORD);
  for (const expected of ["reveal", "reset-password_confirmation"]) {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    const found = [await focused.getAttribute("class"), await focused.getAttribute("id")];
    assert.ok(found.includes(expected), `${expected} follows, and not ${found}`);
  }
  await page.keyboard.press("Control+A");
  await page.keyboard.type(OTHER_PASSWORD);
  await page.keyboard.press("Enter");
  await heading(page, "Your password was changed");
  assert.equal(await page.locator(":focus").textContent(), "Your password was changed");
  await browser.check(page, "reset_password_done");

  // Used, incomplete and missing secrets: the way out is another link.
  await open(page, link);
  await submit(page, { "New password": PASSWORD, "Repeat the new password": PASSWORD }, "Save new password");
  await heading(page, "This link does not work any more");
  await browser.check(page, "reset_password_invalid");
  await page.getByRole("link", { name: "Request a new link" }).click();
  await heading(page, "Forgot your password?");
  await page.goto("/reset_password");
  await heading(page, "This link does not work any more");
  await open(page, `${server.url}/confirm_email#key=1-00`);
  await submit(page, {}, "Confirm e-mail address");
  await heading(page, "This link does not work any more");
  await browser.check(page, "confirm_email_invalid");

  // A password manager is sent to the account, and a stranger to the log-in.
  await page.goto("/.well-known/change-password");
  await heading(page, "Log in");
  await logIn(page, "anna", OTHER_PASSWORD);
  await heading(page, "Your account");
}

async function languages(browser) {
  const page = await browser.page({ locale: "de-DE" });
  await page.goto("/nowhere");
  await heading(page, "Diese Seite gibt es nicht");
  await browser.check(page, "not_found");
  await page.getByRole("link", { name: "Zur Anmeldung" }).click();
  await submit(page, { "E-Mail-Adresse oder Benutzername": "niemand", Passwort: PASSWORD }, "Anmelden");
  await page.getByText("E-Mail-Adresse, Benutzername oder Passwort ist falsch.").waitFor();
  await page.goto("/sign_up");
  await browser.check(page, "sign_up_german");
  await page.goto("/reset_password#token=1-00");
  await submit(page, { "Neues Passwort": "kurz", "Neues Passwort wiederholen": "kurz" }, "Neues Passwort speichern");
  await page.getByText("Verwenden Sie mindestens 8 Zeichen.").waitFor();
}

async function withoutScript(browser) {
  const page = await browser.page({ javaScriptEnabled: false });
  await page.goto("/log_in");
  // The text selectors of Playwright leave out noscript.
  await page.locator("noscript .notice").waitFor();
  // A browser would not put the password into a URL; the policy stops the request, which the tests in Rust check.
  assert.equal(await page.locator("form").getAttribute("method"), "post");
}

export const journeys = { account, reset, languages, withoutScript };
