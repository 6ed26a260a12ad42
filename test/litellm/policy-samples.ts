import { capitals, fill, jwt, pem } from '../support/credentials.ts';

/** Credentials as people paste them, each made up and put together only here. */
export const samples = {
  github: `ghp_${fill(36)}`,
  aws: `AKIA${capitals(16)}`,
  openai: `sk-proj-${fill(60)}_${fill(40)}-${fill(20)}`,
  jwt,
  privateKey: `${pem('PRIVATE KEY')}\n${fill(64)}\n${fill(64)}\n${fill(22)}==\n-----END PRIVATE KEY-----`,
} as const;

/** Stands in their place. */
export const redacted = '[REDACTED]';

/** Number of characters of a secret that may be seen. */
const SHOWABLE = 3;

/** Every stretch of a secret in a text that is longer than what may be seen. */
export function shownOf(secret: string, text: string): string[] {
  const shown: string[] = [];
  for (let at = 0; at + SHOWABLE < secret.length; at++) {
    const stretch = secret.slice(at, at + SHOWABLE + 1);
    if (text.includes(stretch)) shown.push(stretch);
  }
  return shown;
}
