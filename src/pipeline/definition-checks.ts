import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { GuardrailCall, PassageTexts } from '../guardrail/call.ts';
import { callerNames } from '../guardrail/caller.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { mcpToolOf } from '../guardrail/mcp-tool.ts';
import { boundedBy, charsOfVerdict } from '../guardrail/memory.ts';

type Judged = Extract<CheckResult, { verdict: unknown }>;

/** After this a vendor may judge differently. */
const MAX_AGE_MS = 10 * 60_000;

/**
 * A hash that tells the definition of an MCP tool from others, for a scan of nothing but a definition. The order of its texts
 * counts, which decides where a redaction goes; and who calls, as a vendor can forbid one team the tool of another.
 */
export function definitionOf(call: GuardrailCall): string | undefined {
  const { tools, texts } = call;
  return mcpToolOf(call)?.texts.length === 0
    ? hash('sha256', JSON.stringify([tools, texts, callerNames(call)]))
    : undefined;
}

/**
 * Remembers what backends said of the definitions of MCP tools: LiteLLM shows all of them whenever somebody lists the tools, and
 * again before a call. Failures are not kept.
 */
export class DefinitionChecks {
  /** By backend, caller rule and definition. */
  readonly #known = new LRUCache<string, Judged>({
    ttl: MAX_AGE_MS,
    ...boundedBy('tool definitions', ({ verdict }: Judged) => charsOfVerdict(verdict)),
  });
  readonly #running = new Map<string, Promise<CheckResult>>();

  /** The result to come; undefined where the backend has allowed the definition. */
  check(key: string, call: GuardrailCall, ask: () => Promise<CheckResult>): Promise<CheckResult> | undefined {
    const known = this.#known.get(key);
    if (known !== undefined)
      return known.verdict.kind === 'allow' ? undefined : Promise.resolve(movedTo(call, known));
    const running = this.#running.get(key);
    // A caller who left ends the check of another
    if (running !== undefined)
      return running.then((result) => ('verdict' in result ? movedTo(call, result) : ask()));
    const asked = ask().finally(() => this.#running.delete(key));
    this.#running.set(key, asked);
    return asked.then((result) => {
      if ('verdict' in result) this.#known.set(key, result);
      return result;
    });
  }
}

/** A result about the same definition in another call. */
function movedTo(call: GuardrailCall, result: Judged): Judged {
  const { verdict } = result;
  if (verdict.kind !== 'modify' || verdict.texts === null) return { ...result, seconds: 0 };
  const texts: PassageTexts = new Map(
    [...verdict.texts].flatMap(([{ index }, text]) => {
      const passage = call.passages.all[index];
      return passage === undefined ? [] : [[passage, text]];
    }),
  );
  return { ...result, seconds: 0, verdict: { ...verdict, texts } };
}
