import type { Migration } from "../migration.ts";

export const deliveries: Migration = {
  version: 11,
  name: "what the campaign file has delivered",
  sql: "select 1;",
};
