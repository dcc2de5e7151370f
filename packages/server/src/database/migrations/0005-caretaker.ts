import type { Migration } from "../migration.ts";

export const caretaker: Migration = {
  version: 5,
  name: "whose turn it is to look after creatives",
  sql: `
      create table caretaker (
        -- one row
        id boolean primary key default true check (id),
        next_round timestamptz not null default '-infinity'
      );
      insert into caretaker default values;
    `,
};
