import { AdError } from "@interlude/core";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { isPublicAddress } from "../../src/guarded-address.ts";
import { createGuardedFetch, type GuardedFetch, type GuardedFetchRules } from "../../src/guarded-fetch.ts";
import { readText } from "../../src/read-text.ts";
import { loopback, tlsLoopback } from "./loopback.ts";
import { TEST_CERTIFICATE } from "./tls.ts";

const LIMITS = { timeoutMs: 5_000, maxBytes: 100_000 };

function client(rules: Partial<GuardedFetchRules> = {}): GuardedFetch {
  const fetch = createGuardedFetch({ allowPrivate: [], ...rules });
  onTestFinished(() => fetch.close());
  return fetch;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const caught = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  return caught instanceof AdError ? caught.code : `no AdError: ${String(caught)}`;
}

describe("the addresses that a fetch may reach", () => {
  test.each([
    ["loopback", "http://127.0.0.1/"],
    ["loopback in decimal", "http://2130706433/"],
    ["loopback in octal", "http://0177.0.0.1/"],
    ["loopback in hexadecimal", "http://0x7f.1/"],
    ["loopback, shortened", "http://127.1/"],
    ["this host", "http://0.0.0.0/"],
    ["RFC 1918", "http://10.1.2.3/"],
    ["RFC 1918", "http://172.16.0.1/"],
    ["RFC 1918", "http://192.168.0.1/"],
    ["carrier-grade NAT", "http://100.64.0.1/"],
    ["cloud metadata", "http://169.254.169.254/latest/meta-data/"],
    ["multicast", "http://224.0.0.1/"],
    ["broadcast", "http://255.255.255.255/"],
    ["IPv6 loopback", "http://[::1]/"],
    ["IPv6 unspecified", "http://[::]/"],
    ["IPv4-mapped", "http://[::ffff:127.0.0.1]/"],
    ["IPv4-mapped, hexadecimal", "http://[::ffff:7f00:1]/"],
    ["IPv4-compatible", "http://[::7f00:1]/"],
    ["NAT64", "http://[64:ff9b::7f00:1]/"],
    ["local NAT64", "http://[64:ff9b:1::7f00:1]/"],
    ["6to4", "http://[2002:7f00:1::]/"],
    ["Teredo", "http://[2001:0:7f00:1::]/"],
    ["link-local", "http://[fe80::1]/"],
    ["unique local", "http://[fd00::1]/"],
  ])("%s is refused: %s", async (_name, url) => {
    expect(await codeOf(client()(new URL(url), LIMITS))).toBe("address-refused");
  });

  test("public unicast addresses of both families are accepted", () => {
    expect(["8.8.8.8", "2606:4700::1111", "not an address", ""].map(isPublicAddress)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("a literal of a listening private server never gets a connection", async () => {
    const secret = await loopback((_request, response) => response.end("secret"));
    const fetch = client({ ports: [secret.port] });
    for (const host of ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost"]) {
      expect(await codeOf(fetch(new URL(`http://${host}:${secret.port}/`), LIMITS))).toBe("address-refused");
    }
    expect(secret.connections()).toBe(0);
  });

  test("a name with one private address among public ones is refused as a whole", async () => {
    const secret = await loopback((_request, response) => response.end("secret"));
    const fetch = client({ ports: [secret.port], resolve: async () => ["8.8.8.8", "127.0.0.1"] });
    expect(await codeOf(fetch(new URL(`http://ads.example:${secret.port}/`), LIMITS))).toBe("address-refused");
    expect(secret.connections()).toBe(0);
  });

  test("a name that rebinds after the check is not asked again: the connection goes to the checked address", async () => {
    const allowed = await loopback((_request, response) => response.end("allowed"));
    const secret = await loopback((_request, response) => response.end("secret"), "127.0.0.2", allowed.port);
    const answers = [["127.0.0.1"], ["127.0.0.2"]];
    let asked = 0;
    const resolve = async (): Promise<readonly string[]> => answers[asked++] ?? ["127.0.0.2"];
    const fetch = client({ allowPrivate: [`127.0.0.1:${allowed.port}`], ports: [allowed.port], resolve });
    const url = new URL(`http://rebind.example:${allowed.port}/`);
    expect(await readText(await fetch(url, { ...LIMITS, headers: { connection: "close" } }))).toBe("allowed");
    expect(asked).toBe(1);
    expect(await codeOf(fetch(url, LIMITS))).toBe("address-refused");
    expect(secret.connections()).toBe(0);
  });

  test("allowPrivate opens one host and port, not its neighbours", async () => {
    const open = await loopback((_request, response) => response.end("open"));
    const shut = await loopback((_request, response) => response.end("shut"));
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    expect(await readText(await fetch(new URL(open.origin), LIMITS))).toBe("open");
    expect(await codeOf(fetch(new URL(shut.origin), LIMITS))).toBe("address-refused");
    expect(shut.connections()).toBe(0);
  });

  test.each([
    "ftp://ads.example/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "http://user:pw@ads.example/",
    "http://ads.example:22/",
  ])("%s is refused before anything is resolved", async (url) => {
    let asked = 0;
    const resolve = async (): Promise<readonly string[]> => [`8.8.8.${++asked}`];
    expect(await codeOf(client({ resolve })(new URL(url), LIMITS))).toBe("address-refused");
    expect(asked).toBe(0);
  });

  test("a name that does not resolve is unreachable, not refused", async () => {
    const fetch = client({ resolve: async () => [] });
    expect(await codeOf(fetch(new URL("http://nowhere.example/"), LIMITS))).toBe("upstream-unreachable");
  });
});

describe("redirects", () => {
  test("a redirect to a private address is not followed", async () => {
    const secret = await loopback((_request, response) => response.end("secret"));
    const open = await loopback((_request, response) => response.writeHead(302, { location: secret.origin }).end());
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`], ports: [80, 443, secret.port] });
    expect(await codeOf(fetch(new URL(open.origin), LIMITS))).toBe("address-refused");
    expect(secret.connections()).toBe(0);
  });

  test.each(["http://169.254.169.254/", "file:///etc/passwd", "gopher://127.0.0.1/"])(
    "nor one to %s",
    async (location) => {
      const open = await loopback((_request, response) => response.writeHead(302, { location }).end());
      const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
      expect(await codeOf(fetch(new URL(open.origin), LIMITS))).toBe("address-refused");
    },
  );

  test("five redirects are followed, relative ones against the address before; a sixth is not", async () => {
    const open = await loopback((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("there");
      else response.writeHead(302, { location: String(left - 1) }).end();
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    const answer = await fetch(new URL("/5", open.origin), LIMITS);
    expect([await readText(answer), answer.url.pathname]).toEqual(["there", "/0"]);
    expect(await codeOf(fetch(new URL("/6", open.origin), LIMITS))).toBe("upstream-unreachable");
  });

  test("credentials and headers of an operator's own do not travel to another origin, and a POST that is redirected by 303 becomes a GET", async () => {
    const seen: unknown[] = [];
    const other = await loopback((request, response) => {
      seen.push([request.method, request.headers.authorization, request.headers["x-secret"], request.headers.accept]);
      response.end();
    });
    const open = await loopback((_request, response) => response.writeHead(303, { location: other.origin }).end());
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`, `127.0.0.1:${other.port}`] });
    const headers = { Authorization: "Bearer x", "X-Secret": "1", Accept: "text/vtt" };
    await readText(await fetch(new URL(open.origin), { ...LIMITS, method: "POST", body: "b", headers }));
    expect(seen).toEqual([["GET", undefined, undefined, "text/vtt"]]);
  });
});

