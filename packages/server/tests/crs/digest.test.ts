import { describe, expect, test } from "vitest";
import { createDigest, type DigestOutcome } from "../../src/crs/digest.ts";
import { parseDigestHeader } from "../../src/crs/digest-header.ts";
import { createNonces } from "../../src/crs/digest-nonces.ts";
import { answerChallenge, answerParameters, type DigestCall, formatDigest, readParameter } from "./digest-client.ts";

const ANNA = { username: "anna", password: "a good long one" };
const JOSE = { username: `José "Pepe" \\ Núñez`, password: "contraseña, más larga" };
const SECRET = "a-secret-of-these-tests";
const START = Date.parse("2026-01-01T00:00:00Z");

function open(options: { readonly secret?: string; readonly now?: () => number } = {}) {
  const check = createDigest({ accounts: [ANNA, JOSE], secret: SECRET, now: () => START, ...options });
  const post = (authorization: string | undefined) => check({ method: "POST", target: "/repackage", authorization });
  return { check, post };
}

type Outcome = DigestOutcome<typeof ANNA>;

function challengesOf(outcome: Outcome): readonly string[] {
  if ("account" in outcome) throw new Error("expected a challenge, got an account");
  return outcome.challenges;
}

function call(outcome: Outcome, index = 0): DigestCall {
  return { method: "POST", uri: "/repackage", challenge: challengesOf(outcome)[index] ?? "" };
}

const who = (outcome: Outcome): string => ("account" in outcome ? outcome.account.username : outcome.message);

