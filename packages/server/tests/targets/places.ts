/** One of each kind of target, with the public side of it: a folder, Swift, nginx. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastify } from "fastify";
import { expect } from "vitest";
import type { ObjectStore } from "../../src/object-store.ts";
import { originRoutes } from "../../src/origin/routes.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { remoteTarget } from "../../src/targets/remote-target.ts";
import { parseTargets } from "../../src/targets/target-config.ts";
import type { PrivateNginx } from "./private-nginx.ts";
import type { PrivateSwift } from "./private-swift.ts";

export interface Place {
  readonly target: ObjectStore;
  /** Where players read what is put there. */
  readonly publicUrl: URL;
}

/** One on the network: the same target by another way, or with another secret. */
export interface RemotePlace extends Place {
  readonly address: URL;
  /** @param more members of the targets file that are other than usual */
  by(address: URL, more?: object): ObjectStore;
  /** With a secret that nobody has. */
  readonly withWrongSecret: ObjectStore;
  /** What it says to that. */
  readonly refusal: string;
  /** Waits until it keeps so many files of uploads that have not ended; at once where it does not show them. */
  waitForUnfinished(count: number): Promise<void>;
}

/** What a targets file with this one target makes. */
function open(target: object): ObjectStore {
  const [settings] = parseTargets(JSON.stringify({ version: 1, targets: [target] }), "targets.json", {});
  if (settings === undefined || settings.type === "directory") throw new Error("expected a target on the network");
  return remoteTarget(settings);
}

/** A folder, served; `close` removes it. */
export async function openDirectory(name: string): Promise<Place & { close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-place-"));
  const app = fastify();
  await app.register(originRoutes, { prefix: "/cdn", cdns: { [name]: folder } });
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  const close = async (): Promise<void> => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { target: directoryStore(name, folder), publicUrl: new URL(`cdn/${name}/`, base), close };
}

export function swiftPlace(
  name: string,
  { endpoint, bucket, accessKeyId, secretAccessKey, publicUrl }: PrivateSwift,
): RemotePlace {
  const settings = { name, type: "s3", bucket, prefix: "below/this", accessKeyId };
  const by = (address: URL, more: object = {}): ObjectStore =>
    open({ ...settings, endpoint: address.href, secretAccessKey, ...more });
  return {
    target: by(endpoint),
    publicUrl: new URL("below/this/", publicUrl),
    address: endpoint,
    by,
    withWrongSecret: by(endpoint, { secretAccessKey: "nobody-has-this" }),
    refusal: "403 SignatureDoesNotMatch",
    waitForUnfinished: () => Promise.resolve(),
  };
}

export function nginxPlace(name: string, { url, token, incoming }: PrivateNginx, atomic: "put" | "move"): RemotePlace {
  const settings = { name, type: "http-put", atomic, headers: { authorization: `Bearer ${token}` } };
  const by = (address: URL, more: object = {}): ObjectStore => open({ ...settings, url: address.href, ...more });
  return {
    target: by(new URL(`${atomic}/`, url)),
    publicUrl: new URL(`${atomic}/`, url),
    address: new URL(`${atomic}/`, url),
    by: (address, more) => by(new URL(`${atomic}/`, address), more),
    withWrongSecret: by(url, { headers: { authorization: "Bearer nobody-has-this" } }),
    refusal: "expected status 2xx, got 401",
    waitForUnfinished: async (count) => {
      await expect.poll(() => readdirSync(incoming)).toHaveLength(count);
    },
  };
}
