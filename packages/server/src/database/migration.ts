/** One step of the schema. */
export interface Migration {
  /** 1, 2, 3 …, equal to its place in the list. */
  readonly version: number;
  readonly name: string;
  /** One or more statements; all of them run in one transaction. */
  readonly sql: string;
}
