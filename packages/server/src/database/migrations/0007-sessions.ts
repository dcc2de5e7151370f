import type { Migration } from "../migration.ts";

export const sessions: Migration = {
  version: 7,
  name: "sessions of the manifest server",
  sql: `
      create table session (
        id text primary key,
        zone text not null,
        asset text not null,
        -- what never changes. json, not jsonb, here and below: nothing is searched, and it comes back as it was written,
        -- the order of its fields and zero characters in its texts included
        facts json not null,
        -- to the minute
        used_at timestamptz not null,
        created_at timestamptz not null default now()
      );
      create index session_by_use on session (used_at);
      -- what came later has the greater number; clocks are not that fine
      create sequence session_order;
      -- key, here and below: the name where it is short and plain, else its hash
      create table session_break (
        session text not null references session (id) on delete cascade,
        key text not null,
        break_id json not null,
        first_listed_at timestamptz not null,
        -- null: not decided yet; once it is there it stays
        decision json,
        -- tells the writer of the decision that it was the first
        writer text,
        early_return json,
        resumption json,
        primary key (session, key)
      );
      create table session_track (
        session text not null references session (id) on delete cascade,
        key text not null,
        name json not null,
        -- null: VOD
        timeline json,
        -- media sequence numbers: what is listed, and what is known from and up to; they order refreshes
        listed_through bigint,
        first_number bigint,
        edge bigint,
        asked bigint not null default nextval('session_order'),
        primary key (session, key)
      );
      create table session_cookie (
        session text not null references session (id) on delete cascade,
        key text not null,
        cookie json not null,
        saved bigint not null default nextval('session_order'),
        primary key (session, key)
      );
      create table session_claim (
        session text not null references session (id) on delete cascade,
        key text not null,
        primary key (session, key)
      );
    `,
};
