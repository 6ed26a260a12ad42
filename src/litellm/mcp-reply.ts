import type { GuardrailCall, PassageTexts } from '../guardrail/call.ts';
import { fieldsOf, parseInner } from '../guardrail/json.ts';
import { InnerNodes, MAX_NODES } from '../guardrail/json-nodes.ts';
import { mcpToolOf } from '../guardrail/mcp-tool.ts';
import { keysOf } from '../guardrail/read-passages.ts';

/**
 * True if LiteLLM puts new texts of a call of an MCP tool, or of its result, in their places. The arguments, descriptions in a
 * list and the texts of a result it rewrites; of a definition nothing else, of `structuredContent` no key and no number.
 *
 * @see LiteLLM 1.110.2, litellm/proxy/mcp_server/guardrail_translation/handler.py
 */
export function isMcpRewritable(call: GuardrailCall, texts: PassageTexts): boolean {
  if (call.shape === 'mcp_result') {
    const start = labelsFrom(call.texts);
    return [...texts.keys()].every(({ index }) => index < start);
  }
  if (isBesideTheCall(call)) return false;
  const shown = new Set(call.texts);
  // Texts repeat the descriptions: what is found in one is found in the other
  const isShown = (keys: readonly (string | number)[]) =>
    keys[2] === 'function' && keys.at(-1) === 'description';
  return [...texts.keys()].every(
    ({ place, isKey, path, text }) =>
      place === 'text' || (!isKey && isShown(keysOf(path)) && shown.has(text)),
  );
}

/**
 * True for arguments without any definition, as `during_mcp_call` shows them: LiteLLM drops a redaction that comes beside the
 * call. A tool without description and arguments of its own looks the same.
 */
function isBesideTheCall(call: GuardrailCall): boolean {
  const tool = mcpToolOf(call);
  if (tool === undefined || tool.texts.length === 0 || tool.description !== '') return false;
  const { properties, type: _, additionalProperties: __, ...others } = tool.schema;
  return Object.keys(fieldsOf(properties)).length === 0 && Object.keys(others).length === 0;
}

type Content = { readonly strings: string[]; readonly labels: string[] };

/**
 * The index of the first of the keys and numbers of `structuredContent`, which come last. As a rule a text has the whole of it
 * as JSON, or it is that text under one key; otherwise nobody tells, LiteLLM blocks by itself, and it is the number of texts.
 */
function labelsFrom(texts: readonly string[]): number {
  const inner = new InnerNodes(MAX_NODES);
  for (const text of new Set(texts)) {
    const contents: Content[] = [{ strings: [text], labels: ['result'] }];
    const value = /^\s{0,64}[[{]/.test(text) && inner.add(text) ? parseInner(text) : undefined;
    if (value !== undefined) contents.push(contentOf(value), contentOf({ result: value }));
    for (const { strings, labels } of contents) {
      const start = texts.length - labels.length;
      const ends = texts.slice(Math.max(1, start - strings.length));
      if (labels.length > 0 && isSame(ends, [...strings, ...labels]) && isSame(texts.slice(start), labels))
        return start;
    }
  }
  return texts.length;
}

function contentOf(value: unknown, found: Content = { strings: [], labels: [] }): Content {
  if (typeof value === 'string') found.strings.push(value);
  else if (typeof value === 'number') found.labels.push(String(value));
  else if (Array.isArray(value)) for (const item of value) contentOf(item, found);
  else
    for (const [key, item] of Object.entries(fieldsOf(value))) {
      found.labels.push(key);
      contentOf(item, found);
    }
  return found;
}

/** Python orders keys, and writes numbers such as `1.0`, otherwise. */
function isSame(shown: readonly string[], expected: readonly string[]): boolean {
  const normal = (texts: readonly string[]) =>
    texts.map((text) => (/^-?\d[\d.eE+-]*$/.test(text) ? String(Number(text)) : text)).sort();
  const others = normal(expected);
  return shown.length === expected.length && normal(shown).every((text, i) => text === others[i]);
}
