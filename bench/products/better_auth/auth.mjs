// better-auth with e-mail and password on node:sqlite.

import { DatabaseSync } from "node:sqlite";
import { hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";

const PARAMETERS = { memoryCost: 19456, timeCost: 2, parallelism: 1, outputLen: 32 };

const database = new DatabaseSync(process.env.DATABASE);
database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");

export const auth = betterAuth({
    baseURL: `http://127.0.0.1:${process.env.PORT}`,
    secret: process.env.SECRET,
    database,
    emailAndPassword: {
        enabled: true,
        password: {
            hash: (password) => hash(password, PARAMETERS),
            verify: ({ hash: stored, password }) => verify(stored, password),
        },
    },
    // On by default in production.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
});
