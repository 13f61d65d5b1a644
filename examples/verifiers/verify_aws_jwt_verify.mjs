// Verifies access tokens with aws-jwt-verify.

import { JwtVerifier } from "aws-jwt-verify";
import { assertStringEquals } from "aws-jwt-verify/assert";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";

const { ISSUER, AUDIENCE } = process.env;

// The library's own fetcher refuses http, and thereby the development server. Where that is not used, leave the cache out.
const fetcher = {
  async fetch(uri) {
    const response = await fetch(uri);
    if (!response.ok) throw new Error(`${uri}: ${response.status}`);
    return response.arrayBuffer();
  },
};

// Reads the keys again when a token names a key that it does not know.
const verifier = JwtVerifier.create(
  {
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUri: `${ISSUER}/.well-known/jwks.json`,
    customJwtCheck({ header, payload }) {
      assertStringEquals("Type", header.typ, "at+jwt");
      // The library itself accepts a token without them.
      if (!payload.exp || !payload.sub) throw new Error("exp and sub are required");
    },
  },
  { jwksCache: new SimpleJwksCache({ fetcher }) },
);

/** The claims of a valid token. Rejects any other, and if the keys cannot be read. */
export function verify(token) {
  return verifier.verify(token);
}
