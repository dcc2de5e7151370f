/** Which cells of a matrix run: `npm run test:full` has all of them, `npm test` shows each behaviour once. */
import { inject } from "vitest";

/** @param few the cells that show each behaviour */
export function selectCells<Cell>(all: readonly Cell[], few: readonly Cell[]): readonly Cell[] {
  return inject("isFullMatrix") ? all : few;
}
