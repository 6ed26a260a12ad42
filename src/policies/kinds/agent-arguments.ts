import { parseInner } from '../../guardrail/json.ts';
import { nameWords } from './agent-path.ts';
import { mcpArguments } from './mcp-arguments.ts';
import type { ToolCall } from './tool-calls.ts';

/** The content of a tool call's arguments. */
export type Arguments = {
  /** Every string, number and name, with the name of the argument it stands in. */
  readonly values: readonly { readonly name: string; readonly text: string }[];
  /** The largest amount of each object in them. */
  readonly amounts: readonly number[];
  /** True if the input was truncated. */
  readonly isTooMuch: boolean;
  /** False if they are not JSON: then the raw text is the first value. */
  readonly isJson: boolean;
  /** True if an amount may be among what LiteLLM does not show. */
  readonly hidesAmounts: boolean;
};

/** Most UTF-16 units and values of the arguments of all calls in a response; more than models can write. */
const MAX_CHARS = 500_000;
const MAX_VALUES = 20_000;
/** Most levels of JSON in strings of JSON. */
const MAX_NESTED = 4;
const AMOUNT_NAME = /^(?:amount|value|total|price)s?$/;
const MAYBE_AMOUNT_NAME = /amount|value|total|price/i;
const isAmountName = (name: string) =>
  MAYBE_AMOUNT_NAME.test(name) && nameWords(name).some((word) => AMOUNT_NAME.test(word));
/** `"name": "text"` and `"name": 12` in what is no JSON, or none yet. */
const PAIR = /"([\w-]{1,64})"\s{0,8}:\s{0,8}(?:"([^"\\]{0,4096})"|"?([-+]?\d[\d.,eE+-]{0,30}))/g;

/** Reads the arguments of tool calls that are judged together, JSON in strings of JSON too. */
export function readArguments(calls: readonly Pick<ToolCall, 'arguments' | 'mcp'>[]): Arguments[] {
  const left = { chars: MAX_CHARS, values: MAX_VALUES };
  return calls.map((call) => readOne(call, left));
}

function readOne(
  { arguments: raw, mcp }: Pick<ToolCall, 'arguments' | 'mcp'>,
  left: { chars: number; values: number },
): Arguments {
  const values: { name: string; text: string }[] = [];
  const amounts: number[] = [];
  left.chars -= raw.length;
  if (left.chars < 0) return { values, amounts, isTooMuch: true, isJson: false, hidesAmounts: false };

  const add = (name: string, text: string) => {
    if (--left.values >= 0) values.push({ name, text });
  };
  /** The largest amount of what belongs to one object; the objects within it have their own. */
  const walk = (value: unknown, name: string, isAmount: boolean, nested: number): number => {
    if (left.values < 0) return 0;
    if (typeof value === 'number') {
      add(name, String(value));
      return isAmount ? Math.abs(value) : 0;
    }
    if (typeof value === 'string') {
      add(name, value);
      const inner = nested > 0 && /^\s{0,64}["[{]/.test(value) ? parseInner(value) : undefined;
      if (inner !== undefined) walk(inner, name, false, nested - 1);
      return isAmount ? amountOf(value) : 0;
    }
    if (Array.isArray(value)) {
      for (const item of value) {
        const amount = walk(item, name, isAmount, nested);
        if (amount > 0) amounts.push(amount);
      }
    } else if (typeof value === 'object' && value !== null) {
      let largest = 0;
      for (const [key, item] of Object.entries(value)) {
        add('', key);
        largest = Math.max(largest, walk(item, key, isAmountName(key), nested));
      }
      if (largest > 0) amounts.push(largest);
    }
    return 0;
  };

  if (mcp !== undefined) {
    const { nameOf, mayHaveAmounts, hidesAmounts } = mcpArguments(mcp, isAmountName);
    const all = mcp.texts.map((text) => walk(text, nameOf(text), mayHaveAmounts, MAX_NESTED));
    amounts.push(all.reduce((largest, amount) => Math.max(largest, amount), 0));
    return { values, amounts, isTooMuch: left.values < 0, isJson: true, hidesAmounts };
  }
  const parsed = parseInner(raw);
  if (parsed !== undefined) walk(parsed, '', false, MAX_NESTED);
  else {
    add('', raw);
    for (const [, name = '', text, number] of raw.matchAll(PAIR)) {
      if (left.values < 0) break;
      if (text !== undefined) add(name, text);
      const amount = isAmountName(name) ? amountOf(number ?? text ?? '') : 0;
      if (amount > 0) amounts.push(amount);
    }
  }
  return { values, amounts, isTooMuch: left.values < 0, isJson: parsed !== undefined, hidesAmounts: false };
}

/** The number in a text such as `$1,200.50`, `1.200,50 EUR` or `12e3`, without its sign; 0 if it is no amount. */
function amountOf(text: string): number {
  const [, digits] = /^\D{0,8}?(\d[\d.,_' ]{0,30}(?:[eE]\+?\d{1,3})?)\D{0,8}$/.exec(text.trim()) ?? [];
  if (digits === undefined) return 0;
  const close = digits.replace(/[_' ]/g, '');
  const isCommaDecimal = /,\d{1,2}$/.test(close) && !/,.*,/.test(close);
  const number = Number(
    isCommaDecimal ? close.replaceAll('.', '').replace(',', '.') : close.replaceAll(',', ''),
  );
  return Number.isNaN(number) ? 0 : number;
}
