/** The list that a shared value holds; an empty one for none, and for a value of a release that writes another form. */
export function listIn(value: Buffer | undefined): readonly unknown[] {
  if (value === undefined) return [];
  try {
    const list: unknown = JSON.parse(value.toString());
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}
