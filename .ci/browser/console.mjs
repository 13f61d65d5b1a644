// What a developer does with the console of the development server.

import assert from "node:assert/strict";

import { heading, signUp, submit } from "./journeys.mjs";

const PHONE = { width: 390, height: 844 };

// Waits until a link in the frame of a mail is visible. Chromium does not lay out a frame of another origin that is out of sight or in a
// window behind another, and what arrives above the frame moves it away.
async function showFrame(page, link) {
  const deadline = Date.now() + 30_000;
  await page.bringToFront();
  while (!(await link.isVisible())) {
    assert.ok(Date.now() < deadline, "the link in the mail does not become visible");
    await page.locator("#mail-html").scrollIntoViewIfNeeded();
    await page.waitForTimeout(50);
  }
}

export async function localConsole(browser, server) {
  const page = await browser.page();
  await page.goto("/_local/");
  const mails = page.getByRole("region", { name: "Mails" });
  // The mails of the other journeys.
  await mails.getByRole("button", { name: "Delete all" }).click();
  await mails.getByText("No mail yet").waitFor();
  await browser.check(page, "console_empty");

  const person = await browser.page();
  await signUp(person, "carla", "carla@example.com");
  await mails.getByText("to carla@example.com").first().waitFor();
  await page.getByText("/auth/signup").first().waitFor();
  const link = page.frameLocator("#mail-html").locator('a[href*="#key="]').first();
  await showFrame(page, link);
  await browser.check(page, "console_mail");
  const opening = page.context().waitForEvent("page");
  await link.click();
  const opened = await opening;
  await heading(opened, "Confirm your e-mail address");

  await mails.getByRole("button", { name: "Text", exact: true }).click();
  await page.locator("#mail-text a").first().waitFor();
  await mails.getByRole("button", { name: "Source", exact: true }).click();
  await mails.getByText("Content-Type: text/html").waitFor();
  await browser.check(page, "console_source");

  await page.getByRole("button", { name: "+ 15 days" }).click();
  await page.getByText("15 days ahead").waitFor();
  await submit(opened, {}, "Confirm e-mail address");
  await heading(opened, "This link does not work any more");

  // By keyboard.
  const ses = page.getByRole("switch", { name: "SES is down" });
  await ses.focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Lose the next response" }).click();
  await page.getByText("1 to lose.").waitFor();
  const faults = async () => (await fetch(`${server.url}/_local/faults`)).json();
  assert.deepEqual(await faults(), { ses_down: true, dynamodb_throttled: false, responses_to_lose: 1 });
  const tables = page.getByRole("region", { name: "Tables" });
  await tables.getByText("Users").click();
  const items = tables.locator("details[open] pre");
  await items.getByText("carla@example.com").waitFor();
  assert.doesNotMatch(await items.textContent(), /argon2/);
  await browser.check(page, "console_faults");
  // The switch follows what others change.
  await fetch(`${server.url}/_local/faults`, { method: "DELETE" });
  await page.waitForFunction(() => !document.querySelector("#ses_down").checked);

  await page.setViewportSize(PHONE);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide for a phone`);
}

// The page of the reference is Scalar's, which axe-core does not judge here.
export async function reference(browser, server) {
  const page = await browser.page();
  await page.goto("/_local/");
  await page.getByRole("link", { name: "API reference" }).click();
  await page.getByRole("heading", { name: "Latchkey", exact: true }).waitFor();
  await page.getByRole("link", { name: "Create an account" }).first().waitFor();
  await page.getByText(server.url, { exact: true }).first().waitFor();
  if (process.env.SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/reference.png` });
  }
}