test("the client of these tests computes what RFC 7616 §3.9.1 prints", () => {
  const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
  const secrets = { username: "Mufasa", password: "Circle of Life" };
  const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
  const challenge = `Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="${nonce}"`;
  const response = (algorithm: string): string | undefined =>
    answerParameters(secrets, {
      method: "GET",
      uri: "/dir/index.html",
      challenge: `${challenge}, algorithm=${algorithm}`,
      cnonce,
    })["response"];
  expect(response("SHA-256")).toBe("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
  expect(response("MD5")).toBe("8ca523f5e9506fed4657c9700eebdbec");
});

describe("createDigest", () => {
  test("offers SHA-256 before MD5, with one nonce, and only qop=auth", () => {
    const [first = "", second = "", ...others] = challengesOf(open().post(undefined));
    expect(others).toEqual([]);
    expect(first).toMatch(
      /^Digest realm="interlude", qop="auth", algorithm=SHA-256, nonce="[\w-]{40}", charset=UTF-8$/,
    );
    expect(readParameter(second, "algorithm")).toBe("MD5");
    expect(readParameter(second, "nonce")).toBe(readParameter(first, "nonce"));
  });

  test.each([0, 1])("lets an account in by either algorithm (%i)", (index) => {
    const { post } = open();
    expect(who(post(answerChallenge(ANNA, call(post(undefined), index))))).toBe("anna");
  });

  test("an answer without algorithm is MD5", () => {
    const { post } = open();
    const { algorithm: _left, ...parameters } = answerParameters(ANNA, call(post(undefined), 1));
    expect(who(post(formatDigest(parameters)))).toBe("anna");
  });

  test("reads names with quotes, backslashes and letters beyond ASCII, as bytes or by username*", () => {
    const { post } = open();
    expect(who(post(answerChallenge(JOSE, call(post(undefined)))))).toBe(JOSE.username);
    const { username, ...parameters } = answerParameters(JOSE, call(post(undefined)));
    const extended = `${formatDigest(parameters)}, username*=UTF-8''${encodeURIComponent(username ?? "")}`;
    expect(who(post(extended))).toBe(JOSE.username);
    const both = `${formatDigest({ username: "anna", ...parameters })}, username*=UTF-8''anna`;
    expect(who(post(both))).toMatch(/got others$/);
  });

  test("takes the absolute form of the address, and no other address than the one that is asked", () => {
    const { post, check } = open();
    const absolute = { ...call(post(undefined)), uri: "http://crs.example/repackage" };
    expect(who(post(answerChallenge(ANNA, absolute)))).toBe("anna");
    const authorization = answerChallenge(ANNA, call(post(undefined)));
    expect(who(check({ method: "POST", target: "/repackage?x=1", authorization }))).toMatch(/got others$/);
    expect(who(check({ method: "PUT", target: "/repackage", authorization }))).toMatch(/got wrong ones$/);
  });

  test.each([
    ["another password", { ...ANNA, password: "a good long two" }, /wrong ones/],
    ["an unknown name", { ...ANNA, username: "otto" }, /wrong ones/],
  ])("refuses %s, and does not say which of both was wrong", (_what, secrets, message) => {
    const { post } = open();
    const outcome = post(answerChallenge(secrets, call(post(undefined))));
    expect(who(outcome)).toMatch(message);
    expect(challengesOf(outcome)[0]).not.toContain("stale");
  });

  test("nobody comes in where there are no accounts", () => {
    const check = createDigest({ accounts: [], secret: SECRET, now: () => START });
    const ask = (authorization?: string) => check({ method: "POST", target: "/repackage", authorization });
    expect(who(ask(answerChallenge(ANNA, call(ask()))))).toMatch(/wrong ones/);
  });

  test("another instance with the same secret takes the nonce, one with another secret does not", () => {
    const authorization = answerChallenge(ANNA, call(open().post(undefined)));
    expect(who(open().post(authorization))).toBe("anna");
    expect(who(open({ secret: "another-secret" }).post(authorization))).toMatch(/wrong ones/);
  });

  test("an old nonce is stale where all else is right, and only there", () => {
    let time = START;
    const { post } = open({ now: () => time });
    const first = call(post(undefined));
    time += 299_000;
    expect(who(post(answerChallenge(ANNA, first)))).toBe("anna");
    time += 1000;
    const stale = post(answerChallenge(ANNA, { ...first, count: 2 }));
    expect(challengesOf(stale).every((challenge) => challenge.endsWith(", stale=true"))).toBe(true);
    expect(who(post(answerChallenge(ANNA, { ...call(stale), count: 1 })))).toBe("anna");
    const wrong = post(answerChallenge({ ...ANNA, password: "a wrong one" }, first));
    expect(challengesOf(wrong)[0]).not.toContain("stale");
  });

  test("a request that is sent again as it was is refused, the next count is not", () => {
    const { post } = open();
    const first = call(post(undefined));
    const authorization = answerChallenge(ANNA, first);
    expect(who(post(authorization))).toBe("anna");
    const replayed = post(authorization);
    expect(who(replayed)).toMatch(/a count twice/);
    expect(challengesOf(replayed)[0]).toContain("stale=true");
    expect(who(post(answerChallenge(ANNA, { ...first, count: 2 })))).toBe("anna");
  });

  test.each([
    ["realm", "elsewhere"],
    ["qop", "auth-int"],
    ["nc", "00000000"],
    ["nc", "1"],
    ["nc", "0000000g"],
    ["cnonce", ""],
    ["algorithm", "SHA-512-256"],
    ["algorithm", "MD5-sess"],
    ["userhash", "true"],
    ["nonce", "AAAA"],
    ["nonce", ""],
    ["response", ""],
    ["uri", "//["],
    ["uri", "http://["],
  ])("refuses %s=%j", (name, value) => {
    const { post } = open();
    const parameters = answerParameters(ANNA, call(post(undefined)));
    expect(who(post(formatDigest({ ...parameters, [name]: value })))).toMatch(/^Authorization: expected/);
  });

  test.each(["username", "realm", "uri", "nonce", "nc", "cnonce", "qop", "response"])(
    "refuses credentials without %s",
    (name) => {
      const { post } = open();
      const parameters = answerParameters(ANNA, call(post(undefined)));
      expect(who(post(formatDigest(parameters)))).toBe("anna");
      delete parameters[name];
      expect(who(post(formatDigest(parameters)))).toMatch(/^Authorization: expected/);
    },
  );
});

describe("createNonces", () => {
  test("counts may come in disorder, each once, within a window of 32", () => {
    const nonces = createNonces(SECRET, () => START);
    const nonce = nonces.issue();
    const took = [40, 41, 10, 9, 41, 40, 11, 10, 100, 41].map((count) => nonces.take(nonce, count));
    expect(took).toEqual([true, true, true, false, false, false, true, false, true, false]);
  });

  test("what is remembered is bounded: past 10,000 nonces the oldest are good no more", () => {
    let time = START;
    const nonces = createNonces(SECRET, () => time);
    const oldest = nonces.issue();
    expect(nonces.take(oldest, 1)).toBe(true);
    const spare = nonces.issue();
    for (let i = 0; i < 10_000; i++) {
      time += 1;
      nonces.take(nonces.issue(), 1);
    }
    expect([nonces.take(oldest, 1), nonces.take(oldest, 2), nonces.take(spare, 1)]).toEqual([false, false, false]);
    expect(nonces.take(nonces.issue(), 1)).toBe(true);
  });

  test("a nonce has one spelling, and no bit of it may be another", () => {
    const nonces = createNonces(SECRET, () => START);
    const nonce = nonces.issue();
    expect(nonces.check(nonce)).toBe("valid");
    for (let i = 0; i < nonce.length; i++) {
      const other = `${nonce.slice(0, i)}${nonce[i] === "A" ? "B" : "A"}${nonce.slice(i + 1)}`;
      expect(nonces.check(other)).toBe("foreign");
    }
    expect([`${nonce}=`, ` ${nonce}`, "", "é".repeat(40)].map(nonces.check)).toEqual(Array(4).fill("foreign"));
  });
});

describe("parseDigestHeader", () => {
  test("reads tokens, quoted strings, escapes, white space and empty elements of the list", () => {
    const header = 'dIgEsT ,, a=b , C = "x, y=\\"z\\" \\\\" ,, d="" ,';
    expect([...(parseDigestHeader(header) ?? [])]).toEqual([
      ["a", "b"],
      ["c", 'x, y="z" \\'],
      ["d", ""],
    ]);
  });

  test.each([
    "",
    "Digest",
    "Basic YTpi",
    "Digest a",
    "Digest a=",
    'Digest a="',
    'Digest a="b',
    'Digest a="b\\"',
    'Digest a="b" c="d"',
    "Digest a=b, a=c",
    "Digest a=b, A=c",
    'Digest ="b"',
    "Digest a=b;c",
    'Digest a="\u0000"',
    'Digest a="\u{1F600}"',
    "Digest a=b\r\nx: y",
  ])("gives nothing for %j", (header) => expect(parseDigestHeader(header)).toBeUndefined());

  test.each([
    `Digest ${"a=b,".repeat(25_000)}`,
    `Digest a="${"\\".repeat(100_000)}`,
    `Digest ${" ".repeat(100_000)}`,
    `Digest ${"a".repeat(100_000)}`,
    `Digest ${",".repeat(100_000)}a`,
    `${"Digest ".repeat(15_000)}`,
    `Digest ${Array.from({ length: 12_000 }, (_, i) => `a${i}=b`).join(",")}`,
  ])("gives nothing for 100 kB of nonsense (%#)", (header) => expect(parseDigestHeader(header)).toBeUndefined());
});
