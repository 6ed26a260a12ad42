import { hash } from 'node:crypto';
import { type CallFields, type Fields, textOf } from './call.ts';

/** Names of headers that carry, or may carry, a credential. Wide on purpose: vendors invent their own. */
export const CREDENTIAL_HEADER =
  /auth|cookie|token|secret|passw|credential|session-key|api[-_]?key|access[-_]?key|subscription-key|-key$/i;

/**
 * Who is behind a call, by every name LiteLLM gives: ids and aliases, as far as they are known.
 *
 * @see LiteLLM 1.106.2, `GenericGuardrailAPIMetadata`
 */
export class Caller {
  readonly #identity: Fields;
  readonly #headers: Fields;
  readonly #isHeaderTold: ((name: string) => boolean) | undefined;
  /** Headers by their names in lower case; made once a name is asked for and some name has capitals. */
  #lowerCase: Fields | undefined;
  /** Names that were asked for: each rule asks for the same. */
  #team: readonly string[] | undefined;
  #isNamed: boolean | undefined;

  /** @param isHeaderTold true for a header that would be there if it had been sent: each, if left out and any is there */
  constructor(
    { request_data, request_headers }: Pick<CallFields, 'request_data' | 'request_headers'>,
    isHeaderTold?: (name: string) => boolean,
  ) {
    this.#identity = request_data;
    this.#headers = request_headers;
    this.#isHeaderTold = isHeaderTold;
  }

  /** False if nobody knows who calls: what is missing then can be anything. */
  get isNamed(): boolean {
    this.#isNamed ??= NAMES.some((name) => textOf(this.#identity[name]) !== undefined);
    return this.#isNamed;
  }

  get team(): readonly string[] {
    this.#team ??= this.#named(TEAM);
    return this.#team;
  }

  /** Alias and hash of the virtual key, as far as they are known. */
  get key(): readonly string[] {
    return this.#named(KEY);
  }

  /** The virtual key for people and files: its alias, or its hash; never a key itself. Null if neither is known. */
  get keyName(): string | null {
    const [alias] = this.keyAlias;
    const [key] = this.keyHash;
    return alias ?? (key === undefined ? null : keyHashOf(key));
  }

  /** Nobody chooses it. */
  get keyHash(): readonly string[] {
    return this.#named(KEY_HASH);
  }

  /** Chosen by whoever makes the key. */
  get keyAlias(): readonly string[] {
    return this.#named(KEY_ALIAS);
  }

  /** User id and e-mail address. */
  get user(): readonly string[] {
    return this.#named(USER);
  }

  /** Chosen by the client: its `user`, its metadata or a header. */
  get endUser(): readonly string[] {
    return this.#named(END_USER);
  }

  /** The value of a header, case ignored; undefined if it was not sent, `[present]` if LiteLLM withholds its value. */
  header(name: string): string | undefined {
    this.#lowerCase ??= withLowerCaseNames(this.#headers);
    const lower = name.toLowerCase();
    const value = Object.hasOwn(this.#lowerCase, lower) ? this.#lowerCase[lower] : undefined;
    return typeof value === 'string' ? value : undefined;
  }

  /** True if it is known what a header was, or that it was not sent. */
  isHeaderTold(name: string): boolean {
    const value = this.header(name);
    if (value !== undefined) return value !== '[present]';
    return this.#isHeaderTold?.(name) ?? Object.keys(this.#headers).length > 0;
  }

  #named(names: readonly string[]): readonly string[] {
    const found: string[] = [];
    for (const name of names) {
      const value = textOf(this.#identity[name]);
      if (value !== undefined) found.push(value);
    }
    return found;
  }
}

// Made once: each call is asked for them
const TEAM = ['user_api_key_team_alias', 'user_api_key_team_id'];
const KEY = ['user_api_key_alias', 'user_api_key_hash'];
const KEY_ALIAS = ['user_api_key_alias'];
const KEY_HASH = ['user_api_key_hash'];
const USER = ['user_api_key_user_id', 'user_api_key_user_email'];
const END_USER = ['user_api_key_end_user_id'];

/** The hash of a virtual key; for the master key LiteLLM has a word. */
const KEY_HASH_FORM = /^(?:[0-9a-f]{64}|litellm_proxy_master_key)$/;

/**
 * The hash that LiteLLM gives as that of a virtual key; where it is none, the hash of that: a `custom_auth` can return the key itself.
 *
 * @see LiteLLM 1.110.2, `UserAPIKeyAuth`: hashes an `api_key` that begins with `sk-`, and no other
 */
export function keyHashOf(key: string): string {
  return KEY_HASH_FORM.test(key) ? key : hash('sha256', key);
}

/** One of them tells who calls. */
const NAMES = ['hash', 'team_id', 'user_id', 'alias', 'team_alias', 'user_email'].map(
  (name) => `user_api_key_${name}`,
);

/** Who calls, by all names: what a vendor may be told, and judge by. */
export function callerNames({ request_data }: Pick<CallFields, 'request_data'>): readonly unknown[] {
  return IDENTITY.map((name) => request_data[name]);
}

const IDENTITY = [...NAMES, 'user_api_key_end_user_id'];

const CAPITAL = /[A-Z]/;

function withLowerCaseNames(headers: Fields): Fields {
  for (const name in headers) {
    if (!CAPITAL.test(name)) continue;
    const entries = Object.entries(headers).filter(([, value]) => typeof value === 'string');
    return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
  }
  return headers;
}

/**
 * The name under which state of a call is kept, of bounded length; undefined for a call without an id. A client chooses that
 * id, so it stands beside the virtual key and the trace: nobody meets the state of another's call, and of a client that gives
 * all its calls one id each call has a trace of its own, unless the client chooses that too. Releases that do not tell their
 * version, before 1.81.12, tell the key of a request and not always of its response: for these it is id and trace alone.
 */
export function stateKey(
  call: Pick<CallFields, 'litellm_call_id' | 'litellm_trace_id' | 'litellm_version' | 'request_data'>,
): string | undefined {
  const { litellm_call_id: id, litellm_trace_id: trace, litellm_version } = call;
  if (id === null) return undefined;
  const key = litellm_version === null ? '' : (textOf(call.request_data.user_api_key_hash) ?? '');
  return `${bounded(key)}\n${bounded(id)}\n${trace === null ? '' : bounded(trace)}`;
}

/** As long as the hash of a virtual key, and longer than the ids that LiteLLM makes. */
const MAX_KEY_CHARS = 64;

function bounded(id: string): string {
  return id.length <= MAX_KEY_CHARS ? id : hash('sha256', id);
}
