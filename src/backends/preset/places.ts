import { fieldsOf } from '../../guardrail/json.ts';
import { type Pointer, parsePointer } from '../../guardrail/pointer.ts';

type Visit = (value: unknown, key: string) => void;

/** The places in a JSON value that a pointer leads to: one, or with `*` in it any number. */
export class Places {
  readonly #segments: Pointer;
  readonly #hasMany: boolean;
  /** As a failure names it: `results.*.flagged`. */
  readonly field: string;

  constructor(pointer: string) {
    this.#segments = pointer === '' ? [] : (parsePointer(pointer) ?? []);
    this.#hasMany = this.#segments.includes('*');
    this.field = this.#segments.join('.') || 'body';
  }

  /** The first value there; undefined if there is none. */
  first(value: unknown): unknown {
    if (this.#hasMany) return this.all(value)[0];
    let at = value;
    for (const segment of this.#segments) {
      at = inside(at, segment);
      if (at === undefined) return undefined;
    }
    return at;
  }

  /**
   * All values there, in their order.
   *
   * @param withGaps true for a null where an entry that `*` stands for has nothing there
   */
  all(value: unknown, withGaps = false): readonly unknown[] {
    if (!this.#hasMany) {
      const only = this.first(value);
      return only === undefined ? [] : [only];
    }
    const found: unknown[] = [];
    const gap = withGaps ? () => found.push(null) : undefined;
    this.#walk(value, 0, '', (item) => found.push(item), gap);
    return found;
  }

  /** Visits each value there with its key; an entry of a list has its index as text. */
  each(value: unknown, visit: Visit): void {
    this.#walk(value, 0, '', visit);
  }

  /** @param gap told of an entry of a `*` that does not have what follows */
  #walk(value: unknown, depth: number, key: string, visit: Visit, gap?: () => void): void {
    const segment = this.#segments[depth];
    if (segment === undefined) visit(value, key);
    else if (segment !== '*') {
      const next = inside(value, segment);
      if (next !== undefined) this.#walk(next, depth + 1, segment, visit, gap);
      else if (this.#segments.lastIndexOf('*', depth) >= 0) gap?.();
    } else {
      const entries = Array.isArray(value) ? value.entries() : Object.entries(fieldsOf(value));
      for (const [name, item] of entries) this.#walk(item, depth + 1, String(name), visit, gap);
    }
  }
}

/** Pointers of which the first that leads to something counts. */
export function placesOf(pointers: string | readonly string[] | undefined): readonly Places[] {
  return [pointers ?? []].flat().map((pointer) => new Places(pointer));
}

/** The value at the first of some pointers that leads to one, null not counted. */
export function firstAt(places: readonly Places[], value: unknown): unknown {
  for (const place of places) {
    const found = place.first(value);
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

function inside(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return /^\d{1,9}$/.test(key) ? value[Number(key)] : undefined;
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
