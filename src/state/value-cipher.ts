import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const CIPHER = 'aes-256-gcm';
const FORMAT = 1;
const ID_BYTES = 4;
const SALT_BYTES = 16;
const NUMBER_BYTES = 6;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + ID_BYTES + SALT_BYTES + NUMBER_BYTES;
/** Other writers whose keys are kept, by their salts. */
const MAX_WRITERS = 256;

/**
 * Encrypts values with AES-256-GCM, each bound to a label, so that one that was moved to another place cannot be read. Every writer has a
 * key of its own, derived by a random salt, and numbers its values: with a random number for each, a key would be worn out after 2^32 of
 * them, which is some weeks of a busy bridge.
 *
 * A value is: format, key id, salt, number, ciphertext, tag.
 *
 * @see https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf section 8.3
 */
export class ValueCipher {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #header = Buffer.alloc(1 + ID_BYTES + SALT_BYTES);
  readonly #own: Buffer;
  #number = 0;
  readonly #writers = new LRUCache<string, Buffer>({ max: MAX_WRITERS });

  /** @param keys of 32 bytes: the first one encrypts, any decrypts */
  constructor(keys: readonly [Uint8Array, ...Uint8Array[]]) {
    this.#keys = new Map(keys.map((key) => [idOf(key).toString('hex'), key]));
    const salt = randomBytes(SALT_BYTES);
    this.#header.writeUInt8(FORMAT);
    idOf(keys[0]).copy(this.#header, 1);
    salt.copy(this.#header, 1 + ID_BYTES);
    this.#own = derived(keys[0], salt);
  }

  seal(value: Uint8Array, label: string): Buffer {
    const number = Buffer.alloc(NUMBER_BYTES);
    number.writeUIntBE(++this.#number, 0, NUMBER_BYTES);
    const cipher = createCipheriv(CIPHER, this.#own, ivOf(number));
    cipher.setAAD(Buffer.from(label));
    return Buffer.concat([this.#header, number, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  }

  /** The value, undefined if it was sealed with another key, has another label or was changed. */
  open(sealed: Uint8Array, label: string): Buffer | undefined {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== FORMAT) return undefined;
    const key = this.#keys.get(bytes.toString('hex', 1, 1 + ID_BYTES));
    if (key === undefined) return undefined;
    const number = bytes.subarray(HEADER_BYTES - NUMBER_BYTES, HEADER_BYTES);
    const decipher = createDecipheriv(CIPHER, this.#writer(key, bytes), ivOf(number), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(label));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  #writer(key: Uint8Array, sealed: Buffer): Buffer {
    const name = sealed.toString('latin1', 1, 1 + ID_BYTES + SALT_BYTES);
    const known = this.#writers.get(name);
    if (known !== undefined) return known;
    const writer = derived(key, sealed.subarray(1 + ID_BYTES, 1 + ID_BYTES + SALT_BYTES));
    this.#writers.set(name, writer);
    return writer;
  }
}

const idOf = (key: Uint8Array): Buffer => hash('sha256', key, 'buffer').subarray(0, ID_BYTES);

const derived = (key: Uint8Array, salt: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', key, salt, 'guardrail-bridge state', 32));

const ivOf = (number: Buffer): Buffer => Buffer.concat([number, Buffer.alloc(12 - NUMBER_BYTES)]);
