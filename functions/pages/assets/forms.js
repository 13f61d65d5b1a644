// Forms: they are checked, sent once at a time, and show what the API said.

// Faults that need no request: empty fields, and a repetition that differs.
function localFaults(form) {
  const faults = [...form.querySelectorAll("input[required]")]
    .filter((input) => !input.value)
    .map((input) => ({ field: input.name, code: "required" }));
  const repetition = form.elements.namedItem("password_confirmation");
  const original = form.elements.namedItem("new_password") ?? form.elements.namedItem("password");
  if (repetition?.value && original.value && repetition.value !== original.value) {
    faults.push({ field: repetition.name, code: "mismatch" });
  }
  return faults;
}

// Runs `work` unless the button is busy already.
async function whileBusy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

function values(form) {
  const inputs = [...form.querySelectorAll("input")].filter((input) => !input.hidden);
  return Object.fromEntries(inputs.map((input) => [input.name, input.value]));
}

// Calls `send` with the values of the form, and then `done`, or shows the faults. `failed` may handle a failure itself, and
// then returns true.
function prepareForm(form, send, done, failed = () => false) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(form.querySelector(".primary"), async () => {
      say(noticeOf(form), "");
      form.querySelectorAll("input:not([hidden])").forEach(clearError);
      let faults = localFaults(form);
      if (!faults.length) {
        const reply = await send(values(form));
        if (reply.ok) {
          await done(reply);
          return;
        }
        if (failed(reply)) {
          return;
        }
        faults = reply.body.code === "invalid_request" ? (reply.body.errors ?? []) : [];
        if (!faults.length) {
          say(noticeOf(form), failureText(reply));
        }
      }
      showFaults(form, faults.map((fault) => ({ ...fault, text: texts.errors[fault.code] ?? fieldText(fault) })));
    });
  });
  form.addEventListener("input", ({ target }) => {
    if (target.getAttribute("aria-invalid")) {
      clearError(target);
    }
  });
}

