import type { GuardrailCall } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import type { Decision } from '../guardrail/decision.ts';
import type { ResponseWiring, ToldKind } from '../litellm/response-wiring.ts';
import type { PolicyNeeds } from '../policies/engine.ts';
import type { MarkerValues } from '../policies/markers.ts';
import type { PolicyStore, ReplicatedPolicies } from '../policies/store.ts';
import {
  MAX_VALUE_BYTES,
  type SharedKey,
  type SharedPart,
  type SharedState,
  type StateEntry,
  StateError,
} from '../state/shared-state.ts';
import type { KeptRequests } from './call-handler.ts';
import { forwardedBytes } from './request-memory.ts';

/** As long as a replica by itself remembers them. */
const TTL_MS = 15 * 60_000;
const NO_NEEDS: PolicyNeeds = { plan: false, markers: false, asked: false, judgesResponses: false };

/** What one replica knows of the calls under a state key. */
type CallPart = Partial<ReplicatedPolicies> & { readonly wiring?: ToldKind | undefined };

export type SharedCallsOptions = {
  readonly shared: SharedState;
  readonly wiring: ResponseWiring;
  readonly policies: PolicyStore | undefined;
  readonly requests: KeptRequests;
  /** True while some backend judges responses, and is glad of their request. */
  readonly wantsRequests: () => boolean;
  /** True while calls are recorded. */
  readonly isRecording: () => boolean;
  /** Called with a mistake of ours that nobody waits for. */
  readonly failed: (error: unknown, call: GuardrailCall) => void;
};

/** A call under a state key. */
export type KeyedCall = { readonly call: GuardrailCall; readonly key: string; readonly body: Buffer };

/**
 * Tells other replicas of calls under a state key, and asks them, whichever of them judges a part of it. Before a response is judged, all that the
 * others wrote is added to what is known here; before a request goes on, what its response will be judged by is written: each only where
 * something that is configured goes by it. If that fails, the call goes on with what is known here.
 */
export class SharedCalls {
  readonly #options: SharedCallsOptions;
  /** Parts that are known here since they were read. */
  readonly #told = new WeakSet<Buffer>();
  /** True once there was a request whose response may be a stream: then each is told of, also one of which there is nothing to tell. */
  #tellsAll = false;

  constructor(options: SharedCallsOptions) {
    this.#options = options;
  }

