/** What the policies cost: to read texts, for a chat and its turns, for streamed answers, and at the start. */
import { answers } from './policy-answers.ts';
import { chats } from './policy-chats.ts';
import { speed } from './policy-speed.ts';
import { stalls } from './policy-stalls.ts';
import { starts } from './policy-start.ts';

export async function policies(): Promise<void> {
  // First, while the code is as cold as when the bridge starts
  await starts();
  await chats();
  await answers();
  await speed();
  await stalls();
}
