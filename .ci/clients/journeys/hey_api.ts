// The life of an account, by the client of @hey-api/openapi-ts.

import { client } from "../hey_api/client.gen";
import * as api from "../hey_api/sdk.gen";
import { NEW_PASSWORD, baseUrl, expectEqual, present, problem, secretInMail } from "./expect";

const account = { username: "hey_api", email: "hey_api@example.com", password: "seven-green-bicycles" };
let token: string | undefined;
client.setConfig({ baseUrl, auth: () => token });

const signUp = await api.signUp({ body: account });
expectEqual("the sign-up", signUp.response?.status, 201);
const again = await api.signUp({ body: account });
expectEqual("the second sign-up", again.response?.status, 400);
const taken = problem("the second sign-up", again.error).errors?.map((one) => [one.field, one.code]);
expectEqual("its errors", taken, [["username", "taken"], ["email", "taken"]]);

const key = await secretInMail(account.email, "confirm_email");
expectEqual("the confirmation", (await api.confirmEmail({ body: { key } })).response?.status, 200);

const logIn = await api.logIn({ body: { username: account.username, password: account.password } });
const { user } = present("the log-in", logIn.data);
token = logIn.data?.token;
expectEqual("the address", [user.email, user.email_verified], [account.email, true]);
expectEqual("the record", present("the record", (await api.getUser({ path: { id: user.id } })).data), user);

const change = { "current-password": account.password, first_name: "John" };
expectEqual("the change", (await api.updateDetails({ body: change })).data?.first_name, "John");
const incorrect = await api.updateDetails({ body: { ...change, "current-password": "wrong" } });
expectEqual("a wrong password", problem("a wrong password", incorrect.error).errors?.[0]?.code, "incorrect");

expectEqual("the access token's type", present("the access token", (await api.token()).data).token_type, "Bearer");
const { sessions } = present("the sessions", (await api.sessions()).data);
expectEqual("the sessions", sessions.map((one) => one.current).sort(), [false, true]);

await api.resetPassword({ body: { email: account.email } });
const reset_token = await secretInMail(account.email, "reset_password");
const completion = { new_password: NEW_PASSWORD, password_confirmation: NEW_PASSWORD, reset_token };
expectEqual("the reset", (await api.resetPasswordComplete({ body: completion })).response?.status, 201);
const ended = await api.getUser({ path: { id: user.id } });
expectEqual("a session from before the reset", problem("it", ended.error).status, 401);

const back = await api.logIn({ body: { email: account.email, password: NEW_PASSWORD } });
token = present("the log-in after the reset", back.data).token;
const deletion = await api.deleteAccount({ body: { "current-password": NEW_PASSWORD } });
expectEqual("the deletion", deletion.response?.status, 204);
const gone = await api.logIn({ body: { email: account.email, password: NEW_PASSWORD } });
expectEqual("a log-in after the deletion", gone.response?.status, 401);
