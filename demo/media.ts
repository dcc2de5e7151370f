/**
 * Makes the demo's film and ads with ffmpeg, once. Each appears in the media folder only when it is complete; a second
 * process waits for the first; whatever is there and was made by the same recipe is kept.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { Fonts } from "./film.ts";
import { withLock } from "./lock.ts";
import { formatMaster, listRecipes, type Recipe, type SegmentSize } from "./recipes.ts";

/** Two cores are what the demo expects; x264 brings threads of its own. */
const CONCURRENCY = 2;
/** Where a recipe is made, inside the media folder so that the last step is a rename. */
const MAKING = ".making";

export interface MediaOptions {
  readonly directory: string;
  readonly ffmpegPath: string;
  readonly signal: AbortSignal;
  /** `share` from 0 to 1. Not called at all when everything is there already. */
  readonly onProgress: (share: number, title: string) => void;
}

/**
 * @throws Error when ffmpeg cannot be started or fails, with the end of what it said; whatever was complete stays
 * @throws AbortError when `signal` says so; no ffmpeg is left then
 */
export async function makeMedia(
  options: MediaOptions,
  recipes: readonly Recipe[] = listRecipes(findFonts()),
): Promise<void> {
  if (listMissing(options.directory, recipes).length === 0) return;
  await withLock(join(options.directory, ".lock"), options.signal, async () => {
    try {
      await makeAll(listMissing(options.directory, recipes), options);
    } finally {
      await rm(join(options.directory, MAKING), { recursive: true, force: true });
    }
  });
}

async function makeAll(recipes: readonly Recipe[], options: MediaOptions): Promise<void> {
  const shares = new Map(recipes.map((recipe) => [recipe.path, 0]));
  const weight = recipes.reduce((sum, recipe) => sum + recipe.weight, 0);
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const make = async (recipe: Recipe): Promise<void> => {
    await makeOne(recipe, { ...options, signal }, (share) => {
      shares.set(recipe.path, share);
      const done = recipes.reduce((sum, each) => sum + each.weight * (shares.get(each.path) ?? 0), 0);
      options.onProgress(weight === 0 ? 1 : done / weight, recipe.title);
    });
  };
  try {
    await runConcurrently(
      recipes.filter((recipe) => !recipe.isDerived),
      make,
    );
    for (const recipe of recipes.filter((each) => each.isDerived)) await make(recipe);
  } catch (error) {
    failure.abort(error);
    throw error;
  }
}

