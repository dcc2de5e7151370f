import type { Migration } from "../migration.ts";

export const relay: Migration = {
  version: 10,
  name: "sightings of creatives",
  sql: `
      -- who asked for a creative that this ad server did not name: three clients within a day are believed
      create table creative_sighting (
        zone text not null,
        -- SHA-256 of the URL: a URL can be longer than an index entry
        url_hash text not null,
        -- sealed: no address is kept
        client_hash text not null,
        seen_at timestamptz not null,
        primary key (zone, url_hash, client_hash)
      );
      create index creative_sighting_by_time on creative_sighting (seen_at);
    `,
};
