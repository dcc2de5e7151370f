import type { Migration } from "../migration.ts";

export const layersAndBlocks: Migration = {
  version: 3,
  name: "layers, sources that change, and what is blocked",
  sql: `
      alter table creative
        -- what was fetched: validators, length, hash; null: never fetched
        add column source jsonb,
        -- when the source was last found to be what it was
        add column checked_at timestamptz,
        -- once asked for, every package carries timed metadata
        add column id3 boolean not null default false,
        add column ad_system text,
        add column ad_id text,
        add column creative_id text;
      alter table creative_package
        -- names of the CDNs that have something playable that is not the whole ladder of the present source
        add column early_cdns text[] not null default '{}',
        -- uploads in a row that some CDN did not take
        add column tries integer not null default 0,
        -- why it will never be made; null: it is, or will be
        add column reason text;
      create table blocked (
        id bigint generated always as identity primary key,
        -- null: in every zone
        zone text,
        kind text not null,
        value text not null,
        reason text not null,
        is_automatic boolean not null default false,
        created_at timestamptz not null default now()
      );
      create unique index blocked_once on blocked (coalesce(zone, ''), kind, value);
    `,
};
