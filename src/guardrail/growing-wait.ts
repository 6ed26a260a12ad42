/** How waits grow: doubled by each failure in a row, up to a bound. Milliseconds. */
export type Growth = { readonly firstMs: number; readonly maxMs: number };

/** Returns the wait after some failures in a row, of which there is at least one. */
export function growing({ firstMs, maxMs }: Growth, failures: number): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1));
}
