import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { creativeKey, masterPath, selectTargetDuration } from "@interlude/core";
import { fastify, type FastifyInstance } from "fastify";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { buildServer } from "../../src/server.ts";
import { readConfig } from "../../src/config.ts";
import { type BlockEntry, CreativeBlocked } from "../../src/crs/block-list.ts";
import { type CreativeStatus, type Crs, QueueFull, type RepackageRequestInput } from "../../src/crs/crs.ts";
import { parseFormatOptions } from "../../src/crs/format-options.ts";
import { primetimeRoutes } from "../../src/crs/primetime-routes.ts";
import { parseAccounts } from "../../src/crs/repackage-accounts.ts";
import { registerErrors } from "../../src/http-error.ts";
import { placeDatabase } from "../database/new-database.ts";
import { answerChallenge } from "./digest-client.ts";
import { startMediaServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

const ACCOUNT = { username: "newsroom", password: "twelve or more", zones: ["1", "3"] };
const STATUS: CreativeStatus = {
  zone: "1",
  key: "0".repeat(32),
  creativeUrl: "https://ads.example/spot.mp4",
  state: "queued",
  progress: 0,
  attempts: 0,
  packages: [],
  refused: [],
  renditions: [],
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
};

const BLOCKED: BlockEntry = {
  id: "1",
  kind: "host",
  value: "ads.example",
  reason: "tests",
  isAutomatic: false,
  createdAt: new Date(0),
};

let app: FastifyInstance;
let submitted: RepackageRequestInput[];
let submit: Crs["submit"];

beforeEach(async () => {
  submitted = [];
  submit = async () => ({ key: STATUS.key, before: "absent", status: STATUS });
  app = fastify();
  registerErrors(app);
  const crs: Pick<Crs, "submit"> = {
    submit: (input) => {
      submitted.push(input);
      return submit(input);
    },
  };
  const secret = "a-secret-of-these-tests";
  await app.register(primetimeRoutes, { crs, accounts: [ACCOUNT], secret, now: Date.now });
  onTestFinished(() => app.close());
});

const FIELDS = { AdSystem: "S", AdID: "A", CreativeURL: "https://ads.example/spot.mp4", Zone: "3" };

function item(fields: Readonly<Record<string, string | undefined>> = {}): string {
  const elements = Object.entries({ ...FIELDS, ...fields }).map(([name, text]) =>
    text === undefined ? "" : `<${name}>${text}</${name}>`,
  );
  return `<Repackage>${elements.join("")}</Repackage>`;
}

const list = (...items: readonly string[]): string => `<RepackageList>${items.join("")}</RepackageList>`;

/** Asks twice, as clients do: first without credentials, then with them. */
async function post(payload: string | Buffer, contentType = "text/xml") {
  const headers = { "content-type": contentType };
  const refused = await app.inject({ method: "POST", url: "/repackage", headers, payload });
  expect(refused.statusCode).toBe(401);
  const challenge = [refused.headers["www-authenticate"]].flat()[0] ?? "";
  const authorization = answerChallenge(ACCOUNT, { method: "POST", uri: "/repackage", challenge });
  return app.inject({ method: "POST", url: "/repackage", headers: { ...headers, authorization }, payload });
}

describe("POST /repackage", () => {
  test("takes the example of Primetime's documentation: 202 with no body", async () => {
    const example = `<?xml version="1.0" encoding="UTF-8"?>
<RepackageList>
  <Repackage>
    <AdSystem>ExampleSystem</AdSystem>
    <AdID>A-1</AdID>
    <CreativeID>CR-1</CreativeID>
    <CreativeURL>https://ads.example/spot.mp4</CreativeURL>
    <Format>id3 targetdur=5</Format>
    <Zone>3</Zone>
  </Repackage>
</RepackageList>`;
    const answer = await post(example);
    expect([answer.statusCode, answer.body]).toEqual([202, ""]);
    expect(submitted).toEqual([
      {
        zone: "3",
        creativeUrl: "https://ads.example/spot.mp4",
        packaging: "hls",
        targetDuration: 4,
        id3: true,
        adSystem: "ExampleSystem",
        adId: "A-1",
        creativeId: "CR-1",
      },
    ]);
  });

  test("without credentials: 401 with both challenges, and nothing is begun", async () => {
    const answer = await app.inject({ method: "POST", url: "/repackage", payload: list(item()) });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers["www-authenticate"]).toEqual([
      expect.stringContaining("algorithm=SHA-256"),
      expect.stringContaining("algorithm=MD5"),
    ]);
    expect(answer.json().error.code).toBe("unauthorized");
    expect(submitted).toEqual([]);
  });

  test("takes both spellings of AdID, CDATA, entities, prefixes, quotes and white space", async () => {
    const text = `<p:RepackageList xmlns:p="urn:x">
      <p:Repackage><p:AdSystem> <![CDATA[O'Neil & "Sons" <x>]]> </p:AdSystem><p:AdId>a&amp;b &#233;</p:AdId>
        <p:CreativeURL>
          https://ads.example/spot.mp4?a=1&amp;b=2
        </p:CreativeURL><p:Zone> 1 </p:Zone><p:Extra>ignored</p:Extra></p:Repackage>
      ${item({ AdID: `'"`, CreativeID: "  two\n  words " })}
    </p:RepackageList>`;
    expect((await post(text, "application/xml; charset=utf-8")).statusCode).toBe(202);
    expect(submitted).toMatchObject([
      {
        adSystem: `O'Neil & "Sons" <x>`,
        adId: "a&b é",
        creativeUrl: "https://ads.example/spot.mp4?a=1&b=2",
        zone: "1",
      },
      { adId: `'"`, creativeId: "two words" },
    ]);
  });

  test("reads the encoding from the byte order mark, the Content-Type or the declaration", async () => {
    const text = list(item({ AdID: "é" }));
    const latin1 = `<?xml version="1.0" encoding="ISO-8859-1"?>${text}`;
    const bodies: readonly (readonly [Buffer, string])[] = [
      [Buffer.from(`\uFEFF${text}`), "text/xml"],
      [Buffer.from(`\uFEFF${text}`, "utf16le"), "text/xml; charset=utf-8"],
      [Buffer.from(text, "latin1"), 'text/xml; charset="iso-8859-1"'],
      [Buffer.from(latin1, "latin1"), "text/xml"],
    ];
    for (const [body, type] of bodies) expect((await post(body, type)).statusCode).toBe(202);
    expect(submitted.map(({ adId }) => adId)).toEqual(["é", "é", "é", "é"]);
    expect((await post(Buffer.from(text, "latin1"))).json().error.message).toMatch(/^XML: expected text in utf-8/);
    expect((await post(text, "text/xml; charset=klingon")).statusCode).toBe(400);
  });

  test("300 items are taken, for which the queue has room, 301 answer 413 with Primetime's words", async () => {
    const items = Array.from({ length: 300 }, (_, i) => item({ CreativeURL: `https://ads.example/${i}.mp4` }));
    expect((await post(list(...items))).statusCode).toBe(202);
    expect(submitted).toHaveLength(300);
    expect(readConfig({}).crs.queueLimit).toBeGreaterThan(300);
    // Too many is said first, whatever is wrong with them.
    const answer = await post(list(...items, "<Repackage/>"));
    expect([answer.statusCode, answer.statusMessage, answer.body, answer.headers["content-type"]]).toEqual([
      413,
      "Request Entity Too Large",
      "Validation fail: Too many requests. Max limit is 300",
      "text/plain; charset=utf-8",
    ]);
    expect(submitted).toHaveLength(300);
  });

  test.each([
    ["nothing", "", /^XML: /],
    ["words", "plain words", /^XML: /],
    ["an open element", "<RepackageList>", /^XML: /],
    ["a DOCTYPE", `<!DOCTYPE x [<!ENTITY a "b">]>${list(item())}`, /no DOCTYPE/],
    ["an entity of nobody", list(item({ AdID: "&unknown;" })), /entity of XML/],
    ["another root", "<Repackages/>", "expected a <RepackageList> root, got <Repackages>"],
    ["an empty list", list(), "RepackageList: expected 1 to 300 <Repackage>, got none"],
    [
      "a missing AdSystem",
      list(item(), item({ AdSystem: undefined })),
      "Repackage 2: AdSystem: expected a text, got nothing",
    ],
    ["an empty AdID", list(item({ AdID: "  " })), "Repackage 1: AdID: expected a text, got nothing"],
    ["both spellings of AdID", list(item({ AdId: "again" })), "Repackage 1: AdID: expected it once, got it twice"],
    ["an element for a text", list(item({ AdID: "<b>x</b>" })), "Repackage 1: AdID: expected a text, got <b>"],
    ["a long id", list(item({ AdID: "x".repeat(1001) })), "AdID: expected at most 1000 characters, got 1001"],
    ["control characters", list(item({ AdID: "x&#x85;&#x7f;x" })), "AdID: expected no control characters"],
    ["no creative", list(item({ CreativeURL: undefined })), 'CreativeURL: expected an absolute http(s) URL, got ""'],
    ["a file", list(item({ CreativeURL: "file:///etc/passwd" })), 'http(s) URL, got "file:///etc/passwd"'],
    ["no scheme", list(item({ CreativeURL: "//ads.example/x.mp4" })), "CreativeURL: expected an absolute http(s) URL"],
    ["a long URL", list(item({ CreativeURL: `https://x/${"x".repeat(9000)}` })), "CreativeURL: expected at most 8192"],
    ["no zone", list(item({ Zone: undefined })), "Repackage 1: Zone: expected a text, got nothing"],
    ["another's zone", list(item({ Zone: "2" })), `Zone: expected one of the account's (1, 3), got "2"`],
    [
      "an unknown option",
      list(item({ Format: "hls webm" })),
      /^Repackage 1: Format: expected clientside, .*, got "webm"$/,
    ],
    ["no duration", list(item({ Format: "targetdur=0" })), 'got "targetdur=0"'],
    ["two durations", list(item({ Format: "targetdur=4 targetdur=6" })), "Format: expected one targetdur, got 2"],
  ])("answers 400 to %s and begins nothing", async (_what, body, message) => {
    const answer = await post(body);
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, "invalid-request"]);
    expect(answer.json().error.message).toMatch(message);
    expect(submitted).toEqual([]);
  });

  test("what is no XML by its Content-Type is refused as such, and a huge body is not read", async () => {
    expect((await post("{}", "application/json")).statusCode).toBe(415);
    expect((await post(Buffer.alloc(2_000_001, " "))).statusCode).toBe(413);
  });

  test("hls and cmaf in one item are two packages, dash alone is dash", async () => {
    await post(list(item({ Format: "clientside HLS cmaf targetdur=10" }), item({ Format: "dash" })));
    expect(submitted.map(({ packaging, targetDuration }) => [packaging, targetDuration])).toEqual([
      ["hls", 6],
      ["cmaf", 6],
      ["dash", 4],
    ]);
  });

  test("a full queue is 503 with Retry-After: what a client that does not know it takes for 500", async () => {
    submit = async ({ creativeUrl }) => {
      if (creativeUrl.includes("one-too-many")) throw new QueueFull("queue: expected room, got none");
      return { key: STATUS.key, before: "absent", status: STATUS };
    };
    const answer = await post(list(item(), item({ CreativeURL: "https://ads.example/one-too-many.mp4" })));
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "30"]);
    expect(answer.json().error.message).toContain("1 of 2 requests were taken, send the list again");
  });

  test("an item on the block list is taken like the others, as the original has no word for it, and holds up none", async () => {
    submit = async (input) => {
      if (!input.creativeUrl.includes("bad")) return { key: STATUS.key, before: "absent", status: STATUS };
      throw new CreativeBlocked({ ...input, key: STATUS.key, normalisedUrl: input.creativeUrl }, BLOCKED);
    };
    const answer = await post(list(item({ CreativeURL: "https://ads.example/bad.mp4" }), item()));
    expect([answer.statusCode, submitted.length]).toEqual([202, 2]);
  });

  test("a database that cannot be reached is 500, and its words stay inside", async () => {
    submit = async () => {
      throw Object.assign(new Error("connect ECONNREFUSED 10.0.0.7:5432"), { code: "ECONNREFUSED" });
    };
    const answer = await post(list(item()));
    expect([answer.statusCode, answer.json().error.code]).toEqual([500, "internal"]);
    expect(answer.body).not.toContain("10.0.0.7");
  });
});

