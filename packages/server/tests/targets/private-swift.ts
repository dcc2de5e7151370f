/** OpenStack Swift with its S3 API, whole and small, in a temporary folder: one disk, one copy of everything, five processes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { findFreePorts, findInstalled, type PrivateProcess, reportMissing, startProcess } from "./private-process.ts";

export interface PrivateSwift {
  readonly endpoint: URL;
  /** Exists; anybody may read it at `publicUrl`. */
  readonly bucket: string;
  readonly publicUrl: URL;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

const KINDS = ["account", "container", "object"] as const;
const PROGRAMS = ["swift-proxy-server", ...KINDS.map((kind) => `swift-${kind}-server`), "memcached"];
const CREDENTIALS = { accessKeyId: "test:tester", secretAccessKey: "testing-testing" };
const BUCKET = "creatives";
/** Objects in one page of a listing; 1,000 elsewhere. */
export const LISTING = 40;

/** undefined: Swift is not installed. */
export async function startSwift(): Promise<PrivateSwift | undefined> {
  if (PROGRAMS.some((program) => findInstalled(program) === undefined)) return reportMissing("Swift");
  const folder = mkdtempSync(join(tmpdir(), "interlude-swift-"));
  mkdirSync(join(folder, "devices/d1"), { recursive: true });
  const [proxyPort = 0, memcachedPort = 0, ...ports] = await findFreePorts(2 + KINDS.length);
  const started: PrivateProcess[] = [];
  const start = async (program: string, args: readonly string[], port: number): Promise<void> => {
    started.push(await startProcess(program, args, port));
  };
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    buildRings(folder, ports);
    const memory = ["-l", "127.0.0.1", "-p", String(memcachedPort), "-U", "0", "-m", "16", "-u", userInfo().username];
    await Promise.all([
      start("memcached", memory, memcachedPort),
      start("swift-proxy-server", [writeProxyConfig(folder, proxyPort, memcachedPort)], proxyPort),
      ...KINDS.map(async (kind, i) => {
        const port = ports[i] ?? 0;
        await start(`swift-${kind}-server`, [writeServerConfig(folder, kind, port)], port);
      }),
    ]);
    const endpoint = new URL(`http://127.0.0.1:${proxyPort}/`);
    await createBucket(endpoint);
    const publicUrl = new URL(`v1/AUTH_test/${BUCKET}/`, endpoint);
    return { endpoint, bucket: BUCKET, publicUrl, ...CREDENTIALS, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In one go: each `swift-ring-builder` command costs a quarter of a second. */
function buildRings(folder: string, ports: readonly number[]): void {
  const rings = KINDS.map((kind, i) => [join(folder, `${kind}.ring.gz`), ports[i]]);
  const script = `
import json, sys
from swift.common.ring import RingBuilder
for path, port in json.loads(sys.argv[1]):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=port, device="d1", weight=1,
                         replication_ip="127.0.0.1", replication_port=port, meta=""))
    builder.rebalance()
    builder.get_ring().save(path)
`;
  const made = spawnSync("/usr/bin/python3", ["-c", script, JSON.stringify(rings)], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`Swift's rings: ${made.stdout}${made.stderr}`);
}

/** `workers = 0`: no process of its own for each worker, so that ending it ends all. */
function formatDefaults(folder: string, port: number): readonly string[] {
  const user = `user = ${userInfo().username}`;
  return ["[DEFAULT]", "bind_ip = 127.0.0.1", `bind_port = ${port}`, "workers = 0", user, `swift_dir = ${folder}`];
}

function writeServerConfig(folder: string, kind: (typeof KINDS)[number], port: number): string {
  const path = join(folder, `${kind}-server.conf`);
  const lines = [
    ...formatDefaults(folder, port),
    `devices = ${join(folder, "devices")}`,
    "mount_check = false",
    "disable_fallocate = true",
    "fallocate_reserve = 0",
    "[pipeline:main]",
    `pipeline = ${kind}-server`,
    `[app:${kind}-server]`,
    `use = egg:swift#${kind}`,
  ];
  writeFileSync(path, lines.join("\n"));
  return path;
}

function writeProxyConfig(folder: string, port: number, memcachedPort: number): string {
  const path = join(folder, "proxy-server.conf");
  const filters = ["catch_errors", "cache", "s3api", "tempauth", "copy", "slo", "dlo"];
  const settings: Readonly<Record<string, string>> = {
    cache: `use = egg:swift#memcache\nmemcache_servers = 127.0.0.1:${memcachedPort}`,
    s3api: `use = egg:swift#s3api\nlocation = us-east-1\nmax_bucket_listing = ${LISTING}`,
    tempauth: `use = egg:swift#tempauth\nuser_test_tester = ${CREDENTIALS.secretAccessKey} .admin`,
  };
  const lines = [
    ...formatDefaults(folder, port),
    "[pipeline:main]",
    `pipeline = ${filters.join(" ")} proxy-server`,
    "[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true",
    ...filters.map((name) => `[filter:${name}]\n${settings[name] ?? `use = egg:swift#${name}`}`),
  ];
  writeFileSync(path, lines.join("\n"));
  return path;
}

async function createBucket(endpoint: URL): Promise<void> {
  const client = new S3Client({
    endpoint: endpoint.href,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: CREDENTIALS,
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET, ACL: "public-read" }));
  client.destroy();
}
