import type { Migration } from "../migration.ts";

export const tracking: Migration = {
  version: 8,
  name: "the tracking receiver",
  sql: "select 1;",
};
