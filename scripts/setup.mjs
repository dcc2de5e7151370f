#!/usr/bin/env node
/**
 * Installs what the command that was typed needs, and nothing else: `node scripts/setup.mjs [part …]`, the parts being those below.
 * An optional part that cannot be installed stops nobody: the tests that need it say so and are left out. With CI set, nothing
 * is optional.
 * Plain JavaScript for any Node ≥ 18, because it runs before node_modules (and so before the repository's own Node) exists.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What a command can ask for: the programs that must be found, the variables that override them (if any), and Debian's packages. */
const PARTS = {
  ffmpeg: {
    programs: [
      ["FFMPEG_PATH", "ffmpeg"],
      ["FFPROBE_PATH", "ffprobe"],
    ],
    packages: ["ffmpeg"],
  },
  // ads by a muxer that is not ffmpeg's: e2e/remux/make-creatives.ts
  gstreamer: {
    programs: [["", "gst-launch-1.0"]],
    packages: ["tools", "plugins-base", "plugins-good", "plugins-bad", "plugins-ugly", "libav"].map(
      (part) => `gstreamer1.0-${part}`,
    ),
  },
  chromium: { programs: [["CHROMIUM_PATH", "chromium"]], packages: ["chromium"] },
  firefox: { programs: [["FIREFOX_PATH", "firefox-esr"]], packages: ["firefox-esr"] },
  postgres: { programs: [["POSTGRES_PATH", "postgres"]], packages: ["postgresql"], isOptional: true },
  nginx: { programs: [["NGINX_PATH", "nginx"]], packages: ["nginx"], isOptional: true },
  swift: {
    programs: ["proxy-server", "account-server", "container-server", "object-server"]
      .map((name) => ["", `swift-${name}`])
      .concat([["", "memcached"]]),
    packages: ["swift-proxy", "swift-account", "swift-container", "swift-object", "memcached"],
    isOptional: true,
  },
};

/** Debian keeps servers there, and it out of the PATH of all but root. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin"];

/** Debian keeps PostgreSQL's programs out of PATH. */
function debianPostgresFolders() {
  const versions = "/usr/lib/postgresql";
  return existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, "bin")) : [];
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFound([variable, program]) {
  const chosen = process.env[variable];
  if (chosen) return isExecutable(chosen);
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS, ...debianPostgresFolders()];
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function installModules() {
  const lock = join(root, "package-lock.json");
  const installed = join(root, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error("setup: installing npm packages (once, about 15 s)");
  const status = run("npm", ["ci", "--loglevel=error", "--no-audit", "--no-fund"]);
  if (status !== 0) process.exit(status);
}

function installPrograms(names) {
  const missing = names.filter((name) => !PARTS[name].programs.every(isFound));
  for (const name of missing) {
    const wrong = PARTS[name].programs.find(
      ([variable]) => process.env[variable] && !isExecutable(process.env[variable]),
    );
    if (wrong) {
      console.error(`setup: ${wrong[0]}: expected an executable file, got ${process.env[wrong[0]]}`);
      process.exit(1);
    }
  }
  const isOptional = (name) => PARTS[name].isOptional && !process.env.CI;
  const required = missing.filter((name) => !isOptional(name));
  if (required.length > 0 && !installPackages(required)) process.exit(1);
  const optional = missing.filter(isOptional);
  if (optional.length > 0 && !installPackages(optional)) {
    console.error("setup: going on without; the tests that need it are left out");
  }
}

/** False: not installed, and the line to type was told. */
function installPackages(parts) {
  const packages = parts.flatMap((name) => PARTS[name].packages);
  const isRoot = process.getuid?.() === 0;
  if (isRoot && isFound(["", "apt-get"])) {
    console.error(`setup: installing ${packages.join(", ")} with apt-get (once, about 20 s)`);
    const status = withoutStartingServices(
      () => runApt(["update"]) || runApt(["-y", "--no-install-recommends", "install", ...packages]),
    );
    if (status === 0) return true;
  }
  const line = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  console.error(`setup: not found: ${parts.join(", ")}. On Debian or Ubuntu, type:\n  sudo sh -c '${line}'`);
  return false;
}

function runApt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return run("apt-get", ["-qq", ...args], { env, stdio: ["ignore", "ignore", "inherit"] });
}

/** A package's server is installed, not started: tests run private instances of their own. @see Debian policy-rc.d, exit 101 */
function withoutStartingServices(install) {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return install();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy);
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in PARTS));
if (unknown) {
  console.error(`setup: expected any of ${Object.keys(PARTS).join(", ")}, got ${unknown}`);
  process.exit(2);
}
installModules();
installPrograms(wanted);
