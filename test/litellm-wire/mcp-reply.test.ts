import { describe, expect, test } from 'vitest';
import { rewriteForm, rewriteReply } from '../../src/litellm/reply.ts';
import { callOf } from '../support/call.ts';
import { growthOf } from '../support/linear.ts';
import { mcpBeside, mcpCall, mcpListed, mcpResult, mcpTool } from '../support/mcp.ts';
import { textsOf } from '../support/passages.ts';

/** The texts of the reply that puts new ones in place of some; null where LiteLLM would not apply them. */
function repliedTexts(body: Record<string, unknown>, rewrites: Record<string, string>): unknown {
  const call = callOf(body);
  const texts = textsOf(call, rewrites);
  const form = rewriteForm(call, texts);
  return form && (rewriteReply(call, texts, form) as { texts?: unknown }).texts;
}

const masked = { dana: '****' };
const about = mcpTool('ask', { who: { type: 'string', title: 'x', enum: ['dana', 'bo'] } }, 'dana');

describe('a redaction of an MCP call', () => {
  test.each<[string, Record<string, unknown>, string[] | null]>([
    ['reaches an argument', mcpCall(['dana', 'b'], mcpTool('ask')), ['Does it.', '****', 'b']],
    ['reaches an argument and a description at once', mcpCall(['dana'], about), ['****', '****']],
    ['reaches a description in a list', mcpListed(mcpTool('ask', {}, 'dana')), ['****']],
    [
      'reaches the description of an argument in a list',
      mcpListed({
        ...mcpTool('ask', { who: { type: 'string', description: 'dana' } }),
        descriptions: ['Does it.', 'dana'],
      }),
      ['Does it.', '****'],
    ],
    ['does not reach another part of a definition in a list', mcpListed(about), null],
    ['does not reach the name of an argument in a list', mcpListed(mcpTool('ask', { dana: {} })), null],
    ['does not reach the name of a tool in a list', mcpListed(mcpTool('dana')), null],
    ['is dropped beside the call', mcpBeside(['dana']), null],
    [
      'is dropped where the guardrail says that it runs beside the call',
      mcpCall(['dana'], {}, { additional_provider_specific_params: { mode: 'during_mcp_call' } }),
      null,
    ],
  ])('%s', (_, body, expected) => {
    expect(repliedTexts(body, masked)).toEqual(expected);
  });
});

describe('a redaction of the result of an MCP tool', () => {
  const JSON_TEXT = '{"2":"b","1":"dana"}';
  const MASKED_JSON = '{"2":"b","1":"****"}';

  test.each<[string, string[], Record<string, string>, string[] | null]>([
    ['reaches a text', ['dana'], masked, ['****']],
    [
      'reaches the strings of structured content',
      ['dana', 'dana', 'result'],
      masked,
      ['****', '****', 'result'],
    ],
    ['does not reach the key of a text', ['a', 'a', 'result'], { result: '*' }, null],
    ['does not reach a key of JSON', ['{"dana":{"n":1}}', 'dana', 'n', '1'], masked, null],
    ['does not reach a number of JSON', ['{"a":"x","n":7.0}', 'x', 'a', 'n', '7.0'], { '7.0': '*' }, null],
    ['does not reach a number in a list under one key', ['[1,7]', 'result', '1', '7'], { 7: '*' }, null],
    [
      'reaches a string of JSON, whatever the order of its keys',
      [JSON_TEXT, 'b', 'dana', '2', '1'],
      { ...masked, [JSON_TEXT]: MASKED_JSON },
      [MASKED_JSON, 'b', '****', '2', '1'],
    ],
    ['reaches JSON without structured content', ['{"a":"dana"}'], { '{"a":"dana"}': '{}' }, ['{}']],
    [
      'is left to LiteLLM where nothing tells keys from strings',
      ['Found', 'x', 'dana', '7'],
      masked,
      ['Found', 'x', '****', '7'],
    ],
  ])('%s', (_, texts, rewrites, expected) => {
    expect(repliedTexts(mcpResult(...texts), rewrites)).toEqual(expected);
  });
});

describe('a redaction takes linear time', () => {
  test('of many descriptions of a tool', () => {
    const prepare = (size: number) => {
      const descriptions = Array.from({ length: size }, (_, i) => `dana ${i}`);
      const properties = Object.fromEntries(descriptions.map((description, i) => [`p${i}`, { description }]));
      const body = mcpListed({ ...mcpTool('ask', properties), descriptions: ['Does it.', ...descriptions] });
      const call = callOf(body);
      const texts = textsOf(call, Object.fromEntries(descriptions.map((text) => [text, '****'])));
      return () => expect(rewriteForm(call, texts)).toBe('texts');
    };
    expect(growthOf(prepare, 3000)).toBeLessThan(3);
  });

  test('of a result that is JSON made of millions of objects', () => {
    const text = `[${'{},'.repeat(3_000_000)}{}]`;
    const call = callOf(mcpResult(text, 'dana'));
    const start = process.threadCpuUsage();
    expect(rewriteForm(call, textsOf(call, masked))).toBe('texts');
    const { user, system } = process.threadCpuUsage(start);
    // It would take seconds to be parsed
    expect((user + system) / 1000).toBeLessThan(1000);
  });
});
