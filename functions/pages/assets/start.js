// Starts the page.

const pages = {
  account,
  confirm_email: confirmEmail,
  forgot_password: forgotPassword,
  log_in: logIn,
  reset_password: resetPassword,
  revert_email: revertEmail,
  sign_up: signUp,
};

document.querySelectorAll(".reveal").forEach(prepareReveal);
pages[document.body.dataset.page]?.();
