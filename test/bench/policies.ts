/** Measures the policies: to read texts, for a chat and its turns, for streamed responses, and at the start. */

import { chats } from './policy-chats.ts';
import { responses } from './policy-responses.ts';
import { speed } from './policy-speed.ts';
import { stalls } from './policy-stalls.ts';
import { starts } from './policy-start.ts';

export async function policies(): Promise<void> {
  // First, while the code is as cold as when the bridge starts
  await starts();
  await chats();
  await responses();
  await speed();
  await stalls();
}