/** What curl prints: the body, which is empty, and the status; and how it went about it. */
function curl(url: URL, password: string, body: string, ...more: readonly string[]) {
  const credentials = ["--digest", "-u", `${ACCOUNT.username}:${password}`];
  const message = ["-H", "Content-Type: text/xml", "-d", body, "-w", "%{http_code}"];
  return promisify(execFile)("curl", ["-sS", "-v", ...credentials, ...message, ...more, url.href]);
}

describe("real clients", () => {
  const body = list(item({ AdID: "é" }));

  async function listen(): Promise<URL> {
    return new URL("/repackage", await app.listen({ port: 0, host: "127.0.0.1" }));
  }

  test("curl --digest comes in, by SHA-256", async () => {
    const { stdout, stderr } = await curl(await listen(), ACCOUNT.password, body);
    expect(stdout).toBe("202");
    expect(stderr).toMatch(/> Authorization: Digest .*algorithm=SHA-256/);
    expect(submitted).toMatchObject([{ adId: "é" }]);
  });

  test("curl --digest comes in, by MD5, where it is all that it is told of", async () => {
    app.addHook("onSend", async (_request, reply) => {
      const offered = reply.getHeader("www-authenticate");
      if (Array.isArray(offered)) reply.header("www-authenticate", offered.slice(1));
    });
    const { stdout, stderr } = await curl(await listen(), ACCOUNT.password, body);
    expect(stdout).toBe("202");
    expect(stderr).toMatch(/> Authorization: Digest .*algorithm=MD5/);
  });

  test("curl with a wrong password gets 401", async () => {
    const { stdout } = await curl(await listen(), "not the password", body, "-o", "/dev/null");
    expect(stdout).toBe("401");
    expect(submitted).toEqual([]);
  });

  test("hostile Authorization headers get 401, never 500; one of 100 kB is not read", async () => {
    const url = await listen();
    const ask = (authorization: string | readonly string[]) =>
      new Promise<number | undefined>((resolve, reject) => {
        const values = [authorization].flat().flatMap((value) => ["authorization", value]);
        const headers = ["host", url.host, "content-type", "text/xml", ...values];
        const sent = httpRequest(url, { method: "POST", headers });
        sent.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
        sent.end(body);
      });
    const good = answerChallenge(ACCOUNT, { method: "POST", uri: "/repackage", challenge: "" });
    for (const header of [
      "Digest",
      'Digest username="',
      'Digest username="a\\',
      `Digest ${'"'.repeat(10_000)}`,
      "Digest username=a, username=b",
      "Digest username*=UTF-8''%ff%",
      `Digest \xff\xfe="\xff"`,
      "Bearer x",
      good,
      [good, good],
    ]) {
      expect(await ask(header)).toBe(401);
    }
    expect(await ask(`Digest username="${"x".repeat(100_000)}"`)).toBe(431);
    expect(submitted).toEqual([]);
  });
});

