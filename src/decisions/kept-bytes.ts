/** A call on its way to the one who keeps it. */
export type KeptBytes = {
  /** JSON of {@link KeptHead}. */
  readonly head: string;
  /** Undefined where it is not kept. */
  readonly body: Uint8Array | undefined;
};

const LENGTHS = 8;
const NONE = 0xffffffff;

/** Calls in one piece of memory of their own: to hand over that is to hand over all. */
export function packCalls(calls: readonly KeptBytes[]): Uint8Array<ArrayBuffer> {
  const sizes = calls.map(({ head, body }) => ({ head: Buffer.byteLength(head), body: body?.length }));
  const total = sizes.reduce((sum, { head, body = 0 }) => sum + LENGTHS + head + body, 0);
  const buffer = new ArrayBuffer(total);
  const bytes = Buffer.from(buffer);
  let at = 0;
  calls.forEach(({ head, body }, i) => {
    const { head: headLength, body: bodyLength = NONE } = sizes[i] as (typeof sizes)[number];
    at = bytes.writeUInt32LE(headLength, at);
    at = bytes.writeUInt32LE(bodyLength, at);
    at += bytes.write(head, at);
    if (body === undefined) return;
    bytes.set(body, at);
    at += body.length;
  });
  return new Uint8Array(buffer);
}

export function* unpackCalls(packed: Uint8Array): Generator<KeptBytes> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const headEnd = at + LENGTHS + bytes.readUInt32LE(at);
    const bodyLength = bytes.readUInt32LE(at + 4);
    const head = bytes.toString('utf8', at + LENGTHS, headEnd);
    at = bodyLength === NONE ? headEnd : headEnd + bodyLength;
    yield { head, body: bodyLength === NONE ? undefined : bytes.subarray(headEnd, at) };
  }
}
