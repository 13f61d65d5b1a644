// Runs every journey, one after the other, and ends with an error if anything went wrong.

import assert from "node:assert/strict";

import { Browser } from "./browser.mjs";
import { localConsole, reference } from "./console.mjs";
import { journeys } from "./journeys.mjs";
import { Server } from "./server.mjs";

const PAGES = ["account", "confirm_email", "console", "forgot_password", "log_in", "not_found", "reset_password", "revert_email", "sign_up"];

const server = await Server.start(process.argv[2]);
let browser;
try {
  browser = await Browser.start(server.url);
  for (const [name, journey] of Object.entries({ ...journeys, console: localConsole, reference })) {
    const started = Date.now();
    await journey(browser, server);
    console.log(`browser: ${name} (${((Date.now() - started) / 1000).toFixed(1)}s)`);
  }
  assert.deepEqual(browser.problems, []);
  const missing = PAGES.filter((page) => ![...browser.checked].some((name) => name.startsWith(page)));
  assert.deepEqual(missing, [], "pages that axe-core did not check");
} finally {
  await browser?.stop();
  server.stop();
}