describe("parseFormatOptions", () => {
  test("targetdur is rounded by the probe's own function, 4 where it is left out", () => {
    for (const seconds of [0.5, 1, 2, 3.9, 4, 5, 6, 10, 3600]) {
      const { targetDuration } = parseFormatOptions(`targetdur=${seconds}`);
      expect(targetDuration).toBe(selectTargetDuration(seconds, false));
    }
    expect(parseFormatOptions("")).toEqual({ packagings: ["hls"], targetDuration: 4, id3: false });
    expect(parseFormatOptions(" ID3\tClientSide  id3 ")).toEqual({ packagings: ["hls"], targetDuration: 4, id3: true });
  });
});

describe("parseAccounts", () => {
  const context = { env: { NEWSROOM: "from the environment" }, zones: ["1", "2"] };
  const parse = (account: unknown) =>
    parseAccounts(JSON.stringify({ version: 1, accounts: [account] }), "accounts.json", context);

  test("reads passwords from the file or from the variable that it names", () => {
    const direct = { username: "a", password: "in the file itself", zones: ["1"] };
    expect(parse(direct)).toEqual([direct]);
    const [named] = parse({ username: "b", passwordEnv: "NEWSROOM", zones: ["1", "2"] });
    expect(named).toEqual({ username: "b", password: "from the environment", zones: ["1", "2"] });
  });

  test.each([
    [{ username: "a", password: "in the file itself" }, /accounts\[0\]\.zones: expected a list, got nothing/],
    [{ username: "a", password: "in the file itself", zones: [] }, /zones: expected at least one zone/],
    [
      { username: "a", password: "in the file itself", zones: ["7"] },
      /zones\[0\]: expected a zone of .* \(1, 2\), got "7"/,
    ],
    [{ username: "a:b", password: "in the file itself", zones: ["1"] }, /username: expected a name without a colon/],
    [{ username: "a", password: "hunter2", zones: ["1"] }, /password: expected at least 12 .*, got 7 characters/],
    [
      { username: "a", passwordEnv: "NOWHERE", zones: ["1"] },
      /passwordEnv: expected the name of a variable that is set/,
    ],
    [{ username: "a", zones: ["1"] }, /expected either password or passwordEnv, got neither/],
    [{ username: "a", password: "x", passwordEnv: "NEWSROOM", zones: ["1"] }, /got both/],
  ])("refuses %j by file, line and field", (account, message) => {
    expect(() => parse(account)).toThrow(message);
    expect(() => parse(account)).toThrow(/^accounts\.json, line 1: accounts\[0\]/);
    expect(() => parse(account)).not.toThrow(/hunter2/);
  });
});

