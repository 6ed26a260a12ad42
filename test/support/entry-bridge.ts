import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { testBridge } from './bridge.ts';

export type EntryOptions = {
  readonly env?: Record<string, string>;
  /** Texts of files beside the policy file, by name. */
  readonly files?: Record<string, string>;
};

/** A bridge with one backend, called `house`, by an entry of the policy file. Closed at the end of the test. */
export function entryBridge(entry: object, { env = {}, files = {} }: EntryOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'entry-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const policy = join(folder, 'policy.yaml');
  writeFileSync(policy, JSON.stringify({ backends: [{ name: 'house', ...entry }] }));
  const bridge = testBridge({ POLICY_FILE: policy, LOG_LEVEL: 'trace', ...env });
  onTestFinished(async () => {
    await bridge.close();
    rmSync(folder, { recursive: true });
  });
  /** Asks about texts, the newest last, and tells what was decided and why. */
  const judge = async (texts: readonly string[], more: object = {}) => {
    const { length } = bridge.lines;
    const { reply } = await bridge.ask(requestOf(texts, more));
    const failure = bridge.lines.slice(length).find(({ msg }) => msg === 'no verdict')?.failure;
    return { action: reply.action, texts: reply.texts, failure };
  };
  return { ...bridge, folder, judge };
}

let calls = 0;

function requestOf(texts: readonly string[], more: object): object {
  return {
    ...{ input_type: 'request', litellm_call_id: `call-${calls++}`, texts, model: 'house-model' },
    structured_messages: texts.map((content, i) => ({
      role: i < texts.length - 1 ? 'system' : 'user',
      content,
    })),
    ...{ litellm_version: '1.110.2', additional_provider_specific_params: { stream: false } },
    ...more,
  };
}

/** A response of the model instead of a request. */
export const RESPONSE = { input_type: 'response', structured_messages: null };
