import { createHmac, createSecretKey, hash as digest } from 'node:crypto';

/** `prev` of the first row of a chain. */
export const GENESIS = '0'.repeat(64);

/** A row of the chain by its number, from 1, and its hash in 64 hexadecimal digits. */
export type Head = { readonly seq: number; readonly hash: string };

/** The head of a chain without rows. */
export const BEFORE_ALL: Head = { seq: 0, hash: GENESIS };

/** The hash function of a segment. */
export type Seal = {
  readonly alg: 'sha256' | 'hmac-sha256';
  /** Tells keys apart and nothing else about them; null without a key. */
  readonly keyId: string | null;
  hash(body: string | Uint8Array): string;
};

/** Without a key whoever can write the files can also make the chain anew, which then only a head kept elsewhere shows. */
export function createSeal(key?: string): Seal {
  if (key === undefined) return { alg: 'sha256', keyId: null, hash: (body) => digest('sha256', body) };
  const secret = createSecretKey(Buffer.from(key));
  const hash = (body: string | Uint8Array) => createHmac('sha256', secret).update(body).digest('hex');
  return { alg: 'hmac-sha256', keyId: hash('guardrail-bridge audit key').slice(0, 16), hash };
}

/** A row before it gets its number, time and hashes: a decision, or an event of the log itself. */
export type UnsealedRow = { readonly type: string; readonly fields: Readonly<Record<string, unknown>> };

/**
 * A row as a line of the log. `prev`, the hash of the row before, and `hash` come last; `hash` is that of the line as
 * written, without `,"hash":"…"`.
 */
export function sealRow(
  fields: Readonly<Record<string, unknown>>,
  prev: string,
  seal: Seal,
): { readonly line: string; readonly hash: string } {
  const body = ascii(JSON.stringify({ ...fields, prev }));
  const hash = seal.hash(body);
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}\n`, hash };
}

/** One byte for each character, and none that controls a terminal or turns its text around. */
function ascii(json: string): string {
  if (!/[^ -~]/.test(json)) return json;
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A row as it was read, with the fields that every row has. */
export type SealedRow = Head & {
  readonly at: string;
  readonly event_type: string;
  readonly prev: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The bytes that `hash` is the hash of. */
  readonly body: Uint8Array;
  /** The line that it was read from, without its end. */
  readonly line: string;
};

/** `,"hash":"`, 64 digits and `"}`. */
const SEAL_LENGTH = 75;
const SEALED = /^,"hash":"([0-9a-f]{64})"\}$/;
const BRACE = Buffer.from('}');

/** Parses a line without its end; undefined if it is no row. The hash is not checked. */
export function readRow(line: Buffer): SealedRow | undefined {
  const end = line.length - SEAL_LENGTH;
  const hash = end > 0 ? SEALED.exec(line.toString('latin1', end))?.[1] : undefined;
  if (hash === undefined) return undefined;
  const body = Buffer.concat([line.subarray(0, end), BRACE]);
  try {
    const fields = JSON.parse(body.toString());
    const { seq, at, event_type, prev } = fields;
    const isRow = Number.isSafeInteger(seq) && [at, event_type, prev].every((one) => typeof one === 'string');
    return isRow ? { seq, at, event_type, prev, hash, fields, body, line: line.toString() } : undefined;
  } catch {
    return undefined;
  }
}
