/** Where a page without modules gets the code from that repackages creatives. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { loadRemux, noteScript } from "../../src/load-remux-script.ts";

let folder = "";
const urlOf = (name: string): URL => pathToFileURL(join(folder, name));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-script-"));
  const code = "export const openRemux = () => undefined; export const createMaker = () => undefined;";
  await writeFile(join(folder, "interlude-remux.min.js"), `${code} export const name = "beside";`);
  await writeFile(join(folder, "elsewhere.js"), `${code} export const name = "elsewhere";`);
  await writeFile(join(folder, "another.js"), "export const name = 1;");
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllGlobals();
  noteScript();
});

function runScript(src: string | undefined): void {
  vi.stubGlobal("document", { currentScript: src === undefined ? null : { src } });
  noteScript();
  vi.stubGlobal("document", { currentScript: null });
}

describe("loadRemux of the file for script tags", () => {
  test("loads it from beside the script, as that was while it ran", async () => {
    runScript(urlOf("interlude.min.js").href);
    expect(await loadRemux()).toMatchObject({ name: "beside" });
  });

  test("loads it from where the page says", async () => {
    runScript(urlOf("interlude.min.js").href);
    expect(await loadRemux(urlOf("elsewhere.js"))).toMatchObject({ name: "elsewhere" });
  });

  test("names the option where nobody says: a script within the page has no address", async () => {
    runScript(undefined);
    await expect(loadRemux()).rejects.toMatchObject({
      name: "AdError",
      code: "option-invalid",
      message: expect.stringContaining("remuxUrl"),
    });
  });

  test("takes nothing else for it", async () => {
    await expect(loadRemux(urlOf("another.js"))).rejects.toMatchObject({ code: "option-invalid" });
  });

  test("fails where it is not there", async () => {
    await expect(loadRemux(urlOf("missing.js"))).rejects.toThrow("missing.js");
  });
});