  /** Adds what other replicas know to what is known here, before a response is judged; undefined if nothing goes by it. */
  before({ call, key }: KeyedCall): Promise<void> | undefined {
    if (call.input_type !== 'response') return undefined;
    const { plan, markers, asked } = this.#needs;
    const { wiring, wantsRequests } = this.#options;
    const goesByWiring = this.#mayRedact && wiring.goesByOthers(call);
    const keys: SharedKey[] = [];
    // The others come with their request, or it is not kept
    const isAskedFor = call.door === undefined && call.shape !== 'mcp_result';
    if (isAskedFor && wantsRequests()) keys.push(`requests:${key}`);
    if (plan || asked || goesByWiring) keys.push(`calls:${key}`);
    if (markers && wiring.restores(call)) keys.push(`markers:${key}`);
    if (keys.length === 0) return undefined;
    return this.#read(key, keys).then((known) => {
      const isKnown = known !== undefined && (known.has(`calls:${key}`) || !this.#tellsAll);
      // Rather blocked than redacted where LiteLLM would drop that
      if (!isKnown && goesByWiring) wiring.tell(key, 'texts');
    });
  }

  /** Reads the request of a call that is to be recorded. */
  async fetchRequest(key: string): Promise<void> {
    await this.#read(key, [`requests:${key}`]);
  }

  /**
   * Writes what other calls will be judged by.
   *
   * @param keepsRequest true for a request that somebody may ask for
   * @returns what the reply has to wait for, if anything
   */
  forwarded(
    { call, key, body }: KeyedCall,
    forwarded: GuardrailCall,
    keepsRequest: boolean,
  ): Promise<void> | undefined {
    const { wiring, policies, wantsRequests } = this.#options;
    const entries: StateEntry[] = [];
    const known = wiring.told(key);
    wiring.seen(call);
    const isNew = wiring.told(key) !== known;
    if (call.input_type === 'response') {
      if (isNew && this.#mayRedact) entries.push(...this.#callEntries(key));
      return this.#write(entries);
    }
    const { plan, asked, markers } = this.#needs;
    // Finds out if it is recorded
    if (plan) policies?.engine.receivers(call, new Caller(call));
    const mayStream = this.#mayRedact && wiring.goesByOthers(call);
    this.#tellsAll ||= mayStream;
    if (plan || asked || this.#mayRedact) entries.push(...this.#callEntries(key, mayStream));
    const values = markers && forwarded !== call ? policies?.markersOf(key) : undefined;
    if (values !== undefined) entries.push(entryOf(`markers:${key}`, Buffer.from(JSON.stringify(values))));
    if (!keepsRequest) return this.#write(entries);
    // One that is too long is only counted
    const isLong = body.length > MAX_VALUE_BYTES;
    const request = entryOf(`requests:${key}`, isLong ? body : forwardedBytes(call, forwarded, body));
    if (wantsRequests()) return this.#write([...entries, request]);
    // Nobody waits for what only a record needs
    if (this.#needs.judgesResponses || call.door !== undefined)
      this.#write([request])?.catch((error: unknown) => this.#options.failed(error, call));
    return this.#write(entries);
  }

  /**
   * Reads what the record of a blocked response needs. A blocked request has no response, but another one under its id may have: it is
   * no laxer for it.
   */
  blocked({ call, key }: KeyedCall): Promise<void> | undefined {
    const { isRecording, wantsRequests } = this.#options;
    if (call.input_type === 'request')
      return this.#needs.plan ? this.#write(this.#callEntries(key)) : undefined;
    return isRecording() && !wantsRequests() ? this.fetchRequest(key) : undefined;
  }

  get #needs(): PolicyNeeds {
    return this.#options.policies?.engine.needs ?? NO_NEEDS;
  }

  /** True if somebody may redact responses. */
  get #mayRedact(): boolean {
    return this.#needs.judgesResponses || this.#options.wantsRequests();
  }

  /** All that is known here of the calls under a state key; nothing if nothing is, unless that is told too. */
  #callEntries(key: string, tellsNothing = false): readonly StateEntry[] {
    const { policies, wiring } = this.#options;
    const part: CallPart = { ...policies?.toldReplicas(key), wiring: wiring.told(key) };
    const { models, place, isUnrecorded } = part.plan ?? {};
    const isEmpty = [models, place, isUnrecorded || undefined, part.asked, part.wiring].every(
      (told) => told === undefined,
    );
    return isEmpty && !tellsNothing ? [] : [entryOf(`calls:${key}`, Buffer.from(JSON.stringify(part)))];
  }

  /** Tells what was read, and returns which of it was there; undefined if nothing could be read. */
  async #read(key: string, keys: readonly SharedKey[]): Promise<ReadonlySet<SharedKey> | undefined> {
    try {
      const read = await this.#options.shared.readShares(keys);
      for (const [name, parts] of read) this.#tell(key, name, parts);
      return new Set(read.keys());
    } catch (error) {
      if (error instanceof StateError) return undefined;
      throw error;
    }
  }

  #tell(key: string, name: SharedKey, parts: readonly SharedPart[]): void {
    const { policies, requests } = this.#options;
    const last = parts.at(-1);
    const newest = last instanceof Buffer && !this.#told.has(last) ? last : undefined;
    if (name.startsWith('calls:')) this.#tellCalls(key, parts, newest);
    else if (newest !== undefined && name.startsWith('markers:'))
      policies?.replaceMarkers(key, JSON.parse(newest.toString()) as MarkerValues);
    else if (newest !== undefined) requests.keep(key, newest);
    for (const part of parts) if (part !== null) this.#told.add(part);
  }

  /** All of them count, as those of one replica do: none loosens another. */
  #tellCalls(key: string, parts: readonly SharedPart[], newest: Buffer | undefined): void {
    const { policies, wiring } = this.#options;
    for (const part of parts) {
      if (part === null || this.#told.has(part)) continue;
      const told = JSON.parse(part.toString()) as CallPart;
      policies?.tellReplicated(key, { plan: told.plan, asked: part === newest ? told.asked : undefined });
      if (told.wiring !== undefined && wiring.told(key) !== 'texts') wiring.tell(key, told.wiring);
    }
  }

  async #writeAll(entries: readonly StateEntry[]): Promise<void> {
    try {
      await this.#options.shared.writeShares(entries);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
    }
  }

  #write(entries: readonly StateEntry[]): Promise<void> | undefined {
    return entries.length === 0 ? undefined : this.#writeAll(entries);
  }
}

const entryOf = (key: SharedKey, value: Uint8Array): StateEntry => ({ key, value, ttlMs: TTL_MS });

/** How a call is shared while it is judged. */
export class SharedCall {
  readonly #calls: SharedCalls;
  readonly #call: KeyedCall;
  readonly #keepsRequest: boolean;
  #isWritten = false;
  #writing: Promise<void> | undefined;

  constructor(calls: SharedCalls, call: KeyedCall, keepsRequest: boolean) {
    this.#calls = calls;
    this.#call = call;
    this.#keepsRequest = keepsRequest;
  }

  /** What has to be known before a response is judged, if anything. */
  before(): Promise<void> | undefined {
    return this.#calls.before(this.#call);
  }

  /** Told of the call before backends are asked: it is written meanwhile. */
  readonly forwarding = (forwarded: GuardrailCall): void => {
    this.#isWritten = true;
    this.#writing = this.#calls.forwarded(this.#call, forwarded, this.#keepsRequest);
  };

  /** What has to be known before a decision is told and sent, if anything. */
  decided({ outcome: { kind }, forwarded }: Decision): Promise<void> | undefined {
    if (kind === 'block') return this.#calls.blocked(this.#call);
    if (kind === 'cancelled') return undefined;
    if (!this.#isWritten) this.forwarding(forwarded);
    return this.#writing;
  }
}
