// The development server, and its mailbox.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Server {
  static async start(binary) {
    const arguments_ = ["--port", "0", "--dynamodb-port", "0", "--no-source-limits", "--set", "SupportContact=help@example.com"];
    const child = spawn(binary, arguments_, { stdio: ["ignore", "pipe", "ignore"] });
    const lines = createInterface({ input: child.stdout });
    const server = new Server();
    server.child = child;
    server.url = await new Promise((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
      lines.on("line", (line) => {
        const found = /API +(http:\S+)/.exec(line);
        if (found) {
          resolve(found[1]);
        }
      });
    });
    return server;
  }

  // The link in the newest mail to this address that has this page in it. The server delivers mails before it lists them.
  async link(to, page) {
    const response = await fetch(`${this.url}/_local/mails`);
    const mails = await response.json();
    for (const mail of mails.filter((one) => one.to.includes(to))) {
      const found = new RegExp(`${this.url}/${page}#(?:token|key)=[0-9a-z-]+`).exec(mail.text);
      if (found) {
        return found[0];
      }
    }
    throw new Error(`no mail to ${to} has a link to ${page}`);
  }

  stop() {
    this.child.kill();
  }
}
