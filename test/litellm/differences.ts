import { expect } from 'vitest';
import type { RecordedCall } from './recorder.ts';

/** Where our request to a vendor may differ from that of its own code, and why that is right. */
export interface Difference {
  /** Paths of fields, `*` for any one step; a path covers what lies under it. */
  path: string;
  why: string;
  /** Only for these cases; without it for all. */
  cases?: string[];
  /** Need not be met: what LiteLLM is built on decides it, which differs from one installation to the next. */
  isOptional?: boolean;
}

/** A call with the strings that hold JSON opened, so that differences name fields. */
export function aktoCall(recorded: RecordedCall | undefined) {
  return { ...http(recorded), body: open(recorded?.body) };
}

export function capsuleCall(recorded: RecordedCall | undefined) {
  return { ...http(recorded), body: recorded?.body };
}

const ownHeaders = new Set(['authorization', 'content-type', 'x-correlation-id']);

function http(recorded: RecordedCall | undefined) {
  const headers = Object.entries(recorded?.headers ?? {}).filter(([name]) => ownHeaders.has(name));
  return {
    method: recorded?.method,
    path: recorded?.path,
    query: recorded?.query,
    headers: Object.fromEntries(headers),
  };
}

function open(value: unknown): unknown {
  if (typeof value === 'string' && /^[[{]/.test(value)) {
    try {
      return open(JSON.parse(value));
    } catch {
      return value;
    }
  }
  if (Array.isArray(value)) return value.map(open);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, open(field)]));
}

/** The smallest fields that differ, with both values. */
function differences(
  theirs: unknown,
  ours: unknown,
  path = '',
): { path: string; theirs: unknown; ours: unknown }[] {
  if (Object.is(theirs, ours)) return [];
  const branch = (value: unknown) => typeof value === 'object' && value !== null;
  if (!branch(theirs) || !branch(ours) || Array.isArray(theirs) !== Array.isArray(ours)) {
    return [{ path, theirs, ours }];
  }
  const left = theirs as Record<string, unknown>;
  const right = ours as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
    differences(left[key], right[key], path === '' ? key : `${path}.${key}`),
  );
}

export function compare(
  name: string,
  theirs: unknown,
  ours: unknown,
  listed: Difference[],
  used: Set<Difference>,
): void {
  const unexpected = differences(theirs, ours).filter(({ path }) => {
    const match = listed.find((known) => covers(known.path, path) && (known.cases?.includes(name) ?? true));
    if (match) used.add(match);
    return !match;
  });
  expect(unexpected).toEqual([]);
}

function covers(pattern: string, path: string): boolean {
  const steps = path.split('.');
  return pattern
    .split('.')
    .every((step, index) => step === steps[index] || (step === '*' && steps[index] !== undefined));
}

/** A difference that no longer exists has to leave the list, case by case. */
export function unmet(listed: Difference[], used: Set<Difference>): string[] {
  return listed
    .filter((difference) => !used.has(difference) && !difference.isOptional)
    .map(({ path }) => path);
}
