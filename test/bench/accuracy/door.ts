/** Judges texts as the bridge judges calls: by the engine of a policy file, in which one kind has its defaults. */
import { Caller } from '../../../src/guardrail/caller.ts';
import type { Engine } from '../../../src/policies/engine.ts';
import { PolicyStore } from '../../../src/policies/store.ts';
import { callOf } from '../../support/call.ts';

/** The text that a redaction put in the place of a value. */
export type Replaced = { readonly label: string; readonly value: string; readonly at: number };

export type Judged = {
  readonly verdict: 'allow' | 'block' | 'redact';
  /** The text as it goes on. */
  readonly text: string;
  /** Ids of the rules that matched. */
  readonly rules: readonly string[];
  readonly replaced: readonly Replaced[];
};

const TIMEOUT_MS = 60_000;

const LABEL = /\[([A-Z][A-Z0-9_]{2,40})\]/;

const engines = new Map<string, Engine>();

/** The engine of a chain of one kind. @throws PolicyFileError for options that the kind does not have */
export function engineWith(kind: string, options: Readonly<Record<string, unknown>> = {}): Engine {
  const file = JSON.stringify({
    pack: { name: 'accuracy', version: '1.0.0', enabled: true },
    policies: { chain: [kind] },
    policy: { [kind]: options },
  });
  const known = engines.get(file);
  if (known !== undefined) return known;
  const { engine } = new PolicyStore(() => file, { backends: [], restores: () => false });
  engines.set(file, engine);
  return engine;
}

/** Judges one text that a user sends. */
export async function judgeText(engine: Engine, text: string): Promise<Judged> {
  const { result, call } = await judgeBody(engine, { texts: [text] });
  const [passage] = call.passages.all;
  const redacted = (passage && result.texts.get(passage)) ?? text;
  const rules = result.notes.flatMap((note) => note.rules);
  const isOurs = ({ label }: Replaced) =>
    label === 'REDACTED' || rules.includes(label.toLowerCase().replaceAll('_', '-'));
  const replaced = redacted === text ? [] : replacedIn(text, redacted).filter(isOurs);
  return { verdict: result.verdict, text: redacted, rules, replaced };
}

/** Judges the body of a call. */
export async function judgeBody(engine: Engine, body: Record<string, unknown>) {
  const call = callOf(body);
  const result = await engine.judge(call, new Caller(call), { bytes: 0, timeoutMs: TIMEOUT_MS });
  return { call, result };
}

/** The values that labels stand for now. */
function replacedIn(before: string, after: string): Replaced[] {
  const parts = after.split(new RegExp(LABEL, 'g'));
  const replaced: Replaced[] = [];
  let at = parts[0]!.length;
  for (let i = 1; i < parts.length; i += 2) {
    const label = parts[i]!;
    const kept = parts[i + 1]!;
    const isLast = i + 2 === parts.length;
    const found = isLast ? before.length - kept.length : kept === '' ? at : before.indexOf(kept, at);
    const end = found < at ? at : found;
    const value = before.slice(at, end);
    if (value !== `[${label}]`) replaced.push({ label, value, at });
    at = end + kept.length;
  }
  return replaced;
}
