/**
 * `npm start`: ad server, CRS, CDN, tracking receiver and a publisher's page, in one process, on media that it makes itself.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { buildServer } from "@interlude/server";
import { ConfigError, parseCampaigns, readConfig, type ServerConfig } from "@interlude/server/config";
import { waitForEnd } from "./ended.ts";
import { makeMedia } from "./media.ts";
import { buildPage, CONSOLE_PAGE, DEMO_PAGE } from "./page.ts";
import { createProgress } from "./progress.ts";
import { isLoopback, registerDemo } from "./routes.ts";

const root = join(import.meta.dirname, "..");

/** A second Ctrl-C ends the process at once; npm passes the first one on, which makes two within a moment. */
const SAME_SIGNAL_MS = 1000;

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Resolves `ended` at the first signal. */
function listenForEnd(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (): void => {
    if (first === 0) {
      first = Date.now();
      controller.abort();
    } else if (Date.now() - first > SAME_SIGNAL_MS) process.exit(130);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return controller.signal;
}

/** The port to listen on: the one that is asked for if it is free, any free one for 0. */
async function takePort(host: string, port: number): Promise<number> {
  const probe = createServer();
  try {
    return await new Promise((found, failed) => {
      probe.once("error", failed).listen({ host, port }, () => {
        const address = probe.address();
        found(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  } catch (error) {
    throw describeListenError(error, host, port);
  } finally {
    await new Promise((closed) => probe.close(closed));
  }
}

function describeListenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const other = `PORT=${port === 65_535 ? 8081 : port + 1} npm start`;
  if (code === "EADDRINUSE") {
    return new ConfigError(`PORT: ${port} on ${host} is taken by another program. Choose another one:\n  ${other}`);
  }
  if (code === "EACCES")
    return new ConfigError(`PORT: this user may not listen on ${port}. Choose another one:\n  ${other}`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new ConfigError(`HOST: expected an address of this machine, got ${host}`);
  }
  return error;
}

/** The server's own addresses: the demo's creatives come from the very server that repackages them. */
function listOwnHosts(port: number): readonly string[] {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const addresses = own.map(({ address }) => (address.includes(":") ? `[${address.split("%")[0]}]` : address));
  return [...new Set(["127.0.0.1", "localhost", "[::1]", ...addresses])].map((host) => `${host}:${port}`);
}

/** One visitor who makes creatives cold again and again is what a demo is for. */
const DEMO_LIMITS = { perClientPerHour: 600, perZonePerHour: 600 } as const;

/** The manifest server on the demo's own film; which line item and schedule the ad server is asked for says the page. */
const DEMO_MANIFEST = {
  contentOrigins: ["self"],
  adTagUrl: "/ads/vmap?zone=1",
  availTagUrl: "/ads/vast?zone=1",
  preRollTagUrl: "/ads/vast?zone=1",
  fallbackTagUrl: undefined,
  adTimeoutMs: 3000,
  startBudgetMs: 2500,
  // the second tab shows the founding workflow, in which the first viewer sees the content alone
  firstEncounter: ["skip"],
  cueFormat: undefined,
  rewriteRules: [],
  corsOrigins: undefined,
  originSecret: undefined,
} as const;

/** A zone that the operator has not set up is the demo's: its film is stitched, and any page may have its creatives repackaged. */
function completeZone(zone: ServerConfig["zones"][number], ownHosts: readonly string[]): typeof zone {
  if (zone.manifest) return zone;
  const names = new Set(ownHosts.map((host) => new URL(`http://${host}`).hostname));
  return { ...zone, manifest: DEMO_MANIFEST, creativeHosts: [...zone.creativeHosts, ...names] };
}

/** The server's settings with the demo's campaigns, and its own media allowed as creatives. */
function completeConfig(config: ServerConfig, port: number): ServerConfig {
  const file = join(import.meta.dirname, "campaigns.json");
  const hasOwn = Boolean(process.env["INTERLUDE_CAMPAIGNS"]);
  const ownHosts = listOwnHosts(port);
  return {
    ...config,
    port,
    zones: config.zones.map((zone) => completeZone(zone, ownHosts)),
    repackageLimits: process.env["INTERLUDE_QUOTA_CLIENT"] ? config.repackageLimits : DEMO_LIMITS,
    campaigns: hasOwn ? config.campaigns : parseCampaigns(readFileSync(file, "utf8"), file),
    campaignFile: hasOwn ? config.campaignFile : file,
    fetch: { ...config.fetch, allowPrivate: [...config.fetch.allowPrivate, ...ownHosts] },
  };
}

interface Directories {
  readonly media: string;
  readonly page: string;
  readonly console: string;
}

async function prepare(config: ServerConfig, directories: Directories, signal: AbortSignal) {
  const progress = createProgress(process.stderr, "Making film and ads (once)");
  const { ffmpegPath } = config.crs;
  try {
    await makeMedia({ directory: directories.media, ffmpegPath, signal, onProgress: progress.report });
  } finally {
    progress.end();
  }
  await buildPage(root, DEMO_PAGE, directories.page, signal, () => process.stderr.write("Building the page\n"));
  await buildPage(root, CONSOLE_PAGE, directories.console, signal, () => {
    process.stderr.write("Building the console\n");
  });
}

async function run(signal: AbortSignal): Promise<void> {
  const settings = readConfig(process.env);
  const config = completeConfig(settings, await takePort(settings.host, settings.port));
  const mediaDirectory = resolve(process.env["INTERLUDE_MEDIA"] || join(config.stateDir, "media"));
  const pageDirectory = join(root, ".interlude/demo");
  const consoleDirectory = join(root, ".interlude/console");
  await prepare(config, { media: mediaDirectory, page: pageDirectory, console: consoleDirectory }, signal);

  const server = await buildServer({ ...config, consoleDirectory });
  try {
    const apiToken = isLoopback(config.host) ? config.apiToken : undefined;
    await registerDemo(server.app, { mediaDirectory, pageDirectory, apiToken, now: Date.now });
    const listening = await server.start();
    const host = ["0.0.0.0", "[::]"].includes(listening.hostname) ? "127.0.0.1" : listening.hostname;
    const home = `http://${host}:${listening.port}/`;
    write(`Interlude is ready: ${home}`);
    write(`Console: ${home}console/#token=${config.apiToken}`);
    write(`API token: ${config.apiToken}`);
    await waitForEnd(signal, server.lost);
    process.stderr.write("Stopping\n");
  } catch (error) {
    throw describeListenError(error, config.host, config.port);
  } finally {
    await server.stop();
  }
}

const signal = listenForEnd();
try {
  await run(signal);
} catch (error) {
  if (!signal.aborted) {
    const isForOperator = error instanceof ConfigError || (error instanceof Error && "code" in error);
    process.stderr.write(`${isForOperator ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit();
