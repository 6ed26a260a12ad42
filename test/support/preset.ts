import * as v from 'valibot';
import type { Backend } from '../../src/backends/backend.ts';
import { presetBackend } from '../../src/backends/preset/preset-backend.ts';
import { readPreset } from '../../src/backends/preset/read-preset.ts';
import { toFailure } from '../../src/backends/to-failure.ts';
import { newTextsOf } from '../../src/pipeline/new-texts.ts';
import { callOf } from './call.ts';
import { deadlineOf, fakeBackend, openHttp } from './closing.ts';
import type { Reply } from './fake-backend.ts';

type Question = {
  readonly call: Record<string, unknown>;
  readonly request?: Record<string, unknown>;
  readonly options?: Record<string, unknown>;
  /** False for none. */
  readonly secret?: string | false;
  readonly path?: string;
};

/** Asks a backend at a vendor with this reply, over HTTP: what it was sent, and its verdict or failure. */
export async function askBackend(backend: Backend, reply: Reply, question: Question) {
  const { call: fields, request, options = {}, secret = 'key-5e1f', path = '' } = question;
  const vendor = await fakeBackend(reply);
  const http = openHttp();
  const config = backend.setup({
    url: vendor.url + path,
    secret: secret === false ? undefined : secret,
    tokenUrl: undefined,
    options: v.parse(v.strictObject(backend.options), options),
    variable: () => undefined,
    readFile: () => '',
  });
  const call = callOf(fields);
  // As another thread gets it
  const state = backend.open?.(structuredClone(config), http);
  const context = { config, state, http, deadline: deadlineOf(), texts: newTextsOf(call) };
  const asked = request && callOf(request);
  const verdict = await backend.check(call, { ...context, request: () => asked }).catch(toFailure);
  return { verdict, call, seen: vendor.seen, bodies: vendor.seen.map(({ body }) => body) };
}

/** The same with a preset in YAML. */
export function askPreset(yaml: string, reply: Reply, question: Question) {
  return askBackend(presetBackend('acme', readPreset(yaml)), reply, question);
}

/** A preset can be taken in at one glance. */
export const MAX_PRESET_LINES = 40;

/** Lines of a preset that say something. */
export function presetLines(text: string): number {
  return text.trimEnd().split('\n').length;
}
