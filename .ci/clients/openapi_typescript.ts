// One right and one wrong call of each operation, with the types of openapi-typescript. The compiler reports an operation
// without calls, a right call that does not compile, and a wrong call that does.

import createClient from "openapi-fetch";
import type { operations, paths } from "./openapi_typescript/schema";

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:3000" });
const password = "correct horse battery staple";
const email = "john@example.com";
const reset_token = "1bgjxeqq935-91ef0c1608b20c9c5bd9e003bbb600229c0dfeb1";
const completion = { new_password: password, password_confirmation: password, reset_token };

export const calls = {
  sign_up: {
    right: () => api.POST("/auth/signup", { body: { username: "jc123", email, password } }),
    // @ts-expect-error: an e-mail address is a string.
    wrong: () => api.POST("/auth/signup", { body: { username: "jc123", email: 42, password } }),
  },
  log_in: {
    right: () => api.POST("/auth/login", { body: { email, password } }),
    // @ts-expect-error: the account is missing.
    wrong: () => api.POST("/auth/login", { body: { password } }),
  },
  log_out: {
    right: () => api.POST("/auth/logout"),
    // @ts-expect-error: there is no body.
    wrong: () => api.POST("/auth/logout", { body: { everywhere: true } }),
  },
  sessions: {
    right: () => api.GET("/auth/sessions"),
    // @ts-expect-error: there is no query.
    wrong: () => api.GET("/auth/sessions", { params: { query: { page: 1 } } }),
  },
  sessions_end_all: {
    right: () => api.DELETE("/auth/sessions"),
    // @ts-expect-error: there is no body.
    wrong: () => api.DELETE("/auth/sessions", { body: { all: true } }),
  },
  sessions_end: {
    right: () => api.DELETE("/auth/sessions/{id}", { params: { path: { id: "5f0f9f5a3b1f4f2f8a1f0c7f6b2d9e31" } } }),
    // @ts-expect-error: an id is a string.
    wrong: () => api.DELETE("/auth/sessions/{id}", { params: { path: { id: 5 } } }),
  },
  confirm_email: {
    right: () => api.POST("/auth/confirm_email", { body: { key: reset_token } }),
    // @ts-expect-error: the key is missing.
    wrong: () => api.POST("/auth/confirm_email", { body: {} }),
  },
  confirm_email_resend: {
    right: () => api.POST("/auth/confirm_email/resend"),
    // @ts-expect-error: there is no body.
    wrong: () => api.POST("/auth/confirm_email/resend", { body: { email } }),
  },
  revert_email: {
    right: () =>
      api.POST("/auth/revert_email", {
        body: { key: reset_token, new_password: password, password_confirmation: password },
      }),
    // @ts-expect-error: the passwords are missing.
    wrong: () => api.POST("/auth/revert_email", { body: { key: reset_token } }),
  },
  get_user: {
    right: () => api.GET("/api/users/{id}", { params: { path: { id: 4820017366291073 } } }),
    // @ts-expect-error: an id is a number.
    wrong: () => api.GET("/api/users/{id}", { params: { path: { id: "jc123" } } }),
  },
  update_details: {
    right: () => api.PATCH("/api/users/update_details", { body: { "current-password": password, email } }),
    // @ts-expect-error: `current-password` is missing.
    wrong: () => api.PATCH("/api/users/update_details", { body: { email } }),
  },
  delete_account: {
    right: () => api.POST("/api/users/delete_account", { body: { "current-password": password } }),
    // @ts-expect-error: `current-password` is missing.
    wrong: () => api.POST("/api/users/delete_account", { body: {} }),
  },
  reset_password: {
    right: () => api.POST("/api/passwords/reset_password", { body: { email } }),
    // @ts-expect-error: only one address is allowed.
    wrong: () => api.POST("/api/passwords/reset_password", { body: { email: [email] } }),
  },
  reset_password_complete: {
    right: () => api.POST("/api/passwords/reset_password_complete", { body: completion }),
    // @ts-expect-error: the passwords are missing.
    wrong: () => api.POST("/api/passwords/reset_password_complete", { body: { reset_token } }),
  },
  reset_password_complete_patch: {
    right: () => api.PATCH("/api/passwords/reset_password_complete", { body: completion }),
    // @ts-expect-error: the passwords are missing.
    wrong: () => api.PATCH("/api/passwords/reset_password_complete", { body: { reset_token } }),
  },
  jwks: {
    right: () => api.GET("/.well-known/jwks.json"),
    // @ts-expect-error: there is no query.
    wrong: () => api.GET("/.well-known/jwks.json", { params: { query: { kid: 1 } } }),
  },
  jwks_discovery: {
    right: () => api.GET("/.well-known/openid-configuration"),
    // @ts-expect-error: there is no query.
    wrong: () => api.GET("/.well-known/openid-configuration", { params: { query: { issuer: "x" } } }),
  },
  token: {
    right: () => api.POST("/auth/token", { body: { audience: "api" } }),
    // @ts-expect-error: the audience is a string.
    wrong: () => api.POST("/auth/token", { body: { audience: 1 } }),
  },
} satisfies Record<keyof operations, { right: () => unknown; wrong: () => unknown }>;
