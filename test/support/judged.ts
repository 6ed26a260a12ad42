import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { Finding } from '../../src/detectors/rule.ts';
import { Scanner } from '../../src/detectors/scan/scanner.ts';
import { editedText } from '../../src/guardrail/edit.ts';
import type { CreateContext, Kind } from '../../src/policies/policy.ts';

/** A policy made from options as they stand in a file, and what was said about them. */
export function created(kind: Kind, options: unknown) {
  const said = { warnings: [] as string[], mistakes: [] as string[] };
  const context: CreateContext = {
    warn: (key, message) => void said.warnings.push(`${key}: ${message}`),
    fail: (key, message) => void said.mistakes.push(`${key}: ${message}`),
    keep: (_, make) => make(),
    readFile: (path) => readFileSync(path, 'utf8'),
  };
  return { policy: kind.create(v.parse(kind.options, options), context), ...said };
}

/** Decision of a policy on a text, the rules that found something, and the text as it goes on. */
export function judged(kind: Kind, options: unknown, text: string) {
  const { texts } = created(kind, options).policy;
  if (texts === undefined) throw new Error('it judges no texts');
  const { findings } = new Scanner(texts.rules).scan(text);
  const values = new Map<string, string[]>();
  const edit = ({ rule, start, end }: Finding) => {
    const value = text.slice(start, end);
    const known = values.get(rule.id) ?? [];
    values.set(rule.id, known);
    if (!known.includes(value)) known.push(value);
    return { start, end, text: texts.replace(rule, value, known.indexOf(value) + 1) };
  };
  return {
    verdict: texts.decide(findings),
    rules: [...new Set(findings.map(({ rule }) => rule.id))],
    text: editedText(text, findings.map(edit)),
  };
}
