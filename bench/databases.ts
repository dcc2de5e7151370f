/** The databases that a bench is run on: the embedded one, a PostgreSQL of its own, or one after the other. */
import { startPostgres } from "../packages/server/tests/database/private-postgres.ts";
import type { Row } from "./table.ts";

export interface BenchDatabase {
  /** Neither of the two calls `fsync` here: PGlite never does, and a PostgreSQL that is thrown away need not. */
  readonly name: "PGlite" | "PostgreSQL";
  /** Settings of the server that is to use it. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param which of `--database`: embedded, postgres or both; a PostgreSQL that is not installed is left out */
export async function benchOnEach(
  which: string,
  run: (database: BenchDatabase) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  if (!["embedded", "postgres", "both"].includes(which))
    throw new Error(`--database: expected embedded, postgres or both, got ${which}`);
  const embedded = which === "postgres" ? [] : await run({ name: "PGlite", env: {} });
  const postgres = which === "embedded" ? undefined : await startPostgres();
  if (!postgres) return embedded;
  try {
    return [...embedded, ...(await run({ name: "PostgreSQL", env: { DATABASE_URL: postgres.url } }))];
  } finally {
    await postgres.stop();
  }
}