test("the whole path: a list by Digest, and the creative appears at the URL that a client derives", async () => {
  const folder = mkdtempSync(join(tmpdir(), "interlude-primetime-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const media = await startMediaServer(testMedia);
  onTestFinished(() => media.close());
  const accounts = join(folder, "accounts.json");
  const account = { username: ACCOUNT.username, passwordEnv: "NEWSROOM", zones: ["1"] };
  writeFileSync(accounts, JSON.stringify({ version: 1, accounts: [account] }));
  const config = readConfig({
    INTERLUDE_STATE: join(folder, "state"),
    INTERLUDE_API_TOKEN: "a-token-for-these-tests",
    INTERLUDE_REPACKAGE_ACCOUNTS: accounts,
    INTERLUDE_FETCH_ALLOW_PRIVATE: media.base.host,
    INTERLUDE_LOG: "silent",
    NEWSROOM: ACCOUNT.password,
    PORT: "0",
  });
  await placeDatabase(join(folder, "state/database"));
  const server = await buildServer(config);
  onTestFinished(() => server.stop());
  const base = await server.start();
  const creativeUrl = new URL("/ad/short.mp4", media.base).href;
  const headers = { authorization: "Bearer a-token-for-these-tests" };
  const events = await fetch(new URL("/v1/events", base), { headers });

  const order = list(
    item({ Zone: "1", CreativeURL: `${creativeUrl}?dash`, Format: "dash" }),
    item({ Zone: "1", CreativeURL: creativeUrl, Format: "clientside targetdur=5" }),
  );
  const { stdout } = await curl(new URL("/repackage", base), ACCOUNT.password, order);
  expect(stdout).toBe("202");

  // What is not made here was accepted, as in the original, and is told where results are told.
  const dash = new URL(`/v1/creatives/1/${creativeKey("1", `${creativeUrl}?dash`)}`, base);
  expect(await (await fetch(dash, { headers })).json()).toMatchObject({ state: "failed", reason: "not-made-here" });

  let told = "";
  for await (const chunk of events.body ?? []) {
    told += Buffer.from(chunk).toString();
    expect(told).not.toMatch(/"state":"failed"(?!.*not-made-here)/);
    if (told.includes('"state":"ready"')) break;
  }
  const path = masterPath("1", creativeKey("1", creativeUrl), { packaging: "hls", targetDuration: 4 });
  const docs = (await server.app.inject({ url: "/docs/json" })).json();
  expect(docs.paths["/repackage"].post).toMatchObject({
    security: [{ digest: [] }],
    requestBody: { content: { "text/xml": { schema: { type: "string" } } } },
  });
  const master = await fetch(new URL(`/cdn/a/${path}`, base));
  expect([master.status, (await master.text()).split("\n")[0]]).toEqual([200, "#EXTM3U"]);
});
