import type { Migration } from "../migration.ts";

export const askedCreatives: Migration = {
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
};
