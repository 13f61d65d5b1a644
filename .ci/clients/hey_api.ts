// One right and one wrong call of each operation, with the client of @hey-api/openapi-ts. The compiler reports an
// operation without calls, a right call that does not compile, and a wrong call that does.

import * as api from "./hey_api/sdk.gen";

const password = "correct horse battery staple";
const email = "john@example.com";
const reset_token = "1bgjxeqq935-91ef0c1608b20c9c5bd9e003bbb600229c0dfeb1";
const completion = { new_password: password, password_confirmation: password, reset_token };

export const calls = {
  signUp: {
    right: () => api.signUp({ body: { username: "jc123", email, password } }),
    // @ts-expect-error: an e-mail address is a string.
    wrong: () => api.signUp({ body: { username: "jc123", email: 42, password } }),
  },
  logIn: {
    right: () => api.logIn({ body: { email, password } }),
    // @ts-expect-error: the account is missing.
    wrong: () => api.logIn({ body: { password } }),
  },
  logOut: {
    right: () => api.logOut({ auth: "token" }),
    // @ts-expect-error: there is no body.
    wrong: () => api.logOut({ body: { everywhere: true } }),
  },
  sessions: {
    right: () => api.sessions({ auth: "token" }),
    // @ts-expect-error: there is no query.
    wrong: () => api.sessions({ query: { page: 1 } }),
  },
  sessionsEndAll: {
    right: () => api.sessionsEndAll({ auth: "token" }),
    // @ts-expect-error: there is no body.
    wrong: () => api.sessionsEndAll({ body: { all: true } }),
  },
  sessionsEnd: {
    right: () => api.sessionsEnd({ path: { id: "5f0f9f5a3b1f4f2f8a1f0c7f6b2d9e31" } }),
    // @ts-expect-error: an id is a string.
    wrong: () => api.sessionsEnd({ path: { id: 5 } }),
  },
  confirmEmail: {
    right: () => api.confirmEmail({ body: { key: reset_token } }),
    // @ts-expect-error: the key is missing.
    wrong: () => api.confirmEmail({ body: {} }),
  },
  confirmEmailResend: {
    right: () => api.confirmEmailResend({ auth: "token" }),
    // @ts-expect-error: there is no body.
    wrong: () => api.confirmEmailResend({ body: { email } }),
  },
  revertEmail: {
    right: () =>
      api.revertEmail({ body: { key: reset_token, new_password: password, password_confirmation: password } }),
    // @ts-expect-error: the passwords are missing.
    wrong: () => api.revertEmail({ body: { key: reset_token } }),
  },
  getUser: {
    right: () => api.getUser({ path: { id: 4820017366291073 } }),
    // @ts-expect-error: an id is a number.
    wrong: () => api.getUser({ path: { id: "jc123" } }),
  },
  updateDetails: {
    right: () => api.updateDetails({ body: { "current-password": password, email } }),
    // @ts-expect-error: `current-password` is missing.
    wrong: () => api.updateDetails({ body: { email } }),
  },
  deleteAccount: {
    right: () => api.deleteAccount({ body: { "current-password": password } }),
    // @ts-expect-error: `current-password` is missing.
    wrong: () => api.deleteAccount({ body: {} }),
  },
  resetPassword: {
    right: () => api.resetPassword({ body: { email } }),
    // @ts-expect-error: only one address is allowed.
    wrong: () => api.resetPassword({ body: { email: [email] } }),
  },
  resetPasswordComplete: {
    right: () => api.resetPasswordComplete({ body: completion }),
    // @ts-expect-error: the passwords are missing.
    wrong: () => api.resetPasswordComplete({ body: { reset_token } }),
  },
  resetPasswordCompletePatch: {
    right: () => api.resetPasswordCompletePatch({ body: completion }),
    // @ts-expect-error: the passwords are missing.
    wrong: () => api.resetPasswordCompletePatch({ body: { reset_token } }),
  },
  jwks: {
    right: () => api.jwks(),
    // @ts-expect-error: there is no query.
    wrong: () => api.jwks({ query: { kid: 1 } }),
  },
  jwksDiscovery: {
    right: () => api.jwksDiscovery(),
    // @ts-expect-error: there is no query.
    wrong: () => api.jwksDiscovery({ query: { issuer: "x" } }),
  },
  token: {
    right: () => api.token({ body: { audience: "api" } }),
    // @ts-expect-error: the audience is a string.
    wrong: () => api.token({ body: { audience: 1 } }),
  },
} satisfies Record<keyof typeof api, { right: () => unknown; wrong: () => unknown }>;
