import { describe, expect, test } from 'vitest';
import { Caller, stateKey } from '../../src/guardrail/caller.ts';
import { PolicyFileError } from '../../src/policies/file/problems.ts';
import { defaultPolicy, PolicyStore } from '../../src/policies/store.ts';
import { callOf, toolCall } from '../support/call.ts';
import { capitals } from '../support/credentials.ts';
import { rewritesOf } from '../support/passages.ts';
import { judgeWith } from '../support/policies.ts';

const BANS = (word: string) =>
  JSON.stringify({
    policies: { chain: ['banned-keywords'] },
    policy: { 'banned-keywords': { keywords: [word] } },
  });

function storeOf(text: string, { backends = [] as readonly string[], restores = true } = {}) {
  const file = { text };
  const store = new PolicyStore(() => file.text, { backends, restores: () => restores });
  const verdict = async (fields: Record<string, unknown>) => {
    const { verdict: said, by } = await judgeWith(store.engine, callOf(fields), { timeoutMs: 20_000 });
    return by === undefined ? said : `${said} ${by.kind}`;
  };
  return { file, store, verdict };
}

describe('the policies in force', () => {
  test('are those of the file as it was last read', async () => {
    const { file, store, verdict } = storeOf(BANS('tulip'));
    file.text = BANS('crocus');
    expect(await verdict({ texts: ['tulip'] })).toBe('block banned-keywords');
    const before = store.engine;
    expect(store.reload()).toBe(true);
    expect(await verdict({ texts: ['tulip'] })).toBe('allow');
    expect(await verdict({ texts: ['crocus'] })).toBe('block banned-keywords');
    // A call that began before is judged to its end by what was in force
    expect((await judgeWith(before, callOf({ texts: ['tulip'] }), { timeoutMs: 20_000 })).verdict).toBe(
      'block',
    );
  });

  test('stay the same objects where nothing changed', () => {
    const { store } = storeOf(BANS('tulip'));
    const { version } = store.file;
    expect(store.reload()).toBe(false);
    expect(store.file.version).toBe(version);
    expect(store.engine.version).toBe(version);
  });

  test.each([
    ['no YAML', '{'],
    ['an unknown kind', JSON.stringify({ policies: { chain: ['secret'] } })],
    [
      'a wrong option',
      JSON.stringify({ policies: { chain: ['secrets'] }, policy: { secrets: { action: 'drop' } } }),
    ],
    ['nothing', ''],
  ])('stay when the file has become %s', async (_, text) => {
    const { file, store, verdict } = storeOf(BANS('tulip'));
    const { version } = store.file;
    file.text = text;
    expect(() => store.reload()).toThrow(PolicyFileError);
    expect([store.file.version, store.engine.version]).toEqual([version, version]);
    expect(await verdict({ texts: ['tulip'] })).toBe('block banned-keywords');
    file.text = BANS('crocus');
    expect(store.reload()).toBe(true);
  });

  test('need a usable file at the start', () => {
    expect(() => storeOf('{')).toThrow(PolicyFileError);
    const missing = () => {
      throw Object.assign(new Error('no'), { code: 'ENOENT' });
    };
    expect(() => new PolicyStore(missing, { backends: [], restores: () => true })).toThrow('no');
  });

  test('may only name vendors that are configured', () => {
    const text = JSON.stringify({
      policies: { chain: ['secrets'] },
      rules: [{ name: 'one', match: { team: 'x' }, backends: ['akto'] }],
    });
    expect(() => storeOf(text)).toThrow(PolicyFileError);
    expect(() => storeOf(text, { backends: ['akto'] })).not.toThrow();
  });

  test('keep their counts when they are read again', async () => {
    const firewall = (name: string) =>
      JSON.stringify({
        pack: { name },
        policies: { chain: ['agent-firewall'] },
        policy: { 'agent-firewall': { max_actions_per_session: 2 } },
      });
    const { file, store, verdict } = storeOf(firewall('one'));
    const act = (id: string) =>
      verdict({
        input_type: 'response',
        litellm_call_id: id,
        litellm_trace_id: 'session',
        tool_calls: [toolCall('{}', 'pay', id)],
      });
    expect([await act('a'), await act('b')]).toEqual(['allow', 'allow']);
    file.text = firewall('two');
    expect(store.reload()).toBe(true);
    expect(await act('c')).toBe('block agent-firewall');
  });

  test.each([
    ['unchanged', 'one', false],
    ['with other policies', 'two', true],
  ])(
    'keep the model, the share and the silence of calls under way when they are read again %s',
    (_, pack, changes) => {
      const rules = (name: string) =>
        JSON.stringify({
          pack: { name },
          policies: { chain: [] },
          rules: [
            { name: 'strict', match: { model: 'strict' }, chain: ['secrets'], records: 'none' },
            { name: 'others', mode: 'sample', sample: 50 },
          ],
        });
      const { file, store } = storeOf(rules('one'));
      const judged = (fields: object) => {
        const call = callOf({ litellm_call_id: 'c', request_data: { user_api_key_hash: 'k' }, ...fields });
        const caller = new Caller(call);
        return {
          rule: store.engine.judge(call, caller, { bytes: 9, timeoutMs: 20_000 }),
          receivers: store.engine.receivers(call, caller),
        };
      };
      expect(judged({ model: 'strict' })).toMatchObject({ rule: { callerRule: 'strict' }, receivers: [] });
      const key = stateKey(callOf({ litellm_call_id: 'c', request_data: { user_api_key_hash: 'k' } })) ?? '';
      const before = store.told(key).plan;
      expect(before).toMatchObject({ models: ['strict'], isUnrecorded: true });
      file.text = rules(pack);
      expect(store.reload()).toBe(changes);
      expect(store.told(key).plan).toEqual(before);
      const answer = judged({ input_type: 'response', model: 'gpt-4o' });
      expect(answer).toMatchObject({ rule: { callerRule: 'strict' }, receivers: [] });
    },
  );

  test('tell which files to watch, those of a file that cannot be used too', () => {
    const read = { files: ['one'], isGood: true };
    const store = new PolicyStore(() => BANS('tulip'), {
      ...{ backends: [], restores: () => true },
      readBackends: (_, report) => {
        if (!read.isGood) report.fail(['backends', 0, 'secret'], 'the file cannot be read');
        return { backends: [], files: read.files };
      },
    });
    expect(store.files).toEqual(['one']);
    Object.assign(read, { files: ['two'], isGood: false });
    expect(() => store.reload()).toThrow(PolicyFileError);
    expect(store.files).toEqual(['one', 'two']);
    read.isGood = true;
    store.reload();
    expect(store.files).toEqual(['two']);
  });

  test('keep redacted values for the response when they are read again', async () => {
    const masks = (name: string) =>
      JSON.stringify({
        pack: { name },
        policies: { chain: ['pii-detector'] },
        policy: { 'pii-detector': { redaction: { reversible: true } } },
      });
    const { file, store } = storeOf(masks('one'));
    const judge = (fields: object) =>
      judgeWith(store.engine, callOf({ litellm_call_id: 'c', ...fields }), { timeoutMs: 20_000 });
    await judge({ texts: ['ada@example.org'] });
    file.text = masks('two');
    store.reload();
    const { texts } = await judge({ input_type: 'response', texts: ['to [EMAIL_ADDRESS_1]'] });
    expect(Object.values(rewritesOf(texts))).toEqual(['to ada@example.org']);
  });

  test('put nothing back where responses may not be rewritten', async () => {
    const text = JSON.stringify({
      policies: { chain: ['pii-detector'] },
      policy: { 'pii-detector': { redaction: { reversible: true } } },
    });
    const { store } = storeOf(text, { restores: false });
    const judge = (fields: object) =>
      judgeWith(store.engine, callOf({ litellm_call_id: 'c', ...fields }), { timeoutMs: 20_000 });
    await judge({ texts: ['ada@example.org'] });
    expect((await judge({ input_type: 'response', texts: ['to [EMAIL_ADDRESS_1]'] })).texts.size).toBe(0);
  });
});

describe('without a file', () => {
  test.each([[[]], [['tulip', 'with "quotes"']]])(
    'the policies of the words %j can be read',
    async (words) => {
      const { store, verdict } = storeOf(defaultPolicy(words));
      expect(store.file).toMatchObject({ name: 'built-in', warnings: [] });
      expect(await verdict({ texts: [`AKIA${capitals(16)}`] })).toBe('block secrets');
      expect(await verdict({ texts: ['a TULIP'] })).toBe(
        words.length > 0 ? 'block banned-keywords' : 'allow',
      );
    },
  );
});
