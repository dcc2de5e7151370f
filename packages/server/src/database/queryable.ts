/** Where SQL can be sent: the database itself, or one transaction on it. */
export interface Queryable {
  /** One statement; `$1` … stand for `values`. Rows as the driver gives them: timestamps are `Date`, jsonb is parsed. */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}
