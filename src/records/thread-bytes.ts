/** JSON in memory that all threads share: it is held once, and of 32 MB a copy takes 10 ms. */
export function sharedJson(value: object | string): Uint8Array {
  const json = JSON.stringify(value);
  const bytes = Buffer.from(new SharedArrayBuffer(Buffer.byteLength(json)));
  bytes.write(json);
  return new Uint8Array(bytes.buffer);
}

/** The text of such bytes. */
export const sharedText = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString();

/** The same, or a copy of what is a piece of a larger buffer: a thread can only be given a whole one. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const isWhole = bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.length;
  return isWhole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

/** A copy of bytes in memory that all threads share. */
export function sharedBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

export function isShared({ buffer }: Uint8Array): boolean {
  return buffer instanceof SharedArrayBuffer;
}
