/**
 * A database for a test that needs one of its own: a copy of one that was opened and closed once. To make PGlite's files from nothing takes a
 * processor more than two seconds, to copy them a tenth of one; that they are made from nothing is shown by database.test.ts.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/database/database.ts";
import { MIGRATIONS } from "../../src/database/migrations.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const FOLDER = join(ROOT, ".interlude/test-databases");

/** Puts an empty database, with all migrations, into `directory`, where there is none yet. */
export async function placeDatabase(directory: string): Promise<void> {
  if (existsSync(directory)) return;
  cpSync(await findModel(), directory, { recursive: true });
}

async function findModel(): Promise<string> {
  const model = join(FOLDER, nameModel());
  if (existsSync(model)) return model;
  mkdirSync(FOLDER, { recursive: true });
  const beside = mkdtempSync(join(FOLDER, ".new-"));
  await (await openDatabase({ directory: beside })).close();
  try {
    renameSync(beside, model);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(model)) throw error;
    rmSync(beside, { recursive: true, force: true });
  }
  return model;
}

/** After what is in it: our tables, and those of the packages that are installed. */
function nameModel(): string {
  const packages = readFileSync(join(ROOT, "package-lock.json"));
  return createHash("sha256").update(JSON.stringify(MIGRATIONS)).update(packages).digest("hex").slice(0, 16);
}
