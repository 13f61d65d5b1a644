// The console: reads the lists when it is connected, and then shows every change as it happens.

const MAX_REQUESTS = 200;
// The time in milliseconds for which counts of tables may be out of date while requests come in.
const TABLES_DELAY = 500;

const element = (id) => document.getElementById(id);
const mails = [];
let selected;
let view = "html";
let tablesTimer;

// A new element with text in it.
function make(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) {
    made.className = className;
  }
  return made;
}

async function call(method, path, body) {
  const response = await fetch(`/_local/${path}`, { method, body: body && JSON.stringify(body), cache: "no-store" });
  const content = response.status === 204 ? undefined : await response.json();
  if (!response.ok) {
    throw new Error(content.message);
  }
  return content;
}

// Runs what a button does. A second press meanwhile has no effect.
function onPress(button, action) {
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") {
      return;
    }
    button.ariaDisabled = "true";
    try {
      await action();
    } catch (error) {
      announce(`That failed: ${error.message}`);
    }
    button.ariaDisabled = null;
  });
}

function announce(text) {
  element("announcement").textContent = text;
}

const dateTime = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
const timeOfDay = (text) => new Date(text).toLocaleTimeString(undefined, { timeStyle: "medium" });

// Mails

function mailButton(mail) {
  const button = make("button");
  button.type = "button";
  const time = make("time", timeOfDay(mail.sent_at));
  time.dateTime = mail.sent_at;
  button.append(make("span", mail.subject, "subject"), time, make("span", `to ${mail.to.join(", ")}`, "to"));
  button.addEventListener("click", () => select(mail));
  const item = make("li");
  item.dataset.id = mail.id;
  item.append(button);
  return item;
}

function showMails() {
  element("no-mails").hidden = mails.length > 0;
  element("mail-list").hidden = mails.length === 0;
  element("delete-mails").hidden = mails.length === 0;
  document.title = mails.length ? `(${mails.length}) Latchkey console` : "Latchkey console";
}

// The text with its links as links.
function linked(text) {
  return text.split(/(https?:\/\/\S+)/).map((part, index) => {
    if (index % 2 === 0) {
      return part;
    }
    const link = make("a", part);
    link.href = part;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  });
}

function select(mail) {
  selected = mail;
  element("mail").hidden = !mail;
  for (const item of element("mail-list").children) {
    item.firstChild.ariaCurrent = item.dataset.id === mail?.id ? "true" : null;
  }
  if (!mail) {
    return;
  }
  element("mail-subject").textContent = mail.subject;
  element("mail-to").textContent = `to ${mail.to.join(", ")}`;
  element("mail-from").textContent = mail.from;
  element("mail-time").textContent = dateTime(mail.sent_at);
  element("mail-time").dateTime = mail.sent_at;
  element("mail-html").src = `/_local/mails/${encodeURIComponent(mail.id)}/html`;
  element("mail-text").replaceChildren(...linked(mail.text));
  const head = { From: mail.from, To: mail.to.join(", "), Subject: mail.subject, Date: mail.sent_at };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  element("mail-source").textContent = `${lines.join("\n")}\nContent-Type: text/html; charset=utf-8\n\n${mail.html}`;
  showView();
}

function showView() {
  for (const button of document.querySelectorAll("[data-view]")) {
    button.ariaPressed = String(button.dataset.view === view);
    element(`mail-${button.dataset.view}`).hidden = button.dataset.view !== view;
  }
}

function addMail(mail) {
  // The one that is read remains, unless it is the newest.
  const follows = !selected || selected === mails[0];
  mails.unshift(mail);
  element("mail-list").prepend(mailButton(mail));
  showMails();
  if (follows) {
    select(mail);
  }
  announce(`New mail to ${mail.to.join(", ")}: ${mail.subject}`);
}

function setMails(list) {
  mails.splice(0, mails.length, ...list);
  element("mail-list").replaceChildren(...mails.map(mailButton));
  showMails();
  select(mails.find(({ id }) => id === selected?.id) ?? mails[0]);
}

// Requests

function requestRow({ time, method, path, status, milliseconds, handler }) {
  const row = make("tr");
  const kind = status >= 500 ? " failed" : status >= 400 ? " refused" : "";
  const cells = [
    make("td", timeOfDay(time), "time"),
    make("td", method),
    make("td", path, "path"),
    make("td", status, `status${kind}`),
    make("td", milliseconds.toFixed(1), "number"),
  ];
  cells[2].title = handler;
  row.append(...cells);
  return row;
}

function showRequests() {
  const isEmpty = element("requests").children.length === 0;
  element("no-requests").hidden = !isEmpty;
  element("requests-scroll").hidden = isEmpty;
  element("delete-requests").hidden = isEmpty;
}

