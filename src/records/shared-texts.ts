import type { SharedNotes } from '../outbox/contract.ts';
import { OutboxError } from '../outbox/contract.ts';
import { idAt, isResponseAt, noteBytes, textAt } from '../outbox/note-bytes.ts';
import { orNothing, type SharedKey, type SharedState } from '../state/shared-state.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { TextLine } from './protocol.ts';
import { areFirst, type ResponseTexts, type TextPart } from './response-texts.ts';

/** A stream without a round for so long may be over: its text is shared. The second look for it is later. */
const QUIET_MS = 250;
/** Times that it is looked for such streams, in milliseconds. */
const TICK_MS = 50;
const SHARED_MS = 10 * 60_000;

type Name = Pick<TextLine, 'litellm_call_id' | 'litellm_trace_id' | 'key'>;
type Waiting = { readonly name: Name; readonly call: number; since: number };
/** As it is shared: the rounds of a stream that one replica saw. */
type Share = { readonly name: Name; readonly parts: readonly TextPart[] };

export type SharedTextsOptions = {
  readonly state: SharedState;
  readonly notes: Pick<SharedNotes, 'about'>;
  readonly responseTexts: ResponseTexts;
  readonly pendingCalls: Pick<PendingCalls, 'numberOf'>;
  readonly onBug: (error: unknown) => void;
};

/**
 * Shares what was delivered of streams, so that the replica to which LiteLLM logs one finds its last text. They are content: they are encrypted
 * where they are kept, and for some minutes. A response of one round is shared only if another replica has seen a round of it.
 */
export class SharedTexts {
  readonly #options: SharedTextsOptions;
  /** Calls whose text is not shared as it is now, by number. */
  readonly #waiting = new Map<number, Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SharedTextsOptions) {
    this.#options = options;
  }

  /** There is another round of a response. */
  changed({ litellm_call_id, litellm_trace_id, key }: TextLine, call: number): void {
    const name = { litellm_call_id, litellm_trace_id, ...(key !== undefined && { key }) };
    this.#waiting.delete(call);
    this.#waiting.set(call, { name, call, since: performance.now() });
    this.#plan();
  }

  /** Reads what other replicas have of these streams. */
  async read(callIds: readonly string[]): Promise<void> {
    if (callIds.length === 0) return;
    const { state, pendingCalls, responseTexts } = this.#options;
    const shares = await orNothing(state.readShares(callIds.map(keyOf)));
    for (const all of shares?.values() ?? []) {
      for (const share of all) {
        if (share === null) continue;
        const { name, parts } = JSON.parse(share.toString()) as Share;
        const call = pendingCalls.numberOf({ ...name });
        if (call !== undefined) for (const part of parts) responseTexts.addPart(call, part);
      }
    }
  }

  #plan(): void {
    if (this.#waiting.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#share(performance.now() - QUIET_MS)
        .catch(this.#options.onBug)
        .finally(() => this.#plan());
    }, TICK_MS).unref();
  }

  async #share(before: number): Promise<void> {
    const { state, responseTexts } = this.#options;
    const quiet: Waiting[] = [];
    for (const waiting of this.#waiting.values()) {
      if (waiting.since > before) break;
      this.#waiting.delete(waiting.call);
      quiet.push(waiting);
    }
    const once = quiet.filter(({ call }) => areFirst(responseTexts.partsOf(call)));
    const elsewhere = await this.#judgedElsewhere(once.map(({ name }) => name.litellm_call_id ?? ''));
    for (const { name, call } of once)
      if (elsewhere.has(name.litellm_call_id ?? '')) responseTexts.isOneOfSeveral(call);
    const entries = quiet.flatMap(({ name, call }) => {
      const id = name.litellm_call_id;
      const parts = responseTexts.partsOf(call);
      if (id === null || parts.length === 0 || areFirst(parts)) return [];
      const share: Share = { name, parts };
      return [{ key: keyOf(id), value: Buffer.from(JSON.stringify(share)), ttlMs: SHARED_MS }];
    });
    if (entries.length > 0) await orNothing(state.writeShares(entries));
  }

  /** Those of these calls whose response another replica judged too. */
  async #judgedElsewhere(callIds: readonly string[]): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    if (callIds.length === 0) return ids;
    try {
      for (const bytes of await this.#options.notes.about(callIds)) {
        const note = noteBytes(bytes);
        if (isResponseAt(note, 0)) ids.add(textAt(note, idAt(note, 0)));
      }
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
    }
    return ids;
  }
}

const keyOf = (callId: string): SharedKey => `streamed_texts:${callId}`;
