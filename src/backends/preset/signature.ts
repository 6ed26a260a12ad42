import { createHmac, randomUUID } from 'node:crypto';
import type { Preset } from './shape.ts';
import { compileText, type Template } from './template.ts';

type Signed = { readonly id: string; readonly timestamp: string; readonly body: string };
type Sealed = Signed & { readonly hmac: Buffer };

/** Makes the headers that prove whom a body comes from, and when it was sent. */
export type Sign = (body: string) => Record<string, string>;

const SIGNED = {
  id: ({ id }: Signed) => id,
  timestamp: ({ timestamp }: Signed) => timestamp,
  body: ({ body }: Signed) => body,
};
const SEALED = {
  ...SIGNED,
  hex: ({ hmac }: Sealed) => hmac.toString('hex'),
  base64: ({ hmac }: Sealed) => hmac.toString('base64'),
};

/** The names of the placeholders in what is signed, and in the headers that tell it. */
export const SIGNATURE_VALUES = { over: Object.keys(SIGNED), headers: Object.keys(SEALED) };

/**
 * A signature of bodies by a secret. A secret that begins with `whsec_` is a key in base64.
 *
 * @see https://www.standardwebhooks.com, of which the shipped webhook has its headers
 */
export function compileSignature(
  { algorithm, over, headers }: NonNullable<Preset['signature']>,
  secret: string,
): Sign {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const signed: Template<Signed> = compileText(over, { known: {}, values: SIGNED });
  const named = Object.entries(headers).map(
    ([name, text]) => [name, compileText(text, { known: {}, values: SEALED })] as const,
  );
  return (body) => {
    const what = { id: randomUUID(), timestamp: String(Math.floor(Date.now() / 1000)), body };
    const hmac = createHmac(algorithm, key).update(made(signed, what)).digest();
    return Object.fromEntries(named.map(([name, template]) => [name, made(template, { ...what, hmac })]));
  };
}

function made<Source>(template: Template<Source>, source: Source): string {
  return (typeof template === 'function' ? template(source) : template) ?? '';
}
