import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { Caller } from '../../src/guardrail/caller.ts';
import type { Kind, PolicyRefusal } from '../../src/policies/policy.ts';
import { callOf } from './call.ts';

/** A policy that judges calls as such, with the messages from making it. */
export function callPolicy(kind: Kind, options: unknown, kept = new Map<string, unknown>()) {
  const warned: string[] = [];
  const failed: string[] = [];
  const policy = kind.create(v.parse(kind.options, options), {
    warn: (key, message) => warned.push(`${key} ${message}`),
    fail: (key, message) => failed.push(`${key} ${message}`),
    readFile: (path) => readFileSync(path, 'utf8'),
    keep<T>(name: string, make: () => T): T {
      if (!kept.has(name)) kept.set(name, make());
      return kept.get(name) as T;
    },
  });
  const subject = (fields: Record<string, unknown> = {}, { now = 1_800_000_000_000, bytes = 100 } = {}) => {
    const call = callOf(fields);
    return { call, caller: new Caller(call), bytes, now };
  };
  return {
    policy,
    warned,
    failed,
    /** The reason code and rule of a refusal: `tool_denied tool`. */
    check(fields?: Record<string, unknown>, at?: { now?: number; bytes?: number }): string | undefined {
      const refusal: PolicyRefusal | undefined = policy.check?.(subject(fields, at));
      return refusal && `${refusal.reasonCode} ${refusal.rule}`;
    },
    /** The refusal of a call, or `unknown` if its model could not be compared. */
    compare(fields: Record<string, unknown>): string | undefined {
      const about = subject(fields);
      const refusal = policy.check?.(about);
      return refusal?.rule ?? (policy.isUncompared?.(about) ? 'unknown' : undefined);
    },
    needsMediaBackend: (fields: Record<string, unknown>) => policy.needsMediaBackend?.(subject(fields)),
  };
}
