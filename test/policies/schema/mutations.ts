/** A value at a place that was changed, and how. */
export type Mutation = { readonly what: string; readonly value: unknown };

type Container = Record<string | number, unknown>;

/** Values of other types, and numbers that are out of most bounds. */
const OTHERS: readonly unknown[] = [null, true, 'nonsense', -1, 1.5, [], ['nonsense'], {}, { nonsense: 1 }];

/** A document with one thing changed, for each thing: a key left out or misspelt, a value misspelt or of another type. */
export function* mutationsOf(document: unknown): Generator<Mutation> {
  for (const path of placesIn(document)) {
    const [key, ...above] = path.toReversed();
    if (key === undefined) continue;
    const change = (what: string, act: (around: Container) => void): Mutation => {
      const copy = structuredClone(document);
      act(above.toReversed().reduce<Container>((at, step) => at[step] as Container, copy as Container));
      return { what: `${path.join('.')}: ${what}`, value: copy };
    };
    const old = path.reduce<unknown>((at, step) => (at as Container)[step], document);
    if (typeof key === 'string') {
      yield change('left out', (around) => delete around[key]);
      yield change('misspelt', (around) => {
        delete around[key];
        around[misspelt(key)] = old;
      });
    } else yield change('twice', (around) => (around as unknown as unknown[]).push(old));
    if (typeof old === 'string') {
      for (const other of [misspelt(old), '']) yield change(`"${other}"`, (around) => (around[key] = other));
    }
    for (const other of OTHERS) {
      if (JSON.stringify(other) === JSON.stringify(old)) continue;
      yield change(JSON.stringify(other), (around) => (around[key] = structuredClone(other)));
    }
  }
}

/** Every key and every position in a list. */
function placesIn(value: unknown): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : Object.entries(value);
  return [[], ...entries.flatMap(([key, inner]) => placesIn(inner).map((path) => [key, ...path]))].filter(
    (path, index) => index === 0 || path.length > 0,
  );
}

/** With another letter in its middle. */
function misspelt(word: string): string {
  const at = Math.floor(word.length / 2);
  return word.slice(0, at) + (word[at] === 'q' ? 'z' : 'q') + word.slice(at + 1);
}
