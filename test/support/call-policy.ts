import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { Caller } from '../../src/guardrail/caller.ts';
import type { Kind, PolicyRefusal, Subject } from '../../src/policies/policy.ts';
import type { SharedState } from '../../src/state/shared-state.ts';
import { callOf } from './call.ts';

/** A policy that judges calls as such, with the messages from making it. */
export function callPolicy(
  kind: Kind,
  options: unknown,
  kept = new Map<string, unknown>(),
  state?: SharedState,
) {
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
    state,
  });
  const checkNow = (about: Subject): PolicyRefusal | undefined => {
    const refusal = policy.check?.(about);
    if (refusal instanceof Promise) throw new Error('asks what replicas share');
    return refusal;
  };
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
      return named(checkNow(subject(fields, at)));
    },
    /** The same where replicas share state, and if it was asked for. */
    async checkShared(
      fields?: Record<string, unknown>,
      at?: { now?: number },
    ): Promise<{ refusal: string | undefined; isAsked: boolean }> {
      const refusal = policy.check?.(subject(fields, { now: Date.now(), ...at }));
      return { refusal: named(await refusal), isAsked: refusal instanceof Promise };
    },
    /** The refusal of a call, or `unknown` if its model could not be compared. */
    compare(fields: Record<string, unknown>, at?: { now?: number }): string | undefined {
      const about = subject(fields, at);
      const refusal = checkNow(about);
      return refusal?.rule ?? (policy.isUncompared?.(about) ? 'unknown' : undefined);
    },
    needsMediaBackend: (fields: Record<string, unknown>) => policy.needsMediaBackend?.(subject(fields)),
  };
}

const named = (refusal: PolicyRefusal | undefined) => refusal && `${refusal.reasonCode} ${refusal.rule}`;
