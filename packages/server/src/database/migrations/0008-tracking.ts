import type { Migration } from "../migration.ts";

export const tracking: Migration = {
  version: 8,
  name: "beacons that are counted once, and their roll-up by the hour",
  sql: `
      create sequence tracking_event_id;
      -- one row per happening: what came twice is left out when it is loaded. Partitions, one per UTC day, are made as they are
      -- needed and dropped when they are old
      create table tracking_event (
        day date not null,
        -- what names the happening, hashed; by it a second one is known
        key uuid not null,
        -- the order of loading. A sequence, because before PostgreSQL 17 partitions have no identity columns
        id bigint not null default nextval('tracking_event_id'),
        received_at timestamptz not null,
        event text not null,
        zone text not null,
        session text not null,
        break text not null,
        position integer not null,
        ad text not null,
        occurrence integer not null,
        creative text not null,
        line_item text not null,
        upstream text not null,
        -- the player's clock, and by how many milliseconds ours was ahead when the beacon came; null: not told
        sent_at timestamptz,
        skew_ms bigint,
        playhead double precision,
        content_playhead double precision,
        error integer,
        -- why an ad was left out; empty: does not apply
        reason text not null,
        -- how many ads an answer had; 0: does not apply
        amount integer not null,
        -- signed, unsigned, forged; own: noted by a server; empty: from before there were signatures
        signature text not null,
        -- empty: counts. bot, prefetch, forged: does not, unless asked for
        mark text not null,
        extra jsonb not null,
        primary key (day, key)
      ) partition by range (day);
      create index tracking_event_by_session on tracking_event (session, id);
      create index tracking_event_by_id on tracking_event (id);
      -- happenings by hour, counted in the transaction that stores them; one partition per UTC month
      create table tracking_hour (
        hour timestamptz not null,
        -- the dimensions, hashed: a stranger's texts are too long for an index
        slot bytea not null,
        zone text not null,
        event text not null,
        creative text not null,
        ad text not null,
        line_item text not null,
        upstream text not null,
        -- 0: none
        error integer not null,
        reason text not null,
        mark text not null,
        count bigint not null,
        amount bigint not null,
        primary key (hour, slot)
      ) partition by range (hour);
      -- how far each journal is loaded, in bytes
      create table tracking_journal (
        id text primary key,
        loaded bigint not null,
        loaded_at timestamptz not null default now()
      );
      -- rows of the release before, some of them still to come while instances are replaced, are counted like journals are
      alter table beacon add column is_counted boolean not null default false;
      create index beacon_to_count on beacon (id) where not is_counted;
    `,
};
