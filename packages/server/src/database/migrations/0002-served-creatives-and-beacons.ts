import type { Migration } from "../migration.ts";

export const servedCreativesAndBeacons: Migration = {
  version: 2,
  name: "what the ad server served and what the tracking receiver got",
  sql: `
      create table served_creative (
        zone text not null,
        -- SHA-256 of the URL: a URL can be longer than an index entry
        url_hash text not null,
        creative_url text not null,
        served_at timestamptz not null,
        primary key (zone, url_hash)
      );
      create index served_creative_by_time on served_creative (served_at);
      create table beacon (
        -- the order of arrival
        id bigint generated always as identity primary key,
        received_at timestamptz not null,
        -- what happened, where: (session, break, position, ad, event, occurrence) names one happening. Nothing is thrown
        -- away on arrival; who counts decides what counts twice
        event text not null,
        zone text not null,
        session text not null,
        break text not null,
        position integer not null,
        ad text not null,
        occurrence integer not null,
        creative text not null,
        line_item text not null,
        -- as the player tells them; null: not told, or a macro that nobody filled in
        sent_at timestamptz,
        playhead double precision,
        content_playhead double precision,
        error integer,
        -- parameters that have no column
        extra jsonb not null
      );
      create index beacon_by_session on beacon (session, id);
    `,
};
