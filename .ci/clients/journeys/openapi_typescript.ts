// The life of an account, by openapi-fetch with the types of openapi-typescript.

import createClient from "openapi-fetch";
import type { paths } from "../openapi_typescript/schema";
import { NEW_PASSWORD, baseUrl, expectEqual, present, problem, secretInMail } from "./expect";

const api = createClient<paths>({ baseUrl });
const account = { username: "openapi_fetch", email: "openapi_fetch@example.com", password: "seven-green-bicycles" };
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

const signUp = await api.POST("/auth/signup", { body: account });
expectEqual("the sign-up", signUp.response.status, 201);
const again = await api.POST("/auth/signup", { body: account });
expectEqual("the second sign-up", again.response.status, 400);
const taken = problem("the second sign-up", again.error).errors?.map((one) => [one.field, one.code]);
expectEqual("its errors", taken, [["username", "taken"], ["email", "taken"]]);

const key = await secretInMail(account.email, "confirm_email");
expectEqual("the confirmation", (await api.POST("/auth/confirm_email", { body: { key } })).response.status, 200);

const logIn = await api.POST("/auth/login", { body: { username: account.username, password: account.password } });
const { token, user } = present("the log-in", logIn.data);
expectEqual("the address", [user.email, user.email_verified], [account.email, true]);
if (token === undefined) {
  throw new Error("the log-in has no token");
}
const read = await api.GET("/api/users/{id}", { params: { path: { id: user.id } }, ...bearer(token) });
expectEqual("the record", present("the record", read.data), user);

const change = { "current-password": account.password, first_name: "John" };
const changed = await api.PATCH("/api/users/update_details", { body: change, ...bearer(token) });
expectEqual("the change", changed.data?.first_name, "John");
const refused = { ...change, "current-password": "wrong" };
const incorrect = await api.PATCH("/api/users/update_details", { body: refused, ...bearer(token) });
expectEqual("a wrong password", problem("a wrong password", incorrect.error).errors?.[0]?.code, "incorrect");

const access = present("the access token", (await api.POST("/auth/token", bearer(token))).data);
expectEqual("its type", access.token_type, "Bearer");
const { sessions } = present("the sessions", (await api.GET("/auth/sessions", bearer(token))).data);
expectEqual("the sessions", sessions.map((one) => one.current).sort(), [false, true]);

await api.POST("/api/passwords/reset_password", { body: { email: account.email } });
const reset_token = await secretInMail(account.email, "reset_password");
const completion = { new_password: NEW_PASSWORD, password_confirmation: NEW_PASSWORD, reset_token };
const reset = await api.POST("/api/passwords/reset_password_complete", { body: completion });
expectEqual("the reset", reset.response.status, 201);
const ended = await api.GET("/api/users/{id}", { params: { path: { id: user.id } }, ...bearer(token) });
expectEqual("a session from before the reset", problem("it", ended.error).status, 401);

const back = await api.POST("/auth/login", { body: { email: account.email, password: NEW_PASSWORD } });
const session = present("the log-in after the reset", back.data).token ?? "";
const deletion = await api.POST("/api/users/delete_account", {
  body: { "current-password": NEW_PASSWORD },
  ...bearer(session),
});
expectEqual("the deletion", deletion.response.status, 204);
const gone = await api.POST("/auth/login", { body: { email: account.email, password: NEW_PASSWORD } });
expectEqual("a log-in after the deletion", gone.response.status, 401);
