import { removeCredentials } from '../../detectors/remove.ts';
import { formatPointer, type Pointer } from '../../guardrail/pointer.ts';

const MAX_POINTERS = 100;

/** Collects JSON pointers: a hundred are kept, the rest is counted. A credential in a key is not repeated. */
export class PointerList {
  readonly #pointers = new Set<string>();
  #more = 0;

  add(path: readonly (string | number)[]): void {
    if (this.#pointers.size < MAX_POINTERS) this.#pointers.add(removeCredentials(formatPointer(path)));
    else this.#more++;
  }

  list(): readonly string[] {
    return this.#more === 0 ? [...this.#pointers] : [...this.#pointers, `+${this.#more} more`];
  }
}

type Container = Record<string, unknown>;

/**
 * Erases from a document what pointers lead to, and lists it. All pointers are resolved before anything moves.
 *
 * @param hidesKeys true if a key that `*` stands for is listed as `*`
 */
export function erase(
  document: unknown,
  pointers: readonly Pointer[],
  erased: PointerList,
  hidesKeys: boolean,
): void {
  const doomed = new Map<object, Set<string>>();
  const resolve = (value: unknown, pointer: Pointer, path: readonly string[]) => {
    const segment = pointer[path.length];
    if (segment === undefined || typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      if (segment !== '*' && segment !== key) continue;
      const here = [...path, segment === '*' && hidesKeys && !Array.isArray(value) ? '*' : key];
      if (here.length < pointer.length) {
        resolve((value as Container)[key], pointer, here);
        continue;
      }
      const keys = doomed.get(value) ?? new Set();
      if (!keys.has(key)) erased.add(here);
      doomed.set(value, keys.add(key));
    }
  };
  for (const pointer of pointers) resolve(document, pointer, []);
  for (const [container, keys] of doomed) {
    if (Array.isArray(container)) {
      const others = container.filter((_, index) => !keys.has(String(index)));
      container.length = 0;
      for (const item of others) container.push(item);
    } else for (const key of keys) delete (container as Container)[key];
  }
}
