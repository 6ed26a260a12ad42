import { describe, expect, test } from 'vitest';
import { mcpToolOf } from '../../src/guardrail/mcp-tool.ts';
import { callOf } from '../support/call.ts';
import { type Definition, mcpBeside, mcpCall, mcpListed, mcpResult } from '../support/mcp.ts';

/** Who wrote each of `texts`. */
const authors = (body: Record<string, unknown>) => {
  const { passages, texts } = callOf(body);
  return passages.all.slice(0, texts.length).map(({ author }) => author);
};
const described = (parameters: object, descriptions: string[]): Definition => ({
  description: '',
  parameters,
  descriptions,
});

describe('of a call of an MCP tool', () => {
  test('the name, the description, the schema and the arguments are known', () => {
    expect(mcpToolOf(callOf(mcpCall(['Ada Frost', 'ask'])))).toMatchObject({
      name: 'lookup',
      description: 'Look a person up in the directory.',
      schema: { title: 'lookupArguments' },
      texts: ['Ada Frost', 'ask'],
    });
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    ['descriptions are the tool’s and arguments the model’s', mcpCall(['Ada']), ['tool', 'tool', 'model']],
    [
      'an argument that repeats a description is an argument',
      mcpCall(["The person's full name"]),
      ['tool', 'tool', 'model'],
    ],
    ['a list has descriptions alone', mcpListed(), ['tool', 'tool']],
    ['beside the call there are arguments alone', mcpBeside(['Look it up.']), ['model']],
    [
      'descriptions within descriptions of lists are told',
      mcpCall(
        ['x'],
        described({ anyOf: [{ description: 'a' }, { items: { description: 'b' } }] }, ['a', 'b']),
      ),
      ['tool', 'tool', 'model'],
    ],
    [
      'an argument called description has no text of its own there',
      mcpCall(['x'], described({ properties: { description: { type: 'string' } } }, [])),
      ['model'],
    ],
    [
      'the order of keys that are numbers does not matter',
      mcpCall(
        ['x'],
        described({ properties: { 2: { description: 'two' }, 1: { description: 'one' } } }, ['two', 'one']),
      ),
      ['tool', 'tool', 'model'],
    ],
    [
      'a text at the place of a description is no description for that',
      mcpCall(['x'], { descriptions: ['Another text.'] }),
      ['model', 'model'],
    ],
    ['a result is the tool’s', mcpResult('a', 'b'), ['tool', 'tool']],
  ])('%s', (_, body, expected) => {
    expect(authors(body)).toEqual(expected);
  });

  test.each<[string, Record<string, unknown>, boolean]>([
    ['is read in a list', mcpListed(), true],
    ['is not read again in a call', mcpCall(['Ada']), false],
    ['is read in a call that does not show its descriptions', mcpCall(['Ada'], { descriptions: [] }), true],
  ])('the rest of the definition %s', (_, body, isRead) => {
    expect(callOf(body).passages.all.some(({ place, text }) => place === 'tool' && text === 'Limit')).toBe(
      isRead,
    );
  });

  test.each([
    ['no function', [{ type: 'mcp' }]],
    ['no object', ['lookup']],
    ['a description that is no text', [{ function: { name: 7, description: [1], parameters: 'x' } }]],
  ])('one with %s has no name and no schema', (_, tools) => {
    expect(mcpToolOf(callOf(mcpCall(['a'], {}, { tools })))).toEqual({
      name: '',
      description: '',
      schema: {},
      texts: ['Look a person up in the directory.', "The person's full name", 'a'],
    });
  });

  test('any other call is none', () => {
    expect(mcpToolOf(callOf({ texts: ['a'] }))).toBeUndefined();
    expect(mcpToolOf(callOf(mcpResult('a')))).toBeUndefined();
  });
});
