// Passwords: the button that shows one, the rules that a new one meets, and an estimate of its strength.

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) {
    element.setAttribute(attribute, value);
  }
  return element;
}

// An eye, struck through while the password is hidden.
function eye() {
  const icon = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  icon.append(
    svg("path", { d: "M2 12s3.6-7 10-7 10 7 10 7-3.6 7-10 7-10-7-10-7z" }),
    svg("circle", { cx: "12", cy: "12", r: "3" }),
    svg("path", { d: "M4 4l16 16", class: "slash" }),
  );
  return icon;
}

function prepareReveal(button) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  button.append(eye());
  button.addEventListener("click", () => {
    const isShown = input.type === "password";
    input.type = isShown ? "text" : "password";
    // The label stays, as a pressed button says itself that it is on.
    button.setAttribute("aria-pressed", String(isShown));
    button.title = isShown ? texts.hide_password : texts.show_password;
  });
}

// An estimate in bits: each character that continues neither a repetition nor a sequence counts by the size of its alphabet.
function bits(password) {
  const sizes = [[/[a-z]/, 26], [/[A-Z]/, 26], [/[0-9]/, 10], [/[^a-zA-Z0-9]/, 33]];
  const alphabet = sizes.reduce((sum, [pattern, size]) => sum + (pattern.test(password) ? size : 0), 0);
  const codes = [...password].map((character) => character.codePointAt(0));
  const surprising = codes.filter((code, index) => index === 0 || Math.abs(code - codes[index - 1]) > 1);
  const distinct = new Set(codes).size;
  return Math.min(surprising.length, distinct * 2) * Math.log2(Math.max(alphabet, 2));
}

// 0 for a weak password to 3 for a strong one.
function strength(password) {
  return [40, 56, 75].filter((limit) => bits(password) >= limit).length;
}

// True if the password contains a name or a part of the e-mail address of the form, or of the user.
function isPersonal(password, words) {
  const lower = password.toLowerCase();
  return words
    .flatMap((word) => (word ?? "").toLowerCase().split(/[^\p{L}\p{N}]+/u))
    .some((word) => word.length >= 4 && lower.includes(word));
}

// Keeps the rules of a form up to date while the password is typed. `words` returns what must not be in it, if that is known.
function prepareRules(form, name, words) {
  const rules = document.getElementById(`${form.id}-rules`);
  const input = form.elements.namedItem(name);
  const minimum = Number(/minlength: (\d+)/.exec(input.getAttribute("passwordrules"))[1]);
  const meter = rules.querySelector(".strength");
  const label = meter.querySelector("strong");
  const mark = (rule, isMet) => {
    const item = rules.querySelector(`[data-rule="${rule}"]`);
    item.classList.toggle("met", isMet);
    item.querySelector(".only-read").textContent = isMet ? ` (${texts.met})` : "";
  };
  const update = () => {
    const password = input.value;
    const isLong = [...password.normalize("NFC")].length >= minimum;
    const personal = isPersonal(password, words());
    mark("length", isLong);
    mark("personal", isLong && !personal && words().some(Boolean));
    const isRejected = input.getAttribute("aria-invalid") === "true";
    const level = isLong && !personal && !isRejected ? strength(password) : 0;
    meter.hidden = !password;
    meter.dataset.strength = String(level);
    if (label.textContent !== texts.strengths[level]) {
      label.textContent = texts.strengths[level];
    }
  };
  form.addEventListener("input", update);
  // The API knows the common passwords.
  new MutationObserver(update).observe(input, { attributes: true, attributeFilter: ["aria-invalid"] });
  form.addEventListener("reset", () => setTimeout(update));
}

