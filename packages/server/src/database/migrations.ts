/**
 * The schema, as a list that only ever grows: a migration that has been released is never edited, and each one leaves the
 * tables readable by the release before it, so that instances can be replaced one by one.
 */

export interface Migration {
  /** 1, 2, 3 …, equal to its place in the list. */
  readonly version: number;
  readonly name: string;
  /** One or more statements; all of them run in one transaction. */
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [
  {
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
  },
  {
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
  },
  {
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
  },
  {
    version: 4,
    name: "when creatives were asked for, CDNs that are not to have them, and block list entries of any length",
    sql: `
      alter table creative
        -- to the hour: what nobody asks for any more is not looked after
        add column asked_at timestamptz not null default now();
      alter table creative_package
        -- names of the CDNs that an operator took it from; they get it again when it is asked for again
        add column purged_cdns text[] not null default '{}';
      -- a URL can be longer than an index entry
      drop index blocked_once;
      create unique index blocked_once on blocked (coalesce(zone, ''), kind, md5(value));
      insert into blocked (zone, kind, value, reason, is_automatic)
        select zone, 'creative', key, coalesce(reason, 'internal'), true from creative where state = 'blocked'
        on conflict do nothing;
    `,
  },
  {
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
  },
  {
    version: 6,
    name: "leases that are never given twice",
    sql: `
      -- a creative that is forgotten and asked for again must not meet the lease of a worker of the row before
      create sequence creative_lease as integer;
      select setval('creative_lease', (select coalesce(max(lease), 0) + 1 from creative), false);
    `,
  },
  {
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
  },
];
