import type { Migration } from "../migration.ts";

export const previews: Migration = {
  version: 12,
  name: "pictures of creatives, and what a list of sessions needs",
  sql: `
      create table creative_preview (
        zone text not null,
        key text not null,
        -- the folder of the encoding that it was made from: another encoding is another film
        encoding text not null,
        -- JPEG
        image bytea not null,
        primary key (zone, key),
        foreign key (zone, key) references creative (zone, key) on delete cascade
      );
      create index session_by_start on session (created_at, id);
      -- of the decision, what a list counts: its texts may hold zero characters, which no JSON function takes. null: not decided
      -- yet, no break of its own, or written by a release before
      alter table session_break add column summary json;
    `,
};
