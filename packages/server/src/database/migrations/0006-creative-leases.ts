import type { Migration } from "../migration.ts";

export const creativeLeases: Migration = {
  version: 6,
  name: "leases that are never given twice",
  sql: `
      -- a creative that is forgotten and asked for again must not meet the lease of a worker of the row before
      create sequence creative_lease as integer;
      select setval('creative_lease', (select coalesce(max(lease), 0) + 1 from creative), false);
    `,
};