describe("https", () => {
  const trustTestCertificate = (): void => {
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, TEST_CERTIFICATE]);
    onTestFinished(() => setDefaultCACertificates(before));
  };

  test("the certificate is checked against the name of the URL although the connection goes to a checked address", async () => {
    trustTestCertificate();
    const server = await tlsLoopback((request, response) => response.end(request.headers.host));
    const fetch = client({
      allowPrivate: [`127.0.0.1:${server.port}`],
      ports: [server.port],
      resolve: async () => ["127.0.0.1"],
    });
    const named = (host: string): URL => new URL(`https://${host}:${server.port}/`);
    expect(await readText(await fetch(named("ads.example"), LIMITS))).toBe(`ads.example:${server.port}`);
    expect(await codeOf(fetch(named("other.example"), LIMITS))).toBe("upstream-unreachable");
  });

  test("a redirect from https to http is not followed", async () => {
    trustTestCertificate();
    const plain = await loopback((_request, response) => response.end("plain"));
    const server = await tlsLoopback((_request, response) => response.writeHead(302, { location: plain.origin }).end());
    const allowPrivate = [`127.0.0.1:${server.port}`, `127.0.0.1:${plain.port}`];
    const fetch = client({ allowPrivate, ports: [server.port], resolve: async () => ["127.0.0.1"] });
    expect(await codeOf(fetch(new URL(`https://ads.example:${server.port}/`), LIMITS))).toBe("address-refused");
    expect(plain.connections()).toBe(0);
  });
});

