/** How a field of a message is read, by its number. */
export type Shape = { readonly [field: number]: readonly [name: string, reads: Reads] };
type Reads =
  | 'text'
  | 'hex'
  | 'number'
  | 'flag'
  | 'double'
  | 'fixed64'
  | 'fixed32'
  | 'doubles'
  | 'fixed64s'
  | Shape
  | readonly [Shape]
  | (() => Shape)
  | readonly [() => Shape];

export type Message = Record<string, unknown>;

/** Reads a message of protobuf as far as its shape names its fields. @see https://protobuf.dev/programming-guides/encoding/ */
export function decode(bytes: Buffer, shape: Shape): Message {
  const message: Message = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const [wire, field] = [tag % 8, Math.floor(tag / 8)];
    let raw: Buffer | number;
    if (wire === 0) raw = varint();
    else if (wire === 1) raw = take(8);
    else if (wire === 5) raw = take(4);
    else if (wire === 2) raw = take(varint());
    else throw new Error(`wire type ${wire} of field ${field}`);
    const known = shape[field];
    if (known === undefined) continue;
    const [name, reads] = known;
    if (Array.isArray(reads)) {
      const before = (message[name] ?? []) as Message[];
      before.push(decode(raw as Buffer, shapeOf(reads[0])));
      message[name] = before;
    } else message[name] = readValue(raw, reads as Exclude<Reads, readonly unknown[]>);
  }
  return message;
}

const shapeOf = (shape: Shape | (() => Shape)): Shape => (typeof shape === 'function' ? shape() : shape);

function readValue(raw: Buffer | number, reads: Exclude<Reads, readonly unknown[]>): unknown {
  if (typeof raw === 'number') return reads === 'flag' ? raw === 1 : raw;
  switch (reads) {
    case 'text':
      return raw.toString();
    case 'hex':
      return raw.toString('hex');
    case 'double':
      return raw.readDoubleLE();
    case 'fixed64':
      return raw.readBigUInt64LE();
    case 'fixed32':
      return raw.readUInt32LE();
    case 'doubles':
      return Array.from({ length: raw.length / 8 }, (_, i) => raw.readDoubleLE(8 * i));
    case 'fixed64s':
      return Array.from({ length: raw.length / 8 }, (_, i) => Number(raw.readBigUInt64LE(8 * i)));
    case 'number':
    case 'flag':
      throw new Error('a number is no bytes');
    default:
      return decode(raw, shapeOf(reads));
  }
}
