import * as v from 'valibot';
import { type Pointer, parsePointer } from './pointer.ts';

// Shapes of settings: text in, value out, a message that says what to write, a description that names the unit

/** A setting: a variable of the environment, how it is read and how it is described. */
export type Setting = {
  /** Reads the text; its description is the unit, or the values to choose from. */
  readonly schema: v.GenericSchema<string, unknown>;
  /** The default, as one would write it. */
  readonly default?: string;
  /** The default in words, where it is no text of this kind or depends on another setting; without it, none. */
  readonly otherwise?: string;
  /** Its effect, in one sentence. */
  readonly sentence: string;
  /** True if its value is never shown, such as a key, or an address that may hold a password. */
  readonly secret?: true;
  /** Its name of before, which is still read. */
  readonly formerly?: string;
};

/** Settings by name. */
export type Settings = Readonly<Record<string, Setting>>;

/** The values of settings: undefined for one that is neither set nor has a default. */
export type Values<S extends Settings> = {
  readonly [Name in keyof S]:
    | v.InferOutput<S[Name]['schema']>
    | (S[Name] extends { readonly default: string } ? never : undefined);
};

export const text = (unit: string) => v.pipe(v.string(), v.description(unit));

const TRUE = new Set(['1', 'true', 'yes', 'on']);
const FALSE = new Set(['0', 'false', 'no', 'off']);

export const flag = v.pipe(
  v.string(),
  v.transform((text) => text.trim().toLowerCase()),
  v.check((text) => TRUE.has(text) || FALSE.has(text), 'write true or false'),
  v.transform((text) => TRUE.has(text)),
  v.description('true, false'),
);

/** A number, handed over times `factor`. */
const amount = (unit: string, factor: number, max = 1_000_000, isZeroAllowed = false) =>
  v.pipe(
    v.string(),
    v.transform(Number),
    v.check(
      (value) => Number.isFinite(value) && (value > 0 || (isZeroAllowed && value === 0)),
      `write a ${isZeroAllowed ? '' : 'positive '}number of ${unit}`,
    ),
    v.check((value) => value <= max, `write at most ${max} ${unit}`),
    v.transform((value) => value * factor),
    v.description(unit),
  );

/** Seconds, fractions allowed, as milliseconds. */
export const seconds = amount('seconds', 1000);
export const secondsOrZero = amount('seconds', 1000, undefined, true);
export const minutes = amount('minutes', 60_000);
export const hours = amount('hours', 3_600_000);
export const milliseconds = amount('milliseconds', 1);

/** Megabytes of 1024 * 1024 bytes, as bytes. */
export const megabytes = (max?: number) =>
  v.pipe(amount('megabytes', 1024 * 1024, max), v.transform(Math.round));

/** A number between two others; a whole one if `isWhole`. */
export const numberFrom = (min: number, max: number, isWhole = false) =>
  v.pipe(
    v.string(),
    v.transform(Number),
    v.check(
      (value) => value >= min && value <= max && (!isWhole || Number.isInteger(value)),
      `write a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`,
    ),
    v.description(`${min} to ${max}`),
  );

const isHttp = (url: URL | null): url is URL => url !== null && /^https?:$/.test(url.protocol);

/** As far as an expression tells: what `URL` takes for an address. */
const ADDRESS = String.raw`^\s*[Hh][Tt][Tt][Pp][Ss]?:[/\\]*@?[^/\\?#@\s]+(?:[/\\][^?#]*)?\??#?\s*$`;

const NO_ADDRESS = 'write an address like https://host.example/path, without credentials, query or fragment';

/** An http or https address without credentials, query or fragment; a trailing slash is trimmed. */
export const baseUrl = v.pipe(
  v.string(),
  v.metadata({ pattern: ADDRESS, patternErrorMessage: NO_ADDRESS }),
  v.check((text) => {
    const url = URL.parse(text);
    return isHttp(url) && !url.username && !url.password && !url.search && !url.hash;
  }, NO_ADDRESS),
  v.transform((text) => text.replace(/\/+$/, '')),
  v.description('address'),
);

/** The address of a forward proxy. */
export const proxyUrl = v.pipe(
  v.string(),
  v.check((text) => isHttp(URL.parse(text)), 'write an address like http://proxy.example:3128'),
  v.description('address'),
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
  v.maxLength(8192, 'write a value of at most 8,192 characters, which servers take as a header'),
  v.description('text'),
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
  v.description('words, comma separated'),
);

export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  v.pipe(v.picklist(words, `write one of ${words.join(', ')}`), v.description(words.join(', ')));

export const jsonObject = v.pipe(
  v.string(),
  v.parseJson(undefined, 'write a JSON object'),
  v.check(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'write a JSON object',
  ),
  v.description('JSON object'),
);

/** JSON pointers (RFC 6901) separated by commas; `*` as a whole segment means every key or index. */
export const jsonPointers = v.pipe(
  commaList,
  v.check(
    (pointers) => pointers.every((pointer) => parsePointer(pointer) !== undefined),
    'write JSON pointers like /metadata/user_api_key_user_email or /messages/*/name (~1 for /, ~0 for ~)',
  ),
  v.transform((pointers): readonly Pointer[] => pointers.flatMap((pointer) => [parsePointer(pointer) ?? []])),
  v.description('JSON pointers, comma separated'),
);
