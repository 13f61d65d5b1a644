// What a developer does with the console of the development server.

import assert from "node:assert/strict";

import { heading, signUp, submit } from "./journeys.mjs";

const PHONE = { width: 390, height: 844 };

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
  // Chromium may not lay out the frame, which is of another origin, while it runs without a window: its link is compared, and the same
  // one is followed in the text.
  const framed = page.frameLocator("#mail-html").locator('a[href*="#key="]').first();
  await framed.waitFor({ state: "attached" });
  await browser.check(page, "console_mail");
  await mails.getByRole("button", { name: "Text", exact: true }).click();
  const link = page.locator('#mail-text a[href*="#key="]').first();
  assert.equal(await link.getAttribute("href"), await framed.getAttribute("href"));
  const opening = page.context().waitForEvent("page");
  await link.click();
  const opened = await opening;
  await heading(opened, "Confirm your e-mail address");

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
