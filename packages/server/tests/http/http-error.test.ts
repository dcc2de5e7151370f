import { AdError, type AdErrorCode } from "@interlude/core";
import { fastify } from "fastify";
import { expect, test } from "vitest";
import { QueueFull } from "../../src/crs/crs.ts";
import { HttpError, registerErrors, STATUS_OF_AD_CODE } from "../../src/http-error.ts";

async function thrown(error: Error): Promise<{ status: number; code: string; message: string; retry: unknown }> {
  const app = fastify();
  registerErrors(app);
  app.get("/", async () => {
    throw error;
  });
  const answer = await app.inject({ url: "/" });
  return { status: answer.statusCode, ...answer.json().error, retry: answer.headers["retry-after"] };
}

test("what the client named wrongly is told; what an upstream did, or where a name leads inside, is not", async () => {
  const told = await thrown(new AdError("url-malformed", "creative URL: expected http(s)"));
  expect(told).toMatchObject({ status: 400, code: "url-malformed", message: "creative URL: expected http(s)" });
  const codes: readonly AdErrorCode[] = ["address-refused", "upstream-timeout", "vast-malformed", "response-too-large"];
  for (const code of codes) {
    const kept = await thrown(new AdError(code, "intranet.example, which is 10.1.2.3"));
    expect(kept).toMatchObject({ status: STATUS_OF_AD_CODE[code], code });
    expect(kept.message).not.toContain("10.1.2.3");
  }
});

test("an error of another part is known by its code, its time to come back is passed on", async () => {
  expect(await thrown(new QueueFull("100 creatives wait"))).toEqual({
    status: 429,
    code: "queue-full",
    message: "100 creatives wait",
    retry: "30",
  });
  expect(await thrown(new HttpError("overload", "busy", { retryAfterSeconds: 0.2 }))).toMatchObject({
    status: 503,
    retry: "1",
  });
});

test("a path that no file can have is not there, rather than forbidden", async () => {
  const forbidden = Object.assign(new Error("Forbidden"), { statusCode: 403 });
  expect(await thrown(forbidden)).toMatchObject({ status: 404, code: "not-found" });
});

test("any other fault is a 500 that says nothing, whatever was thrown", async () => {
  const database = Object.assign(new Error("duplicate key, detail: (alice)"), { code: "23505" });
  const file = Object.assign(new Error("ENOENT: /etc/secret"), { code: "ENOENT" });
  const internal = Object.assign(new Error("secret"), { code: "internal" });
  for (const error of [database, file, internal, new TypeError("x is undefined")]) {
    expect(await thrown(error)).toMatchObject({
      status: 500,
      code: "internal",
      message: expect.not.stringMatching(/alice|secret|x is/),
    });
  }
});
