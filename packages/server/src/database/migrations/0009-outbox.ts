import type { Migration } from "../migration.ts";

export const outbox: Migration = {
  version: 9,
  name: "beacons that wait to be sent",
  sql: `
      create table beacon_outbox (
        id bigint generated always as identity primary key,
        -- of its URL, with the port
        host text not null,
        -- where it goes, with which headers, and what the log says of it; json, not jsonb: it comes back as it was written
        beacon json not null,
        -- the instance that took it in; others send it when that one does not
        owner text not null,
        -- requests so far, the one under way included
        attempts integer not null default 0,
        created_at timestamptz not null,
        due_at timestamptz not null,
        -- null: waits. Whoever finds it set does not know whether the host has taken the request, so it is never sent again
        sending_since timestamptz
      );
      create index beacon_outbox_by_due on beacon_outbox (due_at, id) where sending_since is null;
    `,
};