function addRequest(request) {
  element("requests").prepend(requestRow(request));
  while (element("requests").children.length > MAX_REQUESTS) {
    element("requests").lastChild.remove();
  }
  showRequests();
  readTablesSoon();
}

function setRequests(list) {
  element("requests").replaceChildren(...list.map(requestRow));
  showRequests();
}

// Tables

function tableDetails(table) {
  const details = make("details");
  const summary = make("summary", table.name.replace(/Table$/, ""));
  const count = make("span", "", "count");
  const kinds = make("p", "", "hint");
  const items = make("pre");
  items.tabIndex = 0;
  items.ariaLabel = `Items of ${table.name}`;
  summary.append(count);
  details.append(summary, kinds, items);
  details.dataset.name = table.name;
  details.addEventListener("toggle", () => readItems(details));
  return details;
}

async function readItems(details) {
  if (details.open) {
    const { items, is_truncated: isTruncated } = await call("GET", `tables/${details.dataset.name}`);
    details.lastChild.textContent = items.map((item) => JSON.stringify(item, undefined, 2)).join("\n") + (isTruncated ? "\n…" : "");
    details.lastChild.hidden = items.length === 0;
  }
}

async function readTables() {
  for (const table of await call("GET", "tables")) {
    let details = document.querySelector(`#tables [data-name="${table.name}"]`);
    if (!details) {
      details = tableDetails(table);
      element("tables").append(details);
    }
    details.querySelector(".count").textContent = table.items;
    const kinds = Object.entries(table.kinds).map(([kind, count]) => `${count} × ${kind}`);
    details.querySelector("p").textContent = kinds.join(", ") || "No items.";
    await readItems(details);
  }
}

function readTablesSoon() {
  tablesTimer ??= setTimeout(() => {
    tablesTimer = undefined;
    readTables().catch(() => {});
  }, TABLES_DELAY);
}

// Time and faults

// The difference between the server's clock and this browser's, in milliseconds.
let ahead = 0;

function setClock({ now, advanced_seconds: advanced }) {
  ahead = new Date(now) - Date.now();
  const hours = Math.round(advanced / 360) / 10;
  const days = Math.round(hours / 2.4) / 10;
  element("advanced").textContent = advanced ? `${days >= 2 ? `${days} days` : `${hours} hours`} ahead` : "the time of this machine";
  showNow();
  readTablesSoon();
}

function showNow() {
  const now = new Date(Date.now() + ahead);
  element("now").textContent = dateTime(now);
  element("now").dateTime = now.toISOString();
}

function setFaults(faults) {
  for (const name of ["ses_down", "dynamodb_throttled"]) {
    element(name).checked = faults[name];
  }
  const count = faults.responses_to_lose;
  element("responses").textContent = count ? `${count} to lose.` : "";
}

for (const name of ["ses_down", "dynamodb_throttled"]) {
  element(name).addEventListener("change", async ({ target }) => {
    try {
      await call("PATCH", "faults", { [name]: target.checked });
    } catch (error) {
      target.checked = !target.checked;
      announce(`That failed: ${error.message}`);
    }
  });
}
onPress(element("lose"), async () => {
  const { responses_to_lose: count } = await call("GET", "faults");
  await call("PATCH", "faults", { responses_to_lose: count + 1 });
  announce("The next response of DynamoDB to a write will be lost.");
});
for (const button of document.querySelectorAll("[data-advance]")) {
  onPress(button, async () => {
    const { now } = await call("POST", "clock", { advance_seconds: Number(button.dataset.advance) });
    announce(`It is now ${dateTime(now)}.`);
  });
}
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    view = button.dataset.view;
    showView();
  });
}
onPress(element("delete-mails"), async () => {
  await call("DELETE", "mails");
  setMails([]);
});
onPress(element("delete-requests"), async () => {
  await call("DELETE", "requests");
  setRequests([]);
});

// The connection

async function readAll() {
  const lists = ["mails", "requests", "clock", "faults"].map((name) => call("GET", name));
  const [allMails, requests, clock, faults] = await Promise.all(lists);
  setMails(allMails);
  setRequests(requests);
  setClock(clock);
  setFaults(faults);
  await readTables();
}

const updates = new EventSource("/_local/updates");
const on = (kind, handle) => updates.addEventListener(kind, ({ data }) => handle(JSON.parse(data)));
const reload = () => readAll().catch((error) => announce(`That failed: ${error.message}`));
updates.addEventListener("open", () => {
  element("connection").hidden = true;
  reload();
});
updates.addEventListener("error", () => {
  element("connection").hidden = false;
});
on("mail", (mail) => {
  // It may be in the list that was read meanwhile.
  if (!mails.some(({ id }) => id === mail.id)) {
    addMail(mail);
  }
});
on("request", addRequest);
on("clock", setClock);
on("faults", setFaults);
on("reload", reload);
setInterval(showNow, 1000);
