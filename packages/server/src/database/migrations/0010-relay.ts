import type { Migration } from "../migration.ts";

export const relay: Migration = {
  version: 10,
  name: "sightings of creatives",
  sql: "select 1;",
};
