import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { testBridge } from './bridge.ts';

/** `builtin`: without a file. `default`: the file of the examples. `reversible`: personal data is put back into responses. */
export type PolicyName = 'builtin' | 'default' | 'reversible';

/** The texts of a call after a reply. */
export type Fate = { readonly action: unknown; readonly texts: readonly string[]; readonly all: string };

const DEFAULT = fileURLToPath(new URL('../../examples/policies/default.yaml', import.meta.url));

const REVERSIBLE = {
  policies: { chain: ['secrets', 'pii-detector'] },
  policy: { secrets: { action: 'redact' }, 'pii-detector': { redaction: { reversible: true } } },
};

/** As LiteLLM's newest release tells of each call. */
const told = (id: string) => ({ litellm_version: '1.110.2', litellm_call_id: id, model: 'house' });

/** Bridges with some policies, until the tests of the file are over. */
export function policyBridges() {
  const folder = mkdtempSync(join(tmpdir(), 'text-cases-'));
  const reversible = join(folder, 'reversible.yaml');
  writeFileSync(reversible, JSON.stringify(REVERSIBLE));
  const bridges = {
    builtin: testBridge({}),
    default: testBridge({ POLICY_FILE: DEFAULT, RESPONSE_REDACTION: 'rewrite' }),
    reversible: testBridge({ POLICY_FILE: reversible, RESPONSE_REDACTION: 'rewrite' }),
  };
  afterAll(async () => {
    await Promise.all(Object.values(bridges).map((bridge) => bridge.close()));
    rmSync(folder, { recursive: true });
  });
  let calls = 0;

  /** Posts a request, whose texts are messages of a user unless it says otherwise, and a response to it; the fate of the last. */
  return async (policy: PolicyName, request: Request, response?: Request): Promise<Fate> => {
    const id = `call-${++calls}`;
    const messages = request.texts.map((content) => ({ role: 'user', content }));
    const bodies: (Request & Record<string, unknown>)[] = [
      { input_type: 'request', ...told(id), structured_messages: messages, ...request },
    ];
    if (response !== undefined) bodies.push({ input_type: 'response', ...told(id), ...response });
    let reply: Record<string, unknown> = {};
    for (const body of bodies) reply = (await bridges[policy].ask(body)).reply;
    const { action, texts = bodies.at(-1)?.texts, structured_messages } = reply;
    const all = stringsIn([texts, structured_messages]).join('\n');
    return { action, texts: texts as string[], all };
  };
}

type Request = { readonly texts: readonly string[] };

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