async function runConcurrently(recipes: readonly Recipe[], make: (recipe: Recipe) => Promise<void>): Promise<void> {
  const queue = [...recipes];
  const work = async (): Promise<void> => {
    for (let recipe = queue.shift(); recipe; recipe = queue.shift()) await make(recipe);
  };
  const results = await Promise.allSettled(
    Array.from({ length: CONCURRENCY }, async () => {
      try {
        await work();
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function makeOne(recipe: Recipe, options: MediaOptions, onShare: (share: number) => void): Promise<void> {
  const target = join(options.directory, recipe.path);
  const out = join(options.directory, MAKING, recipe.path);
  await rm(out, { recursive: true, force: true });
  await mkdir(recipe.rungs ? out : dirname(out), { recursive: true });
  for (const rung of recipe.rungs ?? []) await mkdir(join(out, rung.name));
  onShare(0);
  if (recipe.encode) await runFfmpeg(recipe.encode(out, options.directory), recipe.duration, options, onShare);
  if (recipe.rungs) await writeMaster(out, recipe.rungs);
  if (recipe.write) {
    const source = recipe.write.from ? await readFile(join(options.directory, recipe.write.from)) : Buffer.alloc(0);
    await writeFile(out, recipe.write.bytes(source));
  }
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(out, target);
  rememberMade(options.directory, recipe);
  onShare(1);
}

async function writeMaster(out: string, rungs: NonNullable<Recipe["rungs"]>): Promise<void> {
  const measured = await Promise.all(
    rungs.map(async (rung) => ({ ...rung, segments: await measureSegments(join(out, rung.name)) })),
  );
  await writeFile(join(out, "master.m3u8"), formatMaster(measured));
}

async function measureSegments(directory: string): Promise<readonly SegmentSize[]> {
  const text = await readFile(join(directory, "media.m3u8"), "utf8");
  const entries = [...text.matchAll(/#EXTINF:([\d.]+),\s*([^\s#]+)/g)];
  return Promise.all(
    entries.map(async ([, duration = "", name = ""]) => ({
      bytes: (await stat(join(directory, name))).size,
      duration: Number(duration),
    })),
  );
}

/** Runs ffmpeg to its end; it dies with `signal`, and with this process where the system can do that. */
async function runFfmpeg(
  args: readonly string[],
  duration: number,
  options: MediaOptions,
  onShare: (share: number) => void,
): Promise<void> {
  options.signal.throwIfAborted();
  const prefix = hasProgram("setpriv") ? ["setpriv", "--pdeathsig", "KILL", "--"] : [];
  const common = ["-hide_banner", "-loglevel", "error", "-nostdin", "-nostats", "-progress", "pipe:1", "-y"];
  const [command = options.ffmpegPath, ...rest] = [...prefix, options.ffmpegPath, ...common, ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const kill = (): void => void child.kill("SIGKILL");
  options.signal.addEventListener("abort", kill, { once: true });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const [, microseconds] = /out_time_us=(\d+)(?![\s\S]*out_time_us=\d)/.exec(text) ?? [];
    if (microseconds) onShare(Math.min(0.99, Number(microseconds) / 1e6 / duration));
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    );
    options.signal.throwIfAborted();
    if (code !== 0)
      throw new Error(`ffmpeg (${options.ffmpegPath}): expected exit code 0, got ${code}: ${said.trim()}`);
  } finally {
    options.signal.removeEventListener("abort", kill);
  }
}

function hasProgram(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => isReadable(join(folder, name), constants.X_OK));
}

function isReadable(path: string, mode: number = constants.R_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Families that are on most machines; Debian's ffmpeg brings the first through fontconfig. */
const FONT_FILES: readonly Fonts[] = [
  ["/usr/share/fonts/truetype/dejavu/DejaVuSans", ".ttf", "-Bold.ttf", "Mono.ttf"],
  ["/usr/share/fonts/dejavu-sans-fonts/DejaVuSans", ".ttf", "-Bold.ttf", ".ttf"],
  ["/usr/share/fonts/TTF/DejaVuSans", ".ttf", "-Bold.ttf", "Mono.ttf"],
  ["/usr/share/fonts/truetype/liberation/Liberation", "Sans-Regular.ttf", "Sans-Bold.ttf", "Mono-Regular.ttf"],
].map(([base, regular, bold, mono]) => ({
  regular: `${base}${regular}`,
  bold: `${base}${bold}`,
  mono: `${base}${mono}`,
}));

function findFonts(): Fonts | undefined {
  return FONT_FILES.find((fonts) => Object.values(fonts).every((path: string) => isReadable(path)));
}

/** What was made by which recipe: path → hash of everything that decides its bytes. */
const MADE = ".made.json";

function hashRecipe(recipe: Recipe): string {
  const bytes = recipe.write && !recipe.write.from ? recipe.write.bytes(Buffer.alloc(0)) : "";
  const terms = recipe.write?.terms ? [recipe.write.terms] : [];
  const text = JSON.stringify([
    recipe.encode?.("out", "media"),
    recipe.rungs,
    recipe.write?.bytes.toString(),
    ...terms,
  ]);
  return createHash("sha256").update(text).update(bytes).digest("hex");
}

function readMade(directory: string): ReadonlyMap<string, string> {
  const path = join(directory, MADE);
  const value: unknown = isReadable(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

/** Synchronous, so that two recipes that end together both stay in the list. */
function rememberMade(directory: string, recipe: Recipe): void {
  const made = new Map(readMade(directory)).set(recipe.path, hashRecipe(recipe));
  const path = join(directory, MADE);
  writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(made), undefined, 2));
  renameSync(`${path}.new`, path);
}

function listMissing(directory: string, recipes: readonly Recipe[]): readonly Recipe[] {
  const made = readMade(directory);
  return recipes.filter(
    (recipe) => made.get(recipe.path) !== hashRecipe(recipe) || !isReadable(join(directory, recipe.path)),
  );
}
