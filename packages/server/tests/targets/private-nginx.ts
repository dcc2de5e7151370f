/** The origin of docs/nginx-origin.conf in a temporary folder; only port, folder and token are others. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts, findInstalled, reportMissing, startProcess } from "./private-process.ts";

export interface PrivateNginx {
  readonly url: URL;
  /** What writers must send as Bearer. */
  readonly token: string;
  /** What it serves. */
  readonly root: string;
  /** Where uploads are kept until they are whole. */
  readonly incoming: string;
  stop(): Promise<void>;
}

const CONFIG = join(import.meta.dirname, "../../../../docs/nginx-origin.conf");
const TOKEN = "a-token-for-nginx";

/** undefined: nginx is not installed. */
export async function startNginx(): Promise<PrivateNginx | undefined> {
  const program = process.env["NGINX_PATH"] ?? findInstalled("nginx");
  if (program === undefined) return reportMissing("nginx");
  const folder = mkdtempSync(join(tmpdir(), "interlude-nginx-"));
  const [port = 0] = await findFreePorts(1);
  const paths = { root: join(folder, "public"), incoming: join(folder, "incoming") };
  for (const path of Object.values(paths)) mkdirSync(path);
  let origin = readFileSync(CONFIG, "utf8");
  for (const [documented, ours] of [
    ["Bearer change-me$", `Bearer ${TOKEN}$`],
    ["listen 8081;", `listen 127.0.0.1:${port};`],
    ["root /srv/interlude/public;", `root ${paths.root};`],
    ["client_body_temp_path /srv/interlude/incoming;", `client_body_temp_path ${paths.incoming};`],
  ] as const) {
    if (origin.split(documented).length !== 2) throw new Error(`${CONFIG}: expected one ${documented}`);
    origin = origin.replace(documented, ours);
  }
  const main = [
    "daemon off;",
    "master_process off;",
    `pid ${folder}/pid;`,
    "events {}",
    "http {",
    "access_log off;",
    ...["proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`),
    origin,
    "}",
  ];
  writeFileSync(join(folder, "nginx.conf"), main.join("\n"));
  const nginx = await startProcess(program, ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")], port);
  const stop = async (): Promise<void> => {
    await nginx.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: new URL(`http://127.0.0.1:${port}/`), token: TOKEN, ...paths, stop };
}
