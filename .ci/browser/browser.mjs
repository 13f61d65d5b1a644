// Chromium, with everything recorded that must not happen on any page.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-quic",
  "--no-first-run",
  "--disable-component-update",
  "--disable-sync",
];
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCHEMES = ["light", "dark"];

export class Browser {
  static async start(url) {
    const browser = new Browser();
    browser.url = url;
    browser.problems = [];
    browser.checked = new Set();
    browser.chromium = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });
    return browser;
  }

  // A new page in a browser of its own, with no session.
  async page(options = {}) {
    const context = await this.chromium.newContext({ baseURL: this.url, locale: "en-GB", ...options });
    context.setDefaultTimeout(15_000);
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    // Pages that links open are watched as well.
    context.on("page", (page) => this.watch(page));
    return context.newPage();
  }

  // Records every problem of a page.
  watch(page) {
    const note = (text) => this.problems.push(`${page.url()}: ${text}`);
    page.on("pageerror", (error) => note(error.stack));
    page.on("console", (message) => {
      // Chromium reports each response of 4xx here; the pages handle those. The frame of a mail runs no script, not even the one
      // above.
      const isExpected = /^Failed to load resource|^Blocked script execution in '[^']+\/_local\/mails\//.test(message.text());
      // Scalar tries whether it may evaluate code, and does without.
      const isTrial = page.url().endsWith("/_local/reference") && /^CSP violation: script-src eval$/.test(message.text());
      if (message.type() === "error" && !isExpected && !isTrial) {
        note(message.text());
      }
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url)) {
        note(`a request to ${request.url()}`);
      }
      // A secret in a URL would be in logs.
      if (/(token|key)=/.test(new URL(request.url()).search)) {
        note(`a secret in ${request.url()}`);
      }
    });
  }

  // Checks what is on the page now, in both colour schemes, and takes screenshots if they are wanted.
  async check(page, name) {
    this.checked.add(name);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, nodes } of violations) {
        this.problems.push(`axe, ${name}, ${colorScheme}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`);
      }
    }
    if (process.env.SCREENSHOTS) {
      const size = page.viewportSize();
      for (const [width, height] of [[390, 844], [1280, 800]]) {
        await page.setViewportSize({ width, height });
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        }
      }
      await page.setViewportSize(size);
    }
  }

  async stop() {
    await this.chromium.close();
  }
}
