/** Brings the schema up to date, one instance at a time, each migration once. */
import type { Migration } from "./migration.ts";
import type { Queryable } from "./queryable.ts";

/** Any number that nothing else in the database uses as an advisory lock. */
const LOCK = 4_918_273;

/**
 * Runs the migrations that the database has not seen, in order, all in one transaction under an advisory lock, so that
 * instances which start together wait for one another. A database that is newer than the list is left as it is.
 *
 * @param runScript runs several statements on one connection, without values
 * @throws the driver's error; nothing has changed then
 */
export async function migrate(
  migrations: readonly Migration[],
  runScript: (sql: string) => Promise<void>,
  query: Queryable["query"],
): Promise<void> {
  await runScript(`
    begin;
    select pg_advisory_xact_lock(${LOCK});
    create table if not exists schema_migration (
      version integer primary key, name text not null, applied_at timestamptz not null default now());
    commit;
  `);
  const [newest] = await query<{ readonly version: number | null }>(
    "select max(version) as version from schema_migration",
  );
  const missing = migrations.filter((migration) => migration.version > (newest?.version ?? 0));
  for (const migration of missing) await runScript(migrationScript(migration));
}

/** Under the lock the check is made again: another instance may have run it meanwhile. */
function migrationScript({ version, name, sql }: Migration): string {
  const body = `${sql}\ninsert into schema_migration (version, name) values (${version}, ${quote(name)});`;
  return `
    begin;
    select pg_advisory_xact_lock(${LOCK});
    do $guard$ begin
      if not exists (select from schema_migration where version = ${version}) then execute $body$${body}$body$; end if;
    end $guard$;
    commit;
  `;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
