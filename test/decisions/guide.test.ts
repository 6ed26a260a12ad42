import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { blocked, row, testKeeper } from '../support/decisions.ts';
import { HOUR_MS } from '../support/stored-outbox.ts';

const GUIDES = ['src/decisions/README.md', 'README.md', 'examples/operations/README.md'];
const NOW = Date.UTC(2026, 10, 27, 3, 0, 0);
const REF = '549861e136ee05f5';
const injection = {
  kind: 'prompt-injection',
  enforced: true,
  verdict: 'block',
  reason_code: 'prompt_injection',
} as const;

/** Decisions as the guide shows them. */
const ROWS = [
  ...[4, 6, 8].map((hours) => row({ at: NOW - hours * HOUR_MS })),
  row({ at: NOW - 200 * HOUR_MS }),
  row({ at: NOW - HOUR_MS, team: 'support', key: 'bot', user: 'grace' }),
  blocked(REF, {
    ...{ at: NOW - 3 * HOUR_MS, litellm_call_id: '9c2e41d7', litellm_trace_id: '5d0a77c2' },
    ...{ by: 'prompt-injection', allowed: ['secrets'], older: true, policy_version: '7c1f0a2b' },
    policies: [
      { ...injection, rules: ['prompt-extraction'], places: [{ message: 3, role: 'tool', part: 'result' }] },
      {
        ...{ kind: 'pii-detector', enforced: false, verdict: 'redact', reason_code: 'pii_detected' },
        ...{ rules: ['email-address'], places: [{ message: 5, role: 'user', part: 'content' }] },
      },
    ],
  }),
  blocked('03c1d2b7a4e5f601', { at: NOW - 5 * HOUR_MS, team: 'support', key: 'bot', user: 'grace' }),
  blocked('aa2d17f0c3b88e94', {
    ...{ at: NOW - 30 * HOUR_MS, team: 'support', key: 'bot', user: 'grace', by: 'prompt-injection' },
    policies: [{ ...injection, rules: ['instruction-override'] }],
  }),
];

/** The block that the README shows. */
const README_ROWS = [
  blocked('762f36f6afecfe02', {
    ...{
      at: NOW - 200 * HOUR_MS,
      team: 'support',
      key: 'k1',
      model: 'gpt-4o-mini',
      litellm_call_id: 'call-readme',
    },
    policy_version: 'e10bb50dd833',
    policies: [
      {
        ...{ kind: 'secrets', enforced: true, verdict: 'block', reason_code: 'secret_detected' },
        ...{ rules: ['aws-access-key'], places: [{ message: 3, role: 'user', part: 'content' }] },
      },
    ],
  }),
];

type Shown = { readonly guide: string; readonly command: string; readonly output: string };

/** Commands of `why` and `decisions` in the blocks of a guide, each with the lines that follow it. */
function commandsIn(guide: string): Shown[] {
  const text = readFileSync(join(import.meta.dirname, '..', '..', guide), 'utf8');
  const blocks = [...text.matchAll(/^( *)```\w*\n(.*?)^ *```$/gms)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  return blocks.flatMap((block) =>
    [
      ...block.matchAll(/^(?:\$ )?npm start --silent -- ((?:why|decisions) .*)\n((?:(?!\$ |npm ).*\n)*)/gm),
    ].map(([, command = '', output = '']) => ({
      guide,
      command: command.replace(/ +#.*$/, ''),
      output: output.trimEnd(),
    })),
  );
}

test.each(GUIDES.flatMap(commandsIn))(
  '$guide: $command prints what is shown',
  async ({ guide, command, output }) => {
    const { keeper, dir } = testKeeper();
    for (const one of guide === 'README.md' ? README_ROWS : ROWS) keeper.append(one);
    await keeper.close();
    const env = { DATA_DIR: dir, REPLAY_DAYS: '7', POLICY_FILE: 'policy.yaml' };
    const { code, out, err } = await runCli(command.split(' '), { env, now: () => NOW });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const shown = output.split('\n').filter((line) => line !== '');
    if (shown.at(-1)?.trim() !== '…') expect([out.trimEnd(), '']).toContain(output);
    // Some of its lines, in their order
    else expect(out.split('\n').filter((line) => shown.includes(line))).toEqual(shown.slice(0, -1));
  },
);

test('the guide shows every command about decisions', () => {
  const shown = GUIDES.flatMap(commandsIn).map(({ command }) => command);
  for (const command of ['why ', 'decisions list', 'decisions top'])
    expect(shown.filter((one) => one.startsWith(command))).not.toEqual([]);
});
