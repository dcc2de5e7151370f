import type { Migration } from "../migration.ts";

export const creatives: Migration = {
  version: 1,
  name: "creatives and their packages",
  sql: `
      create table creative (
        zone text not null,
        key text not null,
        creative_url text not null,
        state text not null,
        attempts integer not null default 0,
        reason text,
        message text,
        retry_at timestamptz,
        -- fencing: grows with each time that a worker takes the creative up; older workers' writes then match no row
        lease integer not null default 0,
        job_id text,
        progress double precision not null default 0,
        -- the stored encoding that every package is cut from; null: none
        encoding jsonb,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        primary key (zone, key)
      );
      create index creative_by_state on creative (state);
      create table creative_package (
        zone text not null,
        key text not null,
        packaging text not null,
        target_duration integer not null,
        path text not null,
        -- names of the CDNs that have it; empty: wanted, not published yet
        cdns text[] not null default '{}',
        published_at timestamptz,
        primary key (zone, key, packaging, target_duration),
        foreign key (zone, key) references creative (zone, key) on delete cascade
      );
    `,
};
