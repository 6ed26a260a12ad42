/**
 * A number of 32 bits, with a sign, that tells texts apart at the price of a few letters. It hides nothing: a short text can be
 * guessed by it. FNV-1a.
 */
export function quickHash(text: string, seed: number, start = 0, end = text.length): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
