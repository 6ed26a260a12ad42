const LETTERS: Readonly<Record<string, string>> = {
  hex: '0123456789abcdef',
  alnum: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  lower: 'abcdefghijklmnopqrstuvwxyz0123456789',
  digits: '0123456789',
  base64: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
};

const PLACEHOLDER = /\{\{(hex|alnum|upper|lower|digits|base64) (\d{1,4})\}\}/g;

/**
 * A text with letters in place of `{{hex 32}}`, `{{alnum 36}}`, `{{upper 16}}` (capitals and digits), `{{lower 20}}` (small
 * letters and digits), `{{digits 12}}` and `{{base64 86}}`, so that a file of cases holds nothing that looks like a secret.
 * The letters look drawn by lot and are always the same.
 */
export function filled(text: string): string {
  return text.replace(PLACEHOLDER, (_, kind: string, count: string) =>
    drawn(LETTERS[kind] ?? '', Number(count)),
  );
}

/** Marsaglia's xorshift with 32 bits. */
function drawn(letters: string, count: number): string {
  let state = 0x9e3779b9;
  let text = '';
  while (text.length < count) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    text += letters[(state >>> 8) % letters.length];
  }
  return text;
}

/** A value with every text in it filled, keys included. */
export function filledIn(value: unknown): unknown {
  if (typeof value === 'string') return filled(value);
  if (Array.isArray(value)) return value.map(filledIn);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filledIn(item)]));
}
