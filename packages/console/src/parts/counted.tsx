/** Counts by a label, the highest first. */
import type { JSX } from "preact";
import type { Counts } from "../api/server.ts";
import { formatCount } from "../format.ts";
import { Empty } from "./states.tsx";
import { Table } from "./table.tsx";

export function Counted({
  counts,
  name,
  empty,
}: {
  readonly counts: Counts;
  /** Of the labels. */
  readonly name: string;
  /** Said where all are 0. */
  readonly empty: string;
}): JSX.Element {
  const rows = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a);
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <Table
      caption={name}
      isCaptionHidden
      columns={[
        { title: name, cell: ([label]) => <code>{label}</code> },
        { title: "Count", isNumber: true, cell: ([, count]) => formatCount(count) },
      ]}
      rows={rows}
    />
  );
}
