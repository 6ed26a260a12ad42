import type { RedactionOptions } from '../../config/config.ts';
import { hasCredential, REDACTED, removeCredentials, removePersonalData } from '../../detectors/remove.ts';
import type { Fields } from '../../guardrail/call.ts';
import { type ContentKind, EVENT, isContent, kindWithin, type Parent } from './content.ts';
import { bareAddress, isCredentialField } from './credential-field.ts';
import type { PointerList } from './erase.ts';

/** The content that is kept: all of it, all but personal data, or nothing. Credentials never are. */
export type KeptContent = RedactionOptions['content'];

/** Replaces each text that is not kept. */
const WITHHELD = '[content withheld]';

/**
 * LiteLLM's own replacement of content. Only as a whole: whoever writes a text that contains it would otherwise choose that
 * the text is kept.
 */
const PLACEHOLDER = /^redacted[- ]by[- ]litellm(?:\. 'litellm\.turn_off_message_logging=True')?$/;

/** A text of the content, as far as it is kept. */
export function cleanText(text: string, content: KeptContent): string {
  if (text === '' || PLACEHOLDER.test(text)) return text;
  if (content === 'none') return WITHHELD;
  const safe = removeCredentials(text);
  return content === 'redacted' ? removePersonalData(safe) : safe;
}

/** Replaces in an event what is not to be kept, in one walk, and lists where. */
export function cleanEvent(event: Fields, content: KeptContent, masked: PointerList): void {
  new Cleaning(content, masked).cleanObject(
    event as Container,
    content === 'full' ? 'data' : EVENT,
    '',
    false,
  );
}

type Container = Record<string | number, unknown>;
type Holder = Parent & { readonly isHeaders: boolean };

const HEADERS = /headers?$/i;
/** No shorter key is a credential. */
const MIN_CREDENTIAL_CHARS = 20;
/** Fields whose numbers are content too. */
const NUMERIC_CONTENT = /^(?:messages|response|content|text|input|output|prompt|arguments|result)$/;

class Cleaning {
  readonly #content: KeptContent;
  readonly #masked: PointerList;
  /** Path of the value that is being cleaned. */
  readonly #path: (string | number)[] = [];

  constructor(content: KeptContent, masked: PointerList) {
    this.#content = content;
    this.#masked = masked;
  }

  cleanObject(object: Container, kind: ContentKind, ownerField: string, isHeaders: boolean): void {
    const holder = { owner: object, ownerField, isHeaders };
    let hasSecretKey = false;
    for (const field in object) {
      const value = object[field];
      if (isNothing(value)) continue;
      if (field.length >= MIN_CREDENTIAL_CHARS && hasCredential(field)) hasSecretKey = true;
      // The JSON schema of a field named like a credential is none
      const isSchema = ownerField === 'properties' && typeof value === 'object';
      const isSecret = !isSchema && isCredentialField(field, isHeaders, value);
      this.#cleanAt(object, field, isSecret, kindWithin(kind, field, value), field, holder);
    }
    if (hasSecretKey) this.#renameSecretKeys(object);
  }

  /** @param field the field that holds the value; of an item, the field that holds its list */
  #cleanAt(
    container: Container,
    key: string | number,
    isSecret: boolean,
    kind: ContentKind,
    field: string,
    holder: Holder,
  ): void {
    const value = container[key];
    this.#path.push(key);
    const safe = isSecret ? withoutCredential(value) : this.#cleaned(value, kind, field, holder);
    if (safe !== value) {
      container[key] = safe;
      this.#masked.add(this.#path);
    }
    this.#path.pop();
  }

  #cleaned(value: unknown, kind: ContentKind, field: string, holder: Holder): unknown {
    const content = this.#content;
    if (typeof value === 'string') {
      if (content !== 'full' && isContent(kind, value, field, holder)) return cleanText(value, content);
      return removeCredentials(bareAddress(field, value));
    }
    const isWithheld = content === 'none' && kind !== 'data' && kind !== 'plain';
    if (typeof value === 'number') return isWithheld && NUMERIC_CONTENT.test(field) ? WITHHELD : value;
    if (typeof value !== 'object' || value === null) return value;
    const isHeaders = holder.isHeaders || HEADERS.test(field);
    if (Array.isArray(value)) {
      if (isWithheld && isNumbers(value)) return WITHHELD;
      const isPair = isHeaders && isCredentialPair(value);
      const inner = isHeaders === holder.isHeaders ? holder : { ...holder, isHeaders };
      for (let i = 0; i < value.length; i++) {
        this.#cleanAt(value as unknown as Container, i, isPair && i === 1, kind, field, inner);
      }
    } else {
      if (isWithheld && kind === 'free' && !isEmpty(value)) return WITHHELD;
      this.cleanObject(value as Container, kind, field, isHeaders);
    }
    return value;
  }

  /** Renames keys that are a credential: in the arguments of a tool anything can be a key. */
  #renameSecretKeys(object: Container): void {
    /** How often each name was taken: many keys can have the same without their credentials. */
    const counts = new Map<string, number>();
    for (const [field, value] of Object.entries(object)) {
      const name = removeCredentials(field);
      if (name === field) continue;
      let free = name;
      let count = counts.get(name) ?? 1;
      for (; Object.hasOwn(object, free); free = `${name} ${count}`) count++;
      counts.set(name, count);
      delete object[field];
      object[free] = value;
      this.#masked.add([...this.#path, free]);
    }
  }
}

/** True for embeddings, tokens and bytes: text in another form. */
function isNumbers(list: readonly unknown[]): boolean {
  return typeof list[0] === 'number' && list.every((item) => typeof item === 'number');
}

/** True for the name and value of a credential: headers are also written as a list of pairs. */
function isCredentialPair([name, value, ...more]: readonly unknown[]): boolean {
  return more.length === 0 && typeof name === 'string' && isCredentialField(name, true, value);
}

/** Values that replace a credential already, LiteLLM's own among them. */
const REPLACEMENTS: ReadonlySet<unknown> = new Set(['[present]', '***REDACTED***', REDACTED]);

function withoutCredential(value: unknown): unknown {
  if (isNothing(value) || REPLACEMENTS.has(value)) return value;
  const isKept = typeof value === 'string' ? PLACEHOLDER.test(value) : isEmpty(value);
  return isKept ? value : REDACTED;
}

function isNothing(value: unknown): boolean {
  return value === null || typeof value === 'boolean' || value === '';
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
