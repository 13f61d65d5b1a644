// Verifies access tokens with jose.

import { createRemoteJWKSet, jwtVerify } from "jose";

const { ISSUER, AUDIENCE } = process.env;

// Reads the keys again after ten minutes, and when a token names a key that it does not know.
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));

/** The claims of a valid token. Rejects any other, and if the keys cannot be read. */
export async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ["RS256"],
    typ: "at+jwt",
    requiredClaims: ["exp", "sub"],
  });
  return payload;
}
