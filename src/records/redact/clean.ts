import type { RedactionOptions } from '../../config/config.ts';
import { hasCredential, REDACTED, removeCredentials, removePersonalData } from '../../detectors/remove.ts';
import type { Fields } from '../../guardrail/call.ts';
import { type ContentKind, EVENT, isContent, kindWithin } from './content.ts';
import { bareAddress, isAddressField, isCredentialField } from './credential-field.ts';
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
  cleanObject(
    { content, path: [], masked },
    event as Container,
    content === 'full' ? 'data' : EVENT,
    '',
    false,
  );
}

type Container = Record<string, unknown>;
type Walk = {
  readonly content: KeptContent;
  /** Path of the value that is being cleaned. */
  readonly path: (string | number)[];
  readonly masked: PointerList;
};
/** The object that holds a field, and the field that holds that object. */
type Parent = { readonly owner: Container; readonly ownerField: string; readonly isHeaders: boolean };

const HEADERS = /headers?$/i;
/** No shorter key is a credential. */
const MIN_CREDENTIAL_CHARS = 20;

function cleanObject(
  walk: Walk,
  object: Container,
  kind: ContentKind,
  ownerField: string,
  isHeaders: boolean,
): void {
  const parent = { owner: object, ownerField, isHeaders };
  let hasSecretKey = false;
  for (const field in object) {
    const value = object[field];
    if (value === null || typeof value === 'boolean' || value === '') continue;
    if (field.length >= MIN_CREDENTIAL_CHARS && hasCredential(field)) hasSecretKey = true;
    walk.path.push(field);
    const safe =
      isCredentialField(field, isHeaders, value) && !isSchema(ownerField, value)
        ? withoutCredential(value)
        : cleanValue(walk, value, kindWithin(kind, field, value), field, parent);
    if (safe !== value) {
      object[field] = safe;
      walk.masked.add(walk.path);
    }
    walk.path.pop();
  }
  if (hasSecretKey) renameSecretKeys(walk, object);
}

/** Items of a list count as values of the field that holds the list. */
function cleanList(walk: Walk, list: unknown[], kind: ContentKind, field: string, parent: Parent): void {
  const secret = parent.isHeaders && isCredentialPair(list) ? 1 : -1;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    walk.path.push(index);
    const safe = index === secret ? withoutCredential(item) : cleanValue(walk, item, kind, field, parent);
    if (safe !== item) {
      list[index] = safe;
      walk.masked.add(walk.path);
    }
    walk.path.pop();
  }
}

function cleanValue(walk: Walk, value: unknown, kind: ContentKind, field: string, parent: Parent): unknown {
  const { content } = walk;
  if (typeof value === 'string') {
    if (content !== 'full' && isContent(kind, value, field, parent)) return cleanText(value, content);
    return removeCredentials(isAddressField(field) ? bareAddress(value) : value);
  }
  const isWithheld = content === 'none' && kind !== 'data' && kind !== 'plain';
  if (typeof value === 'number') return isWithheld && CONTENT_FIELDS.has(field) ? WITHHELD : value;
  if (typeof value !== 'object' || value === null) return value;
  const isHeaders = parent.isHeaders || HEADERS.test(field);
  if (Array.isArray(value)) {
    if (isWithheld && isNumbers(value)) return WITHHELD;
    cleanList(walk, value, kind, field, isHeaders === parent.isHeaders ? parent : { ...parent, isHeaders });
  } else {
    if (isWithheld && kind === 'free' && !isEmpty(value)) return WITHHELD;
    cleanObject(walk, value as Container, kind, field, isHeaders);
  }
  return value;
}

/** Fields whose numbers are content too. */
const CONTENT_FIELDS = new Set([
  'messages',
  'response',
  'content',
  'text',
  'input',
  'output',
  'prompt',
  'arguments',
  'result',
]);

/** True for embeddings, tokens and bytes: text in another form. */
function isNumbers(list: readonly unknown[]): boolean {
  return typeof list[0] === 'number' && list.every((item) => typeof item === 'number');
}

/** True for the name and value of a credential: headers are also written as a list of pairs. */
function isCredentialPair([name, value, ...more]: readonly unknown[]): boolean {
  return more.length === 0 && typeof name === 'string' && isCredentialField(name, true, value);
}

/** True for a JSON schema of a field named like a credential: its value is none. */
function isSchema(ownerField: string, value: unknown): boolean {
  return ownerField === 'properties' && typeof value === 'object';
}

/** Values that replace a credential already, LiteLLM's own among them. */
const REPLACEMENTS: ReadonlySet<unknown> = new Set(['[present]', '***REDACTED***', REDACTED]);

function withoutCredential(value: unknown): unknown {
  if (REPLACEMENTS.has(value)) return value;
  if (value === null || typeof value === 'boolean' || value === '' || isEmpty(value)) return value;
  return typeof value === 'string' && PLACEHOLDER.test(value) ? value : REDACTED;
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  for (const _ in value) return false;
  return true;
}

/** Renames keys that are a credential: in the arguments of a tool anything can be a key. */
function renameSecretKeys(walk: Walk, object: Container): void {
  for (const [field, value] of Object.entries(object)) {
    const name = removeCredentials(field);
    if (name === field) continue;
    let free = name;
    for (let count = 2; Object.hasOwn(object, free); count++) free = `${name} ${count}`;
    delete object[field];
    object[free] = value;
    walk.masked.add([...walk.path, free]);
  }
}
