import { hash } from 'node:crypto';
import type { Fields } from './call.ts';

/**
 * What tells one request from others where no id does: the key it came with, and its last text.
 *
 * @param identity fields `user_api_key_*`
 */
export function fingerprintOf(identity: Fields, lastText: string): string {
  return hash('sha1', `${String(identity.user_api_key_hash)}\n${lastText.trim()}`);
}
