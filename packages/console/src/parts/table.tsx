/** A table that scrolls sideways by itself where the page is narrow. */
import type { ComponentChildren, JSX } from "preact";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly isNumber?: boolean;
}

/** The first column names the row. */
export function Table<Row>({
  caption,
  columns,
  rows,
  isCaptionHidden = false,
}: {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Where a heading above says the same. */
  readonly isCaptionHidden?: boolean;
}): JSX.Element {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={isCaptionHidden ? "hidden" : ""}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" class={isNumber ? "number" : ""}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={place}>
              {columns.map((column, at) => (
                <Cell key={column.title} column={column} row={row} isName={at === 0} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<Row>({
  column,
  row,
  isName,
}: {
  readonly column: Column<Row>;
  readonly row: Row;
  readonly isName: boolean;
}): JSX.Element {
  const content = column.cell(row);
  const style = column.isNumber ? "number" : "";
  return isName ? (
    <th scope="row" class={style}>
      {content}
    </th>
  ) : (
    <td class={style}>{content}</td>
  );
}
