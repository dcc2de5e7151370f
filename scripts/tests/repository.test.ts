/**
 * Facts about the repository that no compiler checks: who may import whom, that no imports form a cycle, that every name core
 * exports is documented.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--", "*.ts", "*.tsx"], {
  cwd: root,
  encoding: "utf8",
});
const files = listed.split("\n").filter((file) => file !== "" && existsSync(join(root, file)));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

const PACKAGE_SOURCE: Readonly<Record<string, string>> = {
  "@interlude/core": "packages/core/src/index.ts",
  "@interlude/plugin": "packages/plugin/src/index.ts",
  "@interlude/plugin/hls": "packages/plugin/src/hls.ts",
  "@interlude/server": "packages/server/src/server.ts",
  "@interlude/server/config": "packages/server/src/config.ts",
  "@interlude/server/xml": "packages/server/src/xml.ts",
};

const IMPORT = /(?:^|\n)\s*(?:import|export)\s(type\s)?(?:[^"';]*?\sfrom\s)?\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/g;

function readImports(file: string): readonly Import[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(IMPORT)].map((match) => {
    const name = match[2] ?? match[3] ?? "";
    const to = name.startsWith(".") ? normalize(join(dirname(file), name)) : (PACKAGE_SOURCE[name] ?? name);
    return { from: file, to, isType: match[1] !== undefined };
  });
}

const imports = files.flatMap(readImports);

function isUnder(path: string, ...folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}

function broken(rule: (edge: Import) => boolean): readonly string[] {
  return imports.filter(rule).map((edge) => `${edge.from} -> ${edge.to}`);
}

describe("boundaries", () => {
  const core = "packages/core/src";
  const plugin = "packages/plugin/src";
  const server = "packages/server/src";

  test("core imports nothing but itself", () => {
    expect(broken((edge) => isUnder(edge.from, core) && !isUnder(edge.to, core))).toEqual([]);
  });

  test("plugin and server import core and never each other; neither imports the demo, the benchmarks or the e2e suite", () => {
    const outer = ["demo", "e2e", "bench"];
    expect(broken((edge) => isUnder(edge.from, plugin) && isUnder(edge.to, server, ...outer))).toEqual([]);
    expect(broken((edge) => isUnder(edge.from, server) && isUnder(edge.to, plugin, ...outer))).toEqual([]);
  });

  test("the console knows core at most: it talks to the server by HTTP", () => {
    const console = "packages/console/src";
    const others = ["packages/server", "packages/plugin", "demo", "e2e", "bench"];
    expect(imports.some((edge) => isUnder(edge.from, console))).toBe(true);
    expect(broken((edge) => isUnder(edge.from, console) && isUnder(edge.to, ...others))).toEqual([]);
    expect(broken((edge) => isUnder(edge.from, core, plugin, server) && isUnder(edge.to, "packages/console"))).toEqual(
      [],
    );
  });

  test("inside core, ads and playlists do not know each other", () => {
    expect(broken((edge) => isUnder(edge.from, `${core}/ads`) && isUnder(edge.to, `${core}/hls`))).toEqual([]);
    expect(broken((edge) => isUnder(edge.from, `${core}/hls`) && isUnder(edge.to, `${core}/ads`))).toEqual([]);
  });

  test("the parts of the server meet only in app.ts", () => {
    const parts = ["manifest", "crs", "ads", "tracking", "origin", "targets"].map((part) => `${server}/${part}`);
    const partOf = (path: string): string | undefined => parts.find((part) => isUnder(path, part));
    const crossing = broken((edge) => {
      const [from, to] = [partOf(edge.from), partOf(edge.to)];
      return from !== undefined && to !== undefined && from !== to;
    });
    expect(crossing).toEqual([]);
  });

  test("hosts and ffmpeg come in at one place", () => {
    expect(broken((edge) => isUnder(edge.from, plugin) && edge.to === "hls.js" && !edge.isType)).toEqual([]);
    const drivers = imports
      .filter((edge) => edge.to === "fluent-ffmpeg" && isUnder(edge.from, "packages"))
      .map((edge) => edge.from);
    expect(new Set(drivers)).toEqual(new Set([`${server}/crs/ffmpeg.ts`]));
  });

  test("no file imports itself through others", () => {
    const graph = Map.groupBy(imports, (edge) => edge.from);
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): readonly string[] => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return [];
      done.add(file);
      return (graph.get(file) ?? []).flatMap((edge) => visit(edge.to, [...path, file]));
    };
    expect(files.flatMap((file) => visit(file, []))).toEqual([]);
  });
});

describe("documentation", () => {
  test("every name that core exports has a docstring", () => {
    const declaration = /^export (?:async )?(?:abstract )?(?:function|const|class|interface|type|let)\s+(\w+)/;
    const bare = files
      .filter((file) => isUnder(file, "packages/core/src"))
      .flatMap((file) => {
        const lines = readFileSync(join(root, file), "utf8").split("\n");
        return lines.flatMap((line, i) => {
          const name = declaration.exec(line)?.[1];
          const isBare = name !== undefined && !(lines[i - 1] ?? "").trimEnd().endsWith("*/");
          return isBare ? [`${file}: ${name}`] : [];
        });
      });
    expect(bare).toEqual([]);
  });
});
