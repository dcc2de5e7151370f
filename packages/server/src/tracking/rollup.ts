/** Happenings by the hour: the counts that reports are made from. */

const DIMENSIONS = "zone, event, creative, ad, line_item, upstream, error, reason, mark";

/**
 * The statement that adds happenings to their hours. Who runs it in the transaction that stores them counts each once.
 *
 * @param source a relation, or a name of the statement's `with`, that has the columns of `tracking_event`
 */
export function rollUpFrom(source: string): string {
  // A stranger's texts are too long for an index: the hour's slot is found by their hash.
  return `insert into tracking_hour as total (hour, slot, ${DIMENSIONS}, count, amount)
    select hour, substring(sha256(convert_to(jsonb_build_array(${DIMENSIONS})::text, 'UTF8')) from 1 for 16),
      ${DIMENSIONS}, count, amount
    from (
      select date_trunc('hour', received_at, 'UTC') as hour, zone, event, creative, ad, line_item, upstream,
        coalesce(error, 0) as error, reason, mark, count(*) as count, sum(amount) as amount
      from ${source} group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    ) as happening
    on conflict (hour, slot) do update set count = total.count + excluded.count, amount = total.amount + excluded.amount`;
}
