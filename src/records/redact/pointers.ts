import { removeCredentials } from '../../detectors/remove.ts';
import { formatPointer, type Pointer } from '../../guardrail/pointer.ts';

const MAX_POINTERS = 100;

/** Collects pointers: the first hundred are written out, the rest is counted. A credential in a key is not repeated. */
export function createPointerList() {
  const pointers = new Set<string>();
  let more = 0;
  return {
    add(path: readonly (string | number)[]) {
      if (pointers.size < MAX_POINTERS) pointers.add(removeCredentials(formatPointer(path)));
      else more++;
    },
    list: (): readonly string[] => (more === 0 ? [...pointers] : [...pointers, `+${more} more`]),
  };
}
export type PointerList = ReturnType<typeof createPointerList>;

type Container = Record<string, unknown>;

type Erasing = {
  readonly erased: PointerList;
  /** Whether keys that `*` stands for are not told: they can be content. */
  readonly hidesKeys: boolean;
};

/** Removes what the pointers lead to, and notes where it stood. All are resolved before anything moves. */
export function erase(document: unknown, pointers: readonly Pointer[], { erased, hidesKeys }: Erasing): void {
  const places = new Map<object, Set<string>>();
  const resolve = (value: unknown, pointer: Pointer, path: readonly string[]) => {
    const segment = pointer[path.length];
    if (segment === undefined || typeof value !== 'object' || value === null) return;
    const keys = segment === '*' ? Object.keys(value) : has(value, segment) ? [segment] : [];
    for (const key of keys) {
      const here = [...path, segment === '*' && hidesKeys && !Array.isArray(value) ? '*' : key];
      if (here.length < pointer.length) {
        resolve((value as Container)[key], pointer, here);
        continue;
      }
      const known = places.get(value) ?? new Set();
      places.set(value, known);
      if (known.has(key)) continue;
      known.add(key);
      erased.add(here);
    }
  };
  for (const pointer of pointers) resolve(document, pointer, []);
  for (const [container, keys] of places) {
    if (Array.isArray(container)) keepOthers(container, keys);
    else for (const key of keys) delete (container as Container)[key];
  }
}

/** An index is written without leading zeros; `length` is a property and no element. */
function has(container: object, segment: string): boolean {
  return Object.hasOwn(container, segment) && !(Array.isArray(container) && segment === 'length');
}

function keepOthers(list: unknown[], indexes: ReadonlySet<string>): void {
  const others = list.filter((_, index) => !indexes.has(String(index)));
  list.length = 0;
  for (const item of others) list.push(item);
}
