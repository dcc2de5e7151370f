/** Which cells of a matrix run: `npm run test:full` has all of them, `npm test` shows each behaviour once. */

/** @param few the cells that show each behaviour */
export function selectCells<Cell>(all: readonly Cell[], few: readonly Cell[]): readonly Cell[] {
  return process.env["INTERLUDE_MATRIX"] === "full" ? all : few;
}

/**
 * As few of these cells as show, between them, each pair of values that any of them shows: a fault comes of two things that meet, hardly
 * ever of three. In the order given.
 */
export function coverPairs<Cell extends object>(cells: readonly Cell[]): readonly Cell[] {
  const open = new Set(cells.flatMap(listPairs));
  const countOpen = (cell: Cell): number => listPairs(cell).filter((pair) => open.has(pair)).length;
  const chosen = new Set<Cell>();
  while (open.size > 0) {
    const best = cells.reduce((most, cell) => (countOpen(cell) > countOpen(most) ? cell : most));
    chosen.add(best);
    for (const pair of listPairs(best)) open.delete(pair);
  }
  return cells.filter((cell) => chosen.has(cell));
}

function listPairs(cell: object): readonly string[] {
  const values = Object.entries(cell).map((entry) => JSON.stringify(entry));
  return values.flatMap((one, index) => values.slice(index + 1).map((other) => `${one} ${other}`));
}
