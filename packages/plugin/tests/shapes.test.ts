/**
 * What a publisher installs: the package as npm packs it, in a project that has nothing else of ours, on a server and in a bundler.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { build } from "tsdown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleModule, sumSizes } from "../../../bench/bundle.ts";
import { ENTRY_BUDGET, PLAYERS, REMUX_BUDGET } from "../../../bench/size.ts";

const run = promisify(execFile);
const PLUGIN = join(import.meta.dirname, "..");
const MODULES = join(PLUGIN, "../../node_modules");
const EXAMPLES = join(PLUGIN, "../../e2e/examples");
const MANIFEST: { readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>> } = JSON.parse(
  await readFile(join(PLUGIN, "package.json"), "utf8"),
);
/** As an import names them. */
const ENTRIES = Object.keys(MANIFEST.exports)
  .filter((path) => !path.endsWith(".js"))
  .map((path) => `@interlude/plugin${path.slice(1)}`);

let folder = "";
let project = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-shapes-"));
  project = join(folder, "project");
  const source = join(folder, "package");
  await mkdir(source);
  await mkdir(project);
  for (const file of ["package.json", "interlude.min.d.ts"]) await cp(join(PLUGIN, file), join(source, file));
  await build({ config: join(PLUGIN, "tsdown.config.ts"), outDir: join(source, "dist"), logLevel: "silent" });
  const npm = (args: readonly string[], cwd: string): Promise<{ readonly stdout: string }> =>
    run("npm", [...args, "--offline", "--no-audit", "--no-fund", "--loglevel=error"], { cwd });
  const [packed]: readonly { readonly filename: string }[] = JSON.parse((await npm(["pack", "--json"], source)).stdout);
  await writeFile(join(project, "package.json"), '{ "name": "publisher", "private": true, "type": "module" }');
  await npm(["install", join(source, packed?.filename ?? "")], project);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const installed = (path: string): string => join(project, "node_modules/@interlude/plugin", path);
const fileOf = (entry: string): string => {
  const target = MANIFEST.exports[`.${entry.slice("@interlude/plugin".length)}`];
  return installed(typeof target === "object" ? (target["default"] ?? "") : "");
};

describe("the package", () => {
  test("installs alone: no player and nothing else of ours comes with it", async () => {
    const { stdout } = await run("npm", ["ls", "--all", "--parseable"], { cwd: project });
    expect(stdout.trim().split("\n")).toEqual([project, installed("").replace(/\/$/, "")]);
  });

  test("has every file that its exports name", () => {
    const targets = Object.values(MANIFEST.exports).flatMap((target) =>
      typeof target === "string" ? [target] : [target["types"] ?? "", target["default"] ?? ""],
    );
    expect(targets.filter((path) => !existsSync(installed(path)))).toEqual([]);
  });
});

describe.each(ENTRIES)("%s", (entry) => {
  const importIn = async (before: string): Promise<string> => {
    const code = `${before}\nconsole.log(Object.keys(await import(${JSON.stringify(entry)})).join());`;
    return (await run(process.execPath, ["--input-type=module", "-e", code], { cwd: project })).stdout;
  };

  test("can be imported on a server, where nothing of a browser is", async () => {
    expect(await importIn("")).toMatch(/\w/);
  });

  test("touches nothing of the page and starts nothing when it is imported", async () => {
    const touched = ["window", "document", "location", "navigator", "customElements", "localStorage", "performance"];
    const called = ["fetch", "setTimeout", "setInterval", "queueMicrotask", "addEventListener"];
    const trap = `
      for (const name of ${JSON.stringify([...touched, ...called])})
        Object.defineProperty(globalThis, name, { get: () => { throw new Error(name + " at import"); } });`;
    expect(await importIn(trap)).toMatch(/\w/);
  });
});

/** What repackages creatives is loaded by the others, never imported for nothing. */
describe.each(ENTRIES.filter((entry) => !entry.endsWith("/remux")))("the entry %s", (entry) => {
  test("leaves nothing in the bundle of a page that takes nothing of it", async () => {
    const path = join(project, "nothing.js");
    await writeFile(path, `import ${JSON.stringify(fileOf(entry))};`);
    const { atOnce } = await bundleModule(path, { external: PLAYERS });
    expect(atOnce.map(({ code }) => code)).toEqual([""]);
  });

  test(`weighs at most ${ENTRY_BUDGET / 1000} kB min+gzip where a page waits for it`, async () => {
    const { atOnce } = await bundleModule(fileOf(entry), { external: PLAYERS });
    expect(sumSizes(atOnce)).toBeLessThan(ENTRY_BUDGET);
  });
});

