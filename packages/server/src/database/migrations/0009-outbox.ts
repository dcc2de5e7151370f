import type { Migration } from "../migration.ts";

export const outbox: Migration = {
  version: 9,
  name: "beacons that wait to be sent",
  sql: "select 1;",
};
