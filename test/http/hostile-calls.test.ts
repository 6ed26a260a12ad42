import { expect, test } from 'vitest';
import { HOSTILE_MODES, openWorld } from '../support/hostile-worlds.ts';

const SEED = 1;
/** The others have their turn in `npm run test:slow`. */
const MODES = HOSTILE_MODES.filter(({ isQuick }) => isQuick);

test('hundreds of hostile calls and log events get what is due in each of three modes, and harm nothing', async () => {
  const worlds = await Promise.all(MODES.map(openWorld));
  await Promise.all(worlds.map(({ world }) => world.send(SEED, 670)));
  for (const { actions } of await Promise.all(worlds.map(({ world }) => world.close()))) {
    const { BLOCKED = 0, UNREAD = 0 } = actions;
    expect(Math.min(UNREAD, BLOCKED - UNREAD), JSON.stringify(actions)).toBeGreaterThan(3);
  }
}, 120_000);
