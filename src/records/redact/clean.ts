import { hasCredential, REDACTED, removeCredentials, removePersonalData } from '../../detectors/remove.ts';
import type { Fields } from '../../guardrail/call.ts';
import { EVENT, isContent, type Rule, ruleWithin } from './content.ts';
import { bareAddress, isAddressField, isCredentialField } from './credential-field.ts';
import type { PointerList } from './pointers.ts';

/** How much of what was said is kept: all, all but personal data, or nothing. Credentials never are. */
export type TelemetryContent = 'full' | 'redacted' | 'none';

/** Stands in the place of each text that is not kept. */
export const WITHHELD = '[content withheld]';

/**
 * What LiteLLM itself puts in the place of content. Only as a whole: a text that merely has it in it was written by
 * somebody, who would else choose what is kept.
 */
const PLACEHOLDER = /^redacted[- ]by[- ]litellm(?:\. 'litellm\.turn_off_message_logging=True')?$/;

/** A text that was said, as far as it is kept. */
export function cleanText(text: string, content: TelemetryContent): string {
  if (text === '' || PLACEHOLDER.test(text)) return text;
  if (content === 'none') return WITHHELD;
  const safe = removeCredentials(text);
  return content === 'redacted' ? removePersonalData(safe) : safe;
}

/** Replaces in an event what is not to be kept, in one walk, and notes where. */
export function cleanEvent(event: Fields, content: TelemetryContent, masked: PointerList): void {
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
  readonly content: TelemetryContent;
  /** Where the walk is. */
  readonly path: (string | number)[];
  readonly masked: PointerList;
};
/** The object that has the field in question, and the field of that object. */
type Parent = { readonly owner: Container; readonly ownerField: string; readonly isHeaders: boolean };

const HEADERS = /headers?$/i;
/** Shorter keys are no credential. */
const MIN_CREDENTIAL = 20;

function cleanObject(
  walk: Walk,
  object: Container,
  rule: Rule,
  ownerField: string,
  isHeaders: boolean,
): void {
  const parent = { owner: object, ownerField, isHeaders };
  let hasSecretKey = false;
  for (const field in object) {
    const value = object[field];
    if (value === null || typeof value === 'boolean' || value === '') continue;
    if (field.length >= MIN_CREDENTIAL && hasCredential(field)) hasSecretKey = true;
    walk.path.push(field);
    const safe =
      isCredentialField(field, isHeaders, value) && !isSchema(ownerField, value)
        ? withoutCredential(value)
        : cleanValue(walk, value, ruleWithin(rule, field, value), field, parent);
    if (safe !== value) {
      object[field] = safe;
      walk.masked.add(walk.path);
    }
    walk.path.pop();
  }
  if (hasSecretKey) renameSecretKeys(walk, object);
}

/** The items of a list stand where the list stands. */
function cleanList(walk: Walk, list: unknown[], rule: Rule, field: string, parent: Parent): void {
  const secret = parent.isHeaders && isCredentialPair(list) ? 1 : -1;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    walk.path.push(index);
    const safe = index === secret ? withoutCredential(item) : cleanValue(walk, item, rule, field, parent);
    if (safe !== item) {
      list[index] = safe;
      walk.masked.add(walk.path);
    }
    walk.path.pop();
  }
}

function cleanValue(walk: Walk, value: unknown, rule: Rule, field: string, parent: Parent): unknown {
  const { content } = walk;
  if (typeof value === 'string') {
    if (content !== 'full' && isContent(rule, value, field, parent)) return cleanText(value, content);
    return removeCredentials(isAddressField(field) ? bareAddress(value) : value);
  }
  const isWithheld = content === 'none' && rule !== 'data' && rule !== 'plain';
  if (typeof value === 'number') return isWithheld && SAYING.has(field) ? WITHHELD : value;
  if (typeof value !== 'object' || value === null) return value;
  const isHeaders = parent.isHeaders || HEADERS.test(field);
  if (Array.isArray(value)) {
    if (isWithheld && isNumbers(value)) return WITHHELD;
    cleanList(walk, value, rule, field, isHeaders === parent.isHeaders ? parent : { ...parent, isHeaders });
  } else {
    if (isWithheld && rule === 'free' && !isEmpty(value)) return WITHHELD;
    cleanObject(walk, value as Container, rule, field, isHeaders);
  }
  return value;
}

/** Fields that hold what was said even where it is a number. */
const SAYING = new Set([
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

/** Embeddings, tokens, bytes: text in another form. */
function isNumbers(list: readonly unknown[]): boolean {
  return typeof list[0] === 'number' && list.every((item) => typeof item === 'number');
}

/** Headers are also written as a list of pairs. */
function isCredentialPair([name, value, ...more]: readonly unknown[]): boolean {
  return more.length === 0 && typeof name === 'string' && isCredentialField(name, true, value);
}

/** A schema describes a field named `password`; its value is not one. */
function isSchema(ownerField: string, value: unknown): boolean {
  return ownerField === 'properties' && typeof value === 'object';
}

/** What LiteLLM shows for a header that it keeps to itself, and what stands where something was replaced already. */
const SHOWN_INSTEAD: ReadonlySet<unknown> = new Set(['[present]', '***REDACTED***', REDACTED]);

function withoutCredential(value: unknown): unknown {
  if (SHOWN_INSTEAD.has(value)) return value;
  if (value === null || typeof value === 'boolean' || value === '' || isEmpty(value)) return value;
  return typeof value === 'string' && PLACEHOLDER.test(value) ? value : REDACTED;
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  for (const _ in value) return false;
  return true;
}

/** A key that is a credential itself: in what a model gives to a tool anything can be a key. */
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
