/** The client's side of HTTP Digest, by hand, from RFC 7616 §3.4. */
import { createHash, randomBytes } from "node:crypto";

export interface DigestSecrets {
  readonly username: string;
  readonly password: string;
}

export interface DigestCall {
  readonly method: string;
  readonly uri: string;
  /** One value of WWW-Authenticate. */
  readonly challenge: string;
  readonly count?: number;
  readonly cnonce?: string;
}

/** One parameter of a challenge; "" where it has none. */
export function readParameter(challenge: string, name: string): string {
  return new RegExp(`[ ,]${name}="?([^",]*)`).exec(challenge)?.[1] ?? "";
}

/** The parameters of an answer to a challenge, unquoted, in the order in which clients write them. */
export function answerParameters(secrets: DigestSecrets, call: DigestCall): Record<string, string> {
  const { method, uri, challenge, count = 1, cnonce = randomBytes(8).toString("hex") } = call;
  const algorithm = readParameter(challenge, "algorithm") || "MD5";
  const digest = (text: string): string =>
    createHash(algorithm.replace("-", "").toLowerCase()).update(text).digest("hex");
  const realm = readParameter(challenge, "realm");
  const nonce = readParameter(challenge, "nonce");
  const nc = count.toString(16).padStart(8, "0");
  const a1 = digest(`${secrets.username}:${realm}:${secrets.password}`);
  const response = digest(`${a1}:${nonce}:${nc}:${cnonce}:auth:${digest(`${method}:${uri}`)}`);
  return { username: secrets.username, realm, uri, algorithm, nonce, nc, cnonce, qop: "auth", response };
}

const BARE = ["algorithm", "nc", "qop"];

/** A header of parameters; a quote or backslash in one is escaped. */
export function formatDigest(parameters: Readonly<Record<string, string>>): string {
  const parts = Object.entries(parameters).map(([name, value]) =>
    BARE.includes(name) ? `${name}=${value}` : `${name}="${value.replace(/["\\]/g, "\\$&")}"`,
  );
  return Buffer.from(`Digest ${parts.join(", ")}`, "utf8").toString("latin1");
}

/** The Authorization of one call. */
export function answerChallenge(secrets: DigestSecrets, call: DigestCall): string {
  return formatDigest(answerParameters(secrets, call));
}