describe("what repackages creatives in the page", () => {
  /** Words of the code that makes segments. */
  const MAKING = "NAL unit: expected ";

  test(`comes in one file of at most ${REMUX_BUDGET / 1000} kB min+gzip, when it is asked for`, async () => {
    const { atOnce, behind, loadedFor } = await bundleModule(fileOf("@interlude/plugin/hls"), { external: PLAYERS });
    expect(behind).toContain("remux");
    expect(atOnce.some(({ code }) => code.includes(MAKING))).toBe(false);
    const before = behind.filter((name) => /^(?:build-parts|session|hls-attachment)-/.test(name));
    const already = loadedFor(before).map(({ name }) => name);
    const files = loadedFor([...before, "remux"]).filter(({ name }) => !already.includes(name));
    expect(files.map(({ name }) => name)).toEqual(["remux"]);
    expect(sumSizes(files)).toBeLessThan(REMUX_BUDGET);
  });

  test("has the worker in it as text; the same for pages that can have none is in a file of its own", async () => {
    const { behind, loadedFor } = await bundleModule(fileOf("@interlude/plugin/hls"), { external: PLAYERS });
    const [remux, here] = [loadedFor(["remux"]), loadedFor(["make-here"])];
    expect(behind).toContain("make-here");
    expect(remux.flatMap(({ code }) => code.split(MAKING)).length - remux.length).toBe(1);
    expect(here.map(({ name, code }) => [name, code.includes(MAKING)])).toEqual([["make-here", true]]);
  });

  test("is not in the file for a script tag, which loads it by its address", async () => {
    const [main, remux] = await Promise.all(
      ["interlude.min.js", "interlude-remux.min.js"].map((name) => readFile(installed(`dist/${name}`), "utf8")),
    );
    expect(main?.includes(MAKING)).toBe(false);
    expect(main).toContain("interlude-remux.min.js");
    expect(remux).toContain(MAKING);
  });

  test("is a module of one file, for a page without a bundler", async () => {
    const loaded: unknown = await import(installed("dist/interlude-remux.min.js"));
    expect(loaded).toEqual(
      expect.objectContaining({ openRemux: expect.any(Function), createMaker: expect.any(Function) }),
    );
    expect(await readFile(installed("dist/interlude-remux.min.js"), "utf8")).not.toMatch(/\bfrom\s*[`"'][^`"']+[`"']/);
  });
});

describe.each([
  ["@interlude/plugin", "plain-attachment"],
  ["@interlude/plugin/hls", "hls-attachment"],
  ["@interlude/plugin/videojs", "vhs-attachment"],
])("what %s has behind it", (entry, host) => {
  test.each([
    ["the first break", "session"],
    ["a session that a server stitches", "server-session"],
  ])("for %s comes in one wave: nothing of it is heard of only when another file has come", async (_, session) => {
    const { atOnce, behind, loadedFor } = await bundleModule(fileOf(entry), { external: PLAYERS });
    const wanted = ["build-parts", "option-types", session, host];
    const asked = behind.filter((name) => wanted.includes(name.replace(/-[\w-]{8}$/, "")));
    expect(asked).toHaveLength(wanted.length);
    expect(asked.filter((name) => !atOnce.some(({ code }) => code.includes(`${name}.js`)))).toEqual([]);
    expect(
      loadedFor(asked)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(asked.toSorted());
  });
});

describe("types", () => {
  const HOST_FREE = `
    import { createAdInsertion, type AdInsertionOptions, type SkipEvent } from "@interlude/plugin";
    const options: AdInsertionOptions = { zoneUrl: "/v1/zones/1.json", breaks: [{ time: "start", adTagUrl: "/vast" }] };
    const ads = createAdInsertion(options);
    const told: string[] = [];
    ads.on("adskip", (event: SkipEvent) => told.push(event.reason));
    export const text: Promise<string> = ads.stitch({ text: "", url: "/master.m3u8" });
    // @ts-expect-error: no such event
    ads.on("adskipped", () => undefined);`;
  const HLS = `
    import { createAdInsertion } from "@interlude/plugin/hls";
    import Hls from "hls.js";
    const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json" });
    const hls = new Hls({ ...ads.hlsConfig });
    ads.attach(hls);
    import type { InterludePlugin } from "@interlude/plugin/videojs";
    export const wire = ({ attach, hlsConfig }: InterludePlugin): void => attach(new Hls({ ...hlsConfig }));`;

  const VIDEOJS = `
    import { registerInterlude } from "@interlude/plugin/videojs";
    import videojs from "video.js";
    registerInterlude(videojs);
    const player = videojs("film");
    const ads = player.interlude({ zoneUrl: "/v1/zones/1.json" });
    const told: string[] = [];
    ads.on("adskip", ({ detail }) => told.push(detail.reason));
    player.on("interlude-adstart", ({ detail }) => told.push(detail.title));
    player.on(["play", "pause"], () => told.push("as ever"));
    // @ts-expect-error: no such event
    ads.on("adskipped", () => undefined);`;

  const check = async (
    code: string,
    resolution: "bundler" | "nodenext",
    ...more: readonly string[]
  ): Promise<string> => {
    const source = join(project, `${resolution}.ts`);
    await writeFile(source, code);
    return compile([...more, source], resolution);
  };
  const compile = async (what: readonly string[], resolution: "bundler" | "nodenext"): Promise<string> => {
    const how = ["--module", resolution === "bundler" ? "esnext" : resolution, "--moduleResolution", resolution];
    const strict = [
      "--strict",
      "--exactOptionalPropertyTypes",
      "--noEmit",
      "--target",
      "es2022",
      "--lib",
      "es2022,dom",
    ];
    const { stdout } = await run(process.execPath, [join(MODULES, "typescript/bin/tsc"), ...how, ...strict, ...what], {
      cwd: project,
    }).catch((failed: { readonly stdout: string }) => failed);
    return stdout;
  };

  test.each(["bundler", "nodenext"] as const)(
    "%s: the host-free entry is typed where no player is installed",
    async (resolution) => {
      expect(await check(HOST_FREE, resolution)).toBe("");
    },
  );

  const SCRIPT = `
    /// <reference types="@interlude/plugin/interlude.min.js" />
    const ads = interlude.createPlainInsertion({ zoneUrl: "/v1/zones/1.json" });
    const texts: Promise<string>[] = [ads.stitch({ text: "", url: "/master.m3u8" })];
    const again: boolean = window.interlude === interlude;
    // @ts-expect-error: no such member
    interlude.createInsertion;`;

  test("the file for a script tag has its global typed, where no player is installed", async () => {
    expect(await check(SCRIPT, "bundler", "--skipLibCheck")).toBe("");
    const names = Object.keys(
      runInNewContext(`${await readFile(installed("dist/interlude.min.js"), "utf8")}\ninterlude`),
    );
    const declared = await readFile(installed("interlude.min.d.ts"), "utf8");
    expect([...declared.matchAll(/^ {2}readonly (\w+):/gm)].map((match) => match[1]).toSorted()).toEqual(
      names.toSorted(),
    );
  });

  test("video.js's own player has the method and the events of the plugin, where no hls.js is installed", async () => {
    await symlink(join(MODULES, "video.js"), join(project, "node_modules/video.js"));
    expect(await check(VIDEOJS, "bundler")).toBe("");
  });

  test("hls.js's own class fits the entry for hls.js", async () => {
    await symlink(join(MODULES, "hls.js"), join(project, "node_modules/hls.js"));
    expect(await check(HLS, "bundler")).toBe("");
  });

  test("every example of the docs compiles in a strict project with the players' own types", async () => {
    for (const name of ["react", "@types"])
      if (!existsSync(join(project, "node_modules", name)))
        await symlink(join(MODULES, name), join(project, "node_modules", name));
    const examples = (await readdir(EXAMPLES)).filter((name) => /\.tsx?$/.test(name));
    await cp(EXAMPLES, join(project, "examples"), { recursive: true });
    const files = examples.map((name) => join("examples", name));
    expect(files.length).toBeGreaterThan(5);
    expect(
      await compile(["--skipLibCheck", "--allowImportingTsExtensions", "--jsx", "react-jsx", ...files], "bundler"),
    ).toBe("");
  });
});
