// What a page says: texts in its language, faults of a form, and its states.

const texts = JSON.parse(document.getElementById("texts").textContent);
const language = document.documentElement.lang;

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// A time to wait in words, such as "2 minutes".
function duration(seconds) {
  const [count, unit] = seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [Math.ceil(seconds / 60), "minute"] : [Math.ceil(seconds / 3600), "hour"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

// The text for a request that failed as a whole.
function failureText({ status, body, retryAfter }) {
  const { errors } = texts;
  if (status === 0) {
    return errors.network;
  }
  if (status === 429) {
    return retryAfter ? fill(errors.too_many_requests, { wait: duration(retryAfter) }) : errors.too_many_requests_later;
  }
  if (status === 503) {
    return errors.unavailable;
  }
  return errors[body.code] ?? errors.unknown;
}

// The text for a value that the API rejected.
function fieldText({ field, code }) {
  const { fields } = texts;
  return fields[`${field}_${code}`] ?? fields[code] ?? fields.invalid;
}

// Shows a text in a notice, or hides the notice if there is no text.
function say(notice, text) {
  notice.textContent = text;
  notice.hidden = !text;
}

// Shows one section of the page, and moves the focus to its heading, so that screen readers read it.
function show(state) {
  for (const section of document.querySelectorAll("[data-state]")) {
    section.hidden = section.dataset.state !== state;
  }
  document.querySelector(`[data-state="${state}"] h1`).focus();
}

function noticeOf(form) {
  return form.querySelector('[role="alert"]');
}

function errorOf(input) {
  return document.getElementById(`${input.id}-error`);
}

function clearError(input) {
  input.removeAttribute("aria-invalid");
  say(errorOf(input), "");
}

// Shows faults at their fields, and those of fields that the form does not have above it. The first field gets the focus.
function showFaults(form, faults) {
  const others = [];
  let first;
  for (const fault of faults) {
    const input = form.elements.namedItem(fault.field);
    if (input && errorOf(input)) {
      input.setAttribute("aria-invalid", "true");
      say(errorOf(input), fault.text);
      first ??= input;
    } else {
      others.push(fault.text);
    }
  }
  if (others.length) {
    say(noticeOf(form), others.join(" "));
  }
  first?.focus();
}