describe("size and time", () => {
  test("a gzip bomb is cut at the cap, whatever its size on the wire", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    const open = await loopback((_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
    );
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    expect(await codeOf(fetch(new URL(open.origin), LIMITS).then(readText))).toBe("response-too-large");
  });

  test("a flood of empty gzip members is cut too, although it decodes to nothing", async () => {
    const member = gzipSync("");
    const open = await loopback((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.end(Buffer.concat(Array.from({ length: 10_000 }, () => member)));
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    expect(await codeOf(fetch(new URL(open.origin), LIMITS).then(readText))).toBe("response-too-large");
  });

  test("an announced length above the cap is refused without reading it", async () => {
    const open = await loopback((_request, response) =>
      response.writeHead(200, { "content-length": 100_001 }).flushHeaders(),
    );
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    expect(await codeOf(fetch(new URL(open.origin), LIMITS).then(readText))).toBe("response-too-large");
  });

  test("a body of exactly the cap passes, plain, gzip and br", async () => {
    const text = "x".repeat(LIMITS.maxBytes);
    const encode = { "/gzip": gzipSync, "/br": brotliCompressSync };
    const open = await loopback((request, response) => {
      if (request.url === "/gzip" || request.url === "/br") {
        response.writeHead(200, { "content-encoding": request.url.slice(1) }).end(encode[request.url](text));
      } else response.end(text);
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    for (const path of ["/", "/gzip", "/br"]) {
      expect((await readText(await fetch(new URL(path, open.origin), LIMITS))).length).toBe(LIMITS.maxBytes);
    }
  });

  test("a coding that was not asked for, or broken gzip, is an unreachable upstream", async () => {
    const open = await loopback((request, response) => {
      const coding = request.url === "/chain" ? "gzip, gzip" : "gzip";
      response.writeHead(200, { "content-encoding": coding }).end("no gzip at all");
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    expect(await codeOf(fetch(new URL("/chain", open.origin), LIMITS).then(readText))).toBe("upstream-unreachable");
    expect(await codeOf(fetch(new URL("/broken", open.origin), LIMITS).then(readText))).toBe("upstream-unreachable");
  });

  test("a body that drips for ever ends at the total timeout", async () => {
    const open = await loopback((_request, response) => {
      const drip = setInterval(() => response.write("."), 20);
      response.on("close", () => clearInterval(drip));
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    const reading = fetch(new URL(open.origin), { ...LIMITS, timeoutMs: 300 }).then(readText);
    expect(await codeOf(reading)).toBe("upstream-timeout");
  });

  test("a name that is never resolved, and a connection that is never there, end at the total timeout", async () => {
    const resolve: GuardedFetchRules["resolve"] = () => new Promise(() => undefined);
    const asking = client({ allowPrivate: [], resolve })(new URL("http://slow.example/"), {
      ...LIMITS,
      timeoutMs: 200,
    });
    expect(await codeOf(asking)).toBe("upstream-timeout");
  });

  test("an upstream that says nothing ends at the total timeout, and at the idle timeout", async () => {
    const open = await loopback(() => undefined);
    const allowPrivate = [`127.0.0.1:${open.port}`];
    expect(await codeOf(client({ allowPrivate })(new URL(open.origin), { ...LIMITS, timeoutMs: 200 }))).toBe(
      "upstream-timeout",
    );
    expect(await codeOf(client({ allowPrivate, idleTimeoutMs: 200 })(new URL(open.origin), LIMITS))).toBe(
      "upstream-timeout",
    );
  });

  test("the caller's abort ends an exchange at once, before and during the body", async () => {
    const open = await loopback((request, response) => {
      if (request.url === "/body") response.write("begun");
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    const early = new AbortController();
    const waiting = fetch(new URL("/", open.origin), { ...LIMITS, signal: early.signal });
    early.abort();
    expect(await codeOf(waiting)).toBe("upstream-unreachable");
    expect(await codeOf(fetch(new URL("/", open.origin), { ...LIMITS, signal: AbortSignal.abort() }))).toBe(
      "upstream-unreachable",
    );
    const late = new AbortController();
    const response = await fetch(new URL("/body", open.origin), { ...LIMITS, signal: late.signal });
    const reading = readText(response);
    late.abort();
    expect(await codeOf(reading)).toBe("upstream-unreachable");
  });

  test("a body that nobody reads does not end the process when its time is up", async () => {
    let close = (): void => undefined;
    const closed = new Promise<void>((resolve) => (close = resolve));
    const open = await loopback((request, response) => {
      request.socket.on("close", () => close());
      response.write("begun");
    });
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    const response = await fetch(new URL(open.origin), { ...LIMITS, timeoutMs: 200 });
    await closed;
    expect(response.status).toBe(200);
    expect(await codeOf(readText(response))).toBe("upstream-timeout");
  });

  test("a connection that is refused is unreachable, and the message keeps the query to itself", async () => {
    const gone = await loopback((_request, response) => response.end());
    await new Promise((resolve) => gone.server.close(resolve));
    const work = client({ allowPrivate: [`127.0.0.1:${gone.port}`] })(new URL("/x?token=secret", gone.origin), LIMITS);
    await expect(work).rejects.toThrow(/^http:\/\/127\.0\.0\.1:\d+\/x: (?!.*secret)/);
    expect(await codeOf(work)).toBe("upstream-unreachable");
  });

  test("statuses are values and HEAD has no body", async () => {
    const open = await loopback((_request, response) => response.writeHead(404, { "content-length": 999_999 }).end());
    const fetch = client({ allowPrivate: [`127.0.0.1:${open.port}`] });
    const answer = await fetch(new URL(open.origin), { ...LIMITS, method: "HEAD" });
    expect([answer.status, await readText(answer), answer.headers.get("content-length")]).toEqual([404, "", "999999"]);
  });
});
