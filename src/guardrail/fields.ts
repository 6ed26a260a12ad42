import * as v from 'valibot';
import { type Pointer, parsePointer } from './pointer.ts';

/** Shapes of settings as they stand in the environment: text in, value out, with a message that says what to write. */

const TRUE = new Set(['1', 'true', 'yes', 'on']);
const FALSE = new Set(['0', 'false', 'no', 'off']);

export const flag = v.pipe(
  v.string(),
  v.transform((text) => text.trim().toLowerCase()),
  v.check((text) => TRUE.has(text) || FALSE.has(text), 'write true or false'),
  v.transform((text) => TRUE.has(text)),
);

export const positiveNumber = (unit: string) =>
  v.pipe(
    v.string(),
    v.transform(Number),
    v.check((value) => Number.isFinite(value) && value > 0, `write a positive number of ${unit}`),
    v.check((value) => value <= 1_000_000, `write a smaller number of ${unit}`),
  );

/** Seconds, fractions allowed, as milliseconds. */
export const seconds = v.pipe(
  positiveNumber('seconds'),
  v.transform((value) => value * 1000),
);

export const minutes = v.pipe(
  positiveNumber('minutes'),
  v.transform((value) => value * 60_000),
);

export const milliseconds = positiveNumber('milliseconds');

export const megabytes = v.pipe(
  positiveNumber('megabytes'),
  v.transform((value) => Math.round(value * 1024 * 1024)),
);

/** An http or https address without credentials, query or fragment; a trailing slash is trimmed. */
export const baseUrl = v.pipe(
  v.string(),
  v.check((text) => {
    const url = URL.parse(text);
    return (
      url !== null &&
      /^https?:$/.test(url.protocol) &&
      !url.username &&
      !url.password &&
      !url.search &&
      !url.hash
    );
  }, 'write an address like https://host.example/path, without credentials, query or fragment'),
  v.transform((text) => text.replace(/\/+$/, '')),
);

/** A secret that is sent as a header value. */
export const secret = v.pipe(
  v.string(),
  v.trim(),
  v.nonEmpty('write the value, it is empty'),
  v.check(
    (text) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text),
    'write printable ASCII without line breaks',
  ),
);

/** Words separated by commas; blanks round them and empty ones are dropped. */
export const commaList = v.pipe(
  v.string(),
  v.transform((text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  ),
);

export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  v.picklist(words, `write one of ${words.join(', ')}`);

/** JSON pointers (RFC 6901) separated by commas; `*` as a whole segment means every key or index. */
export const jsonPointers = v.pipe(
  commaList,
  v.check(
    (pointers) => pointers.every((pointer) => parsePointer(pointer) !== undefined),
    'write JSON pointers like /metadata/user_api_key_user_email or /messages/*/name (~1 for /, ~0 for ~)',
  ),
  v.transform((pointers): readonly Pointer[] => pointers.flatMap((pointer) => [parsePointer(pointer) ?? []])),
);
