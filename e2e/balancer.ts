/** Two Interludes on one PostgreSQL behind the nginx of docs/nginx-balancer.conf, all of them this spec's own. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../packages/server/tests/database/private-postgres.ts";
import {
  findFreePorts,
  findInstalled,
  reportMissing,
  startProcess,
} from "../packages/server/tests/targets/private-process.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

export interface Balanced {
  /** Where viewers come. */
  readonly url: URL;
  readonly instances: readonly [InterludeServer, InterludeServer];
  readonly databaseUrl: string;
  readonly close: () => Promise<void>;
}

const CONFIG = join(import.meta.dirname, "../docs/nginx-balancer.conf");

/** Content and segments are on a CDN elsewhere; here they take their own turns, so that playlists go to both instances. */
const formatMedia = (hosts: readonly string[]): readonly [upstream: string, locations: string] => [
  ["upstream media {", ...hosts.map((host) => `server ${host};`), "}"].join("\n"),
  ["live", "media"]
    .map((path) => `location /${path}/ { proxy_pass http://media; proxy_set_header Host $http_host; }`)
    .join("\n"),
];

/**
 * @param env of both instances
 * @returns undefined where nginx or PostgreSQL is not installed
 */
export async function startBalanced(env: Readonly<Record<string, string>>): Promise<Balanced | undefined> {
  const program = process.env["NGINX_PATH"] ?? findInstalled("nginx");
  if (program === undefined) return reportMissing("nginx");
  const postgres = await startPostgres();
  if (postgres === undefined) return reportMissing("PostgreSQL");
  const [port = 0] = await findFreePorts(1);
  const shared = {
    ...env,
    DATABASE_URL: postgres.url,
    INTERLUDE_TICKET_SECRET: "one-secret-for-all-instances",
    INTERLUDE_PUBLIC_HOSTS: `127.0.0.1:${port}`,
    INTERLUDE_TRUST_PROXY: "127.0.0.1",
  };
  // One after the other: the first makes the tables.
  const instances = [await startInterlude(shared), await startInterlude(shared)] as const;
  const nginx = await startNginx(
    program,
    port,
    instances.map(({ url }) => url.host),
  );
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    instances,
    databaseUrl: postgres.url,
    close: async () => {
      await nginx.stop();
      for (const instance of instances) await instance.stop();
      await postgres.stop();
    },
  };
}

async function startNginx(
  program: string,
  port: number,
  hosts: readonly string[],
): Promise<{ readonly stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "interlude-balancer-"));
  let balancer = await readFile(CONFIG, "utf8");
  const [mediaUpstream, mediaLocations] = formatMedia(hosts);
  for (const [documented, ours] of [
    ["listen 8080;", `listen 127.0.0.1:${port};\n${mediaLocations}`],
    ["server 127.0.0.1:8081 ", `server ${hosts[0]} `],
    ["server 127.0.0.1:8082 ", `server ${hosts[1]} `],
  ] as const) {
    if (balancer.split(documented).length !== 2) throw new Error(`${CONFIG}: expected one ${documented}`);
    balancer = balancer.replace(documented, ours);
  }
  const main = [
    "daemon off;",
    "master_process off;",
    `pid ${folder}/pid;`,
    "events {}",
    "http {",
    "access_log off;",
    ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`),
    mediaUpstream,
    balancer,
    "}",
  ];
  await writeFile(join(folder, "nginx.conf"), main.join("\n"));
  const nginx = await startProcess(program, ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")], port);
  return {
    stop: async () => {
      await nginx.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
