/** The operators' page as files: what the browser may do with them, and what is said where there are none. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastify } from "fastify";
import { afterAll, describe, expect, test } from "vitest";
import { consoleRoutes } from "../../src/console-routes.ts";
import { registerErrors } from "../../src/http-error.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-console-"));
mkdirSync(join(folder, "assets"));
writeFileSync(join(folder, "index.html"), "<!doctype html><title>Console</title>");
writeFileSync(join(folder, "assets/index-abc.js"), "");
afterAll(() => rmSync(folder, { recursive: true }));

async function get(url: string, directory: string | undefined) {
  const app = fastify();
  registerErrors(app);
  await app.register(consoleRoutes, { directory });
  return app.inject({ url });
}

describe("GET /console/", () => {
  test("is the page: it loads nothing from elsewhere, is framed by nobody and tells nobody where it was", async () => {
    const { statusCode, headers, body } = await get("/console/", folder);
    expect([statusCode, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(body).toContain("<title>Console</title>");
    expect(headers["cache-control"]).toBe("no-cache");
    expect(headers["referrer-policy"]).toBe("no-referrer");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self';.* frame-ancestors 'none'/);
    expect(policy).not.toContain("unsafe");
  });

  test("keeps files whose names are made of what is in them for a year", async () => {
    const { statusCode, headers } = await get("/console/assets/index-abc.js", folder);
    expect([statusCode, headers["cache-control"]]).toEqual([200, "public, max-age=31536000, immutable"]);
  });

  test("is found without its last slash, below whatever address the server has", async () => {
    const { statusCode, headers } = await get("/console", folder);
    expect([statusCode, headers.location]).toEqual([308, "console/"]);
  });

  test("gives nothing that is not the console's", async () => {
    for (const url of ["/console/../package.json", "/console/%2e%2e/package.json", "/console/no-such.js"]) {
      expect([url, (await get(url, folder)).statusCode]).toEqual([url, 404]);
    }
  });

  test("says in a sentence that it was not built", async () => {
    for (const directory of [undefined, join(folder, "no-such-folder")]) {
      const answer = await get("/console/", directory);
      expect([answer.statusCode, answer.json()]).toEqual([
        404,
        { error: { code: "not-found", message: "console: expected its build, got none; npm run build makes it" } },
      ]);
    }
  });
});
