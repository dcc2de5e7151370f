import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { buildServer } from "../../src/server.ts";
import { readConfig } from "../../src/config.ts";
import { parseTargets } from "../../src/targets/target-config.ts";
import { placeDatabase } from "../database/new-database.ts";

const ENV = { S3_KEY: "key-of-variable", S3_SECRET: "hunter2-of-variable", NGINX: "Bearer hunter2", EMPTY: "" };
const S3 = { name: "s3", type: "s3", bucket: "creatives", accessKeyId: "key", secretAccessKey: "hunter2" };
const PUT = {
  name: "n",
  type: "http-put",
  url: "http://127.0.0.1:8081/x",
  headers: { Authorization: "Bearer hunter2" },
};

const parse = (...targets: readonly object[]): ReturnType<typeof parseTargets> =>
  parseTargets(JSON.stringify({ version: 1, targets }), "targets.json", ENV);

function complaint(text: string): string {
  try {
    parseTargets(text, "targets.json", ENV);
    return "no complaint";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("the targets file", () => {
  test("a directory is served by this server", () => {
    expect(parse({ name: "a", type: "directory" })).toEqual([
      { type: "directory", name: "a", publicUrl: "../../cdn/a/" },
    ]);
  });

  test("an S3 store at an address of its own is asked in the way that all such stores understand", () => {
    expect(parse({ ...S3, endpoint: "https://s3.example", publicUrl: "https://cdn.example/creatives/" })).toMatchObject(
      [
        {
          endpoint: new URL("https://s3.example/"),
          region: "us-east-1",
          prefix: "",
          forcePathStyle: true,
          requestChecksumCalculation: "WHEN_REQUIRED",
          responseChecksumValidation: "WHEN_REQUIRED",
          publicUrl: "https://cdn.example/creatives/",
          connectTimeoutMs: 5000,
          idleTimeoutMs: 30_000,
        },
      ],
    );
  });

  test("AWS's own needs no address", () => {
    expect(
      parse({ ...S3, region: "eu-west-1", prefix: "ads/hls", requestChecksumCalculation: "WHEN_SUPPORTED" }),
    ).toMatchObject([
      { endpoint: undefined, region: "eu-west-1", forcePathStyle: false, prefix: "ads/hls", publicUrl: undefined },
    ]);
  });

  test("secrets may stand in variables that the file names", () => {
    const { accessKeyId: _key, secretAccessKey: _secret, ...rest } = S3;
    expect(parse({ ...rest, accessKeyIdEnv: "S3_KEY", secretAccessKeyEnv: "S3_SECRET" })).toMatchObject([
      { accessKeyId: "key-of-variable", secretAccessKey: "hunter2-of-variable" },
    ]);
    expect(parse({ ...PUT, headers: { "X-Zone": "1" }, headersEnv: { Authorization: "NGINX" } })).toMatchObject([
      {
        headers: { "x-zone": "1", authorization: "Bearer hunter2" },
        url: new URL("http://127.0.0.1:8081/x/"),
        atomic: "put",
      },
    ]);
  });

  test.each([
    [{ name: "a" }, "targets.json, line 1: targets[0].type: expected one of directory, s3, http-put, got nothing"],
    [{ ...S3, type: "ftp" }, 'targets[0].type: expected one of directory, s3, http-put, got "ftp"'],
    [{ name: "../a", type: "directory" }, "targets[0].name: expected 1 to 32 letters, digits, _ or -"],
    [
      { name: "a", type: "directory", bucket: "b" },
      "targets[0].bucket: expected one of type, name, publicUrl, got this",
    ],
    [{ ...S3, bucket: "No" }, "targets[0].bucket: expected a bucket's name"],
    [{ ...S3, prefix: "/ads/" }, "targets[0].prefix: expected parts of letters"],
    [{ ...S3, endpoint: "ftp://s3.example" }, "targets[0].endpoint: expected an address with http:// or https://"],
    [{ ...S3, secretAccessKey: 2002 }, "targets[0].secretAccessKey: expected visible ASCII characters"],
    [{ ...S3, secretAccessKey: undefined }, "targets[0].secretAccessKey: expected either this member or the one that"],
    [{ ...S3, secretAccessKeyEnv: "S3_SECRET" }, "that names a variable, got both"],
    [
      { ...S3, accessKeyId: undefined, accessKeyIdEnv: "EMPTY" },
      "targets[0].accessKeyIdEnv: expected the name of a variable with visible ASCII characters, got EMPTY, which is not set",
    ],
    [{ ...S3, idleTimeoutMs: 0 }, "targets[0].idleTimeoutMs: expected a whole number from 1 to 600000, got 0"],
    [{ ...PUT, atomic: "copy" }, 'targets[0].atomic: expected one of put, move, got "copy"'],
    [{ ...PUT, url: "http://user:hunter2@x.example/" }, "targets[0].url: expected an address with http:// or https://"],
    [{ ...PUT, headers: { a: "hunter2\u0001" } }, "targets[0].headers.a: expected visible ASCII characters"],
    [{ ...PUT, headersEnv: { authorization: "NGINX" } }, "expected each header once, got it again"],
    [{ ...PUT, publicUrl: "https://user:hunter2@x.example/" }, "targets[0].publicUrl: expected a URL without user"],
  ])("%j is refused in a sentence that has no secret in it", (target, message) => {
    const said = complaint(JSON.stringify({ version: 1, targets: [target] }));
    expect(said).toContain(message);
    expect(said).not.toMatch(/hunter2|2002/);
  });

  test("no target, or two of one name, is refused", () => {
    expect(complaint('{"version":1,"targets":[]}')).toContain("targets: expected at least one target");
    const twice = '{"version":1,"targets":[{"name":"a","type":"directory"},\n{"name":"a","type":"directory"}]}';
    expect(complaint(twice)).toBe("targets.json, line 2: targets[1]: expected a name that no other target has, got a");
  });

  test("where it is no JSON, the complaint does not repeat what may be a secret", () => {
    expect(complaint('{"version":1,\n"targets":[{"secretAccessKey":hunter2}]}')).toBe(
      "targets.json, line 2: expected JSON, got something else (not shown)",
    );
  });
});

describe("INTERLUDE_TARGETS", () => {
  const folder = mkdtempSync(join(tmpdir(), "interlude-targets-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: object): string => {
    writeFileSync(join(folder, name), JSON.stringify({ version: 1, ...content }));
    return join(folder, name);
  };
  const both = write("both.json", {
    targets: [{ ...S3, publicUrl: "https://cdn.example/hls/" }, { name: "own", type: "directory" }, PUT],
  });

  test("zones have the CDNs that say where players read them; directories alone are served here", async () => {
    const config = readConfig({ INTERLUDE_TARGETS: both, INTERLUDE_STATE: folder, INTERLUDE_LOG: "silent" });
    expect(config.zones).toMatchObject([
      { zone: "1", cdns: { s3: "https://cdn.example/hls/", own: "../../cdn/own/" }, defaultCdn: "s3" },
    ]);
    await placeDatabase(join(folder, "database"));
    const server = await buildServer(config);
    for (const name of ["own", "s3"]) {
      mkdirSync(join(folder, "cdn", name), { recursive: true });
      writeFileSync(join(folder, "cdn", name, "x.ts"), "x");
    }
    const answers = await Promise.all(["own", "s3"].map((name) => server.app.inject({ url: `/cdn/${name}/x.ts` })));
    await server.stop();
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 404]);
  });

  test("a zone that names a CDN to which nothing is published is refused", () => {
    const zones = write("zones.json", { zones: [{ zone: "1", cdns: { n: "https://n.example/", b: "../../cdn/b/" } }] });
    expect(() => readConfig({ INTERLUDE_TARGETS: both, INTERLUDE_ZONES: zones })).toThrow(
      'zones[0].cdns.b: expected a CDN that is published to (s3, own, n), got "b"',
    );
  });

  test("it replaces INTERLUDE_CDNS, and does not go with it", () => {
    expect(() => readConfig({ INTERLUDE_TARGETS: both, INTERLUDE_CDNS: "a" })).toThrow(
      'INTERLUDE_CDNS: expected nothing where INTERLUDE_TARGETS is set, got "a"',
    );
  });

  test("without a zones file, some target must say where players read it", () => {
    const hidden = write("hidden.json", { targets: [PUT] });
    expect(() => readConfig({ INTERLUDE_TARGETS: hidden })).toThrow("INTERLUDE_ZONES: expected a zones file");
  });
});
