/** The package as it is published, and players as they are, for pages that use nothing of this repository but those files. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "tsdown";
import type { World } from "./world.ts";

const ROOT = join(import.meta.dirname, "../..");
const PLAYERS: Readonly<Record<string, string>> = {
  "shaka-player.js": "shaka-player/dist/shaka-player.compiled.js",
  "hls.js": "hls.js/dist/hls.min.js",
  "video.js": "video.js/dist/video.min.js",
};

let files: Promise<ReadonlyMap<string, string>> | undefined;

/** Below `/lib/`: the players and the files for script tags; below `/lib/interlude/`: the modules. */
export async function answerPublished(world: World): Promise<void> {
  for (const [name, body] of await (files ??= readPublished()))
    world.answer(`/lib/${name}`, { body, type: "text/javascript" });
}

/** By name below `/lib/`. */
async function readPublished(): Promise<ReadonlyMap<string, string>> {
  const published = new Map<string, string>();
  for (const [name, path] of Object.entries(PLAYERS))
    published.set(name, await readFile(join(ROOT, "node_modules", path), "utf8"));
  const config = join(ROOT, "packages/plugin/tsdown.config.ts");
  for (const { chunks } of await build({ config, write: false, clean: false, dts: false, logLevel: "silent" })) {
    for (const chunk of chunks) {
      if (chunk.type !== "chunk") continue;
      const { fileName, code } = chunk;
      published.set(fileName.endsWith(".min.js") ? fileName : `interlude/${fileName}`, code);
    }
  }
  return published;
}
