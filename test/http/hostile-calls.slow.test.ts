import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXAMPLE_POLICIES, HOSTILE_MODES, openWorld } from '../support/hostile-worlds.ts';
import { until } from '../support/recording-bridge.ts';

/** Each another way through all changes. */
const SEED = 20_261_127;
const LIMIT_MS = 20 * 60_000;

test.each(HOSTILE_MODES)(
  'thousands of hostile calls get what is due, and harm nothing: $name',
  async (mode) => {
    const { world } = await openWorld(mode);
    await world.send(SEED, 12_900);
    const { actions } = await world.close();
    for (const action of mode.actions ?? ['NONE', 'BLOCKED']) {
      expect(actions[action], action).toBeGreaterThan(10);
    }
  },
  LIMIT_MS,
);

test(
  'thousands of hostile calls get what is due, and harm nothing: every policy file of the examples, read again',
  async () => {
    const [first = '', ...others] = EXAMPLE_POLICIES;
    const { world, policyFile } = await openWorld({
      name: '',
      policy: readFileSync(first, 'utf8'),
      env: { RESPONSE_REDACTION: 'rewrite' },
      remembers: true,
    });
    const read = () => world.child.lines().filter(({ msg }) => msg === 'policies read again').length;
    for (const [i, file] of [first, ...others].entries()) {
      if (i > 0) {
        writeFileSync(policyFile, readFileSync(file));
        world.child.send('SIGHUP');
        await until(() => read() >= i);
      }
      await world.send(SEED + i, Math.ceil(10_000 / EXAMPLE_POLICIES.length));
    }
    const { actions } = await world.close();
    expect(actions.GUARDRAIL_INTERVENED).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
