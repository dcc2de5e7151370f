import type { Migration } from "../migration.ts";

export const previews: Migration = {
  version: 12,
  name: "pictures of creatives",
  sql: "select 1;",
};
