import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { chat, messages, responses } from './endpoints.ts';
import { redacted, samples } from './policy-samples.ts';
import { policies, type PolicyWorld, startPolicyWorld } from './policy-world.ts';
import { writeFileSync } from 'node:fs';

const secret = samples.github;
const setups = {
  redact: { policy: policies({ secrets: { action: 'redact' } }), env: { ANSWER_REDACTION: 'rewrite' } },
};
describe.each(inject('releases').filter(({kind}) => kind === 'newest'))('x', (release) => {
  let world: PolicyWorld<keyof typeof setups>;
  beforeAll(async () => { world = await startPolicyWorld(release, setups); });
  afterAll(async () => { await world?.stop(); });
  const png = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';
  test('explore', async () => {
    const out: unknown[] = [];
    const chatBody = (s: string, where = 'args') => ({ ...chat.ask(''), messages: [
      { role: 'user', name: 'ada', content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }, {type:'image_url', image_url: {url: png, detail: 'low'}}] },
      { role: 'assistant', content: null, reasoning_content: 'Hm', custom_key: 1, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look_up', arguments: JSON.stringify({ q: where === 'args' ? s : 'x' }) }, extra: 5 }, { id: 'c2', type: 'function', function: { name: 'look_up', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c1', content: 'no' },
      { role: 'tool', tool_call_id: 'c2', content: 'no' },
      { role: 'assistant', content: 'x', reasoning_content: 'Hm', custom_key: 1, refusal: null },
    ]});
    const msgBody = (s: string, where = 'args') => ({ ...messages.ask(''), system: [{ type: 'text', text: where === 'system' ? `Be ${s}` : 'Be brief', cache_control: { type: 'ephemeral' } }], messages: [
      { role: 'user', content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.slice(22) } }, { type: 'document', title: 'T', source: { type: 'text', media_type: 'text/plain', data: 'a doc' } }] },
      { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature: 'sig' }, { type: 'text', text: 'look', citations: null }, { type: 'tool_use', id: 't1', name: 'look_up', input: { q: where === 'args' ? s : 'x', n: 7 } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', is_error: true, content: [{ type: 'text', text: where === 'output' ? s : 'err' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.slice(22) } }] }, { type: 'text', text: 'and?' }] },
    ]});
    const respBody = (s: string, where = 'args') => ({ ...responses.ask(''), instructions: where === 'system' ? `Be ${s}` : 'Be brief', input: [
      { role: 'user', content: [{ type: 'input_text', text: 'hi' }, { type: 'input_image', image_url: png, detail: 'low' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'abc' },
      { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'yes', annotations: [] }] },
      { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'look_up', arguments: JSON.stringify({ q: where === 'args' ? s : 'x' }), status: 'completed' },
      { type: 'function_call_output', call_id: 'c1', output: where === 'output' ? s : 'nothing' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'plum' } },
      { type: 'custom_tool_call', call_id: 'c2', name: 'shell', input: 'ls' },
      { type: 'custom_tool_call_output', call_id: 'c2', output: where === 'custom' ? s : 'files' },
      { role: 'user', content: 'And?' },
    ]});
    for (const [ep, body] of [[chat, chatBody], [messages, msgBody], [responses, respBody]] as const) {
      for (const where of ['args', 'system', 'output', 'custom']) for (const s of [redacted, secret]) {
        world.provider.reset();
        const seen = await world.send(ep, body(s, where), ['redact-pre']);
        out.push({ path: ep.path + where, s: s === secret ? 'secret' : 'clean', status: seen.status, raw: seen.status === 200 ? undefined : seen.raw, got: world.provider.calls[0]?.body });
      }
    }
    writeFileSync('/tmp/explore.json', JSON.stringify(out, null, 1));
    writeFileSync('/tmp/explore.log', JSON.stringify(world.bridges.redact.lines, null, 1));
    expect(1).toBe(1);
  });
});
