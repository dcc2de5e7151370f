import type { Migration } from "../migration.ts";

export const deliveries: Migration = {
  version: 11,
  name: "what the campaign file has delivered",
  sql: `
      create table delivery (
        -- hash of zone, session, break, position and ad: an impression that is told twice is one
        happening text primary key,
        line_item text not null,
        -- hash of the viewer's id, or of its session; empty: nobody knows who it was
        viewer text not null,
        delivered_at timestamptz not null
      );
      create index delivery_by_viewer on delivery (viewer, delivered_at);
      create index delivery_by_time on delivery (delivered_at);
      -- rows of delivery go when no frequency cap needs them any more, what they add up to stays
      create table delivery_total (
        line_item text primary key,
        impressions bigint not null
      );
    `,
};
