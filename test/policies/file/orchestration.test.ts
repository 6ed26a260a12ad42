import { describe, expect, test } from 'vitest';
import type { BackendConfig } from '../../../src/guardrail/backend-config.ts';
import type { Mode } from '../../../src/guardrail/verdict.ts';
import { readPolicyFile } from '../../../src/policies/file/load.ts';
import { strictestAsking } from '../../../src/policies/file/orchestration.ts';
import { PolicyFileError } from '../../../src/policies/file/problems.ts';

const configured = (name: string, mode: Mode): BackendConfig => ({
  ...{ name, kind: 'akto', url: 'http://akto.example', mode, timeoutMs: 5000 },
  ...{ unreachableFallback: 'fail_closed', failsOpenByDefault: false, sample: 100, hedgeAfterMs: undefined },
  ...{ takesRecords: false, concurrency: 1, options: {} },
});

/** A file with the vendors `akto` and `capsule` of the environment, and `watcher` and `ghost` of its own. */
const read = (text: string, backends: readonly string[] | undefined = ['akto', 'capsule']) =>
  readPolicyFile(`policies: { chain: [] }\n${text}`, [], (_, make) => make(), {
    ...(backends !== undefined && { backends }),
    readBackends: () => ({
      backends: [configured('watcher', 'observe'), configured('ghost', 'shadow')],
      files: [],
    }),
  });

function problemsOf(...[text, backends]: Parameters<typeof read>): readonly string[] {
  try {
    read(text, backends);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    return error.problems;
  }
}

const rule = (more: string) => `rules:\n  - name: one\n    ${more}\n`;

describe('orchestration', () => {
  test.each([
    ['', 'first_block', 'fallback'],
    ['orchestration: sequence', 'sequence', 'fallback'],
    ['orchestration: all', 'all', 'fallback'],
    ['orchestration: { quorum: 2 }\non_error: next', { quorum: 2 }, 'next'],
    ['on_error: fallback', 'first_block', 'fallback'],
  ])('at the top, as %j', (text, orchestration, onError) => {
    expect(read(text)).toMatchObject({ orchestration, onError });
  });

  test('on a rule goes before that at the top', () => {
    const { rules } = read(
      `orchestration: sequence\n${rule('orchestration: { quorum: 1 }\n    on_error: next')}`,
    );
    expect(rules).toMatchObject([{ orchestration: { quorum: 1 }, onError: 'next' }]);
  });

  test('is read beside a policy of its own form', () => {
    const text = 'policy: { name: agent-firewall, version: 1.0.0 }\norchestration: all\non_error: next\n';
    const kind = { kind: 'agent-firewall', options: { type: 'unknown' } };
    expect(() => readPolicyFile(text, [kind as never], (_, make) => make(), { backends: [] })).not.toThrow(
      /orchestration|on_error/,
    );
  });

  test.each<[string, string[]]>([
    [
      'orchestration: frist_block',
      [
        'line 2: orchestration: must be first_block or sequence or all or a mapping of keys, not "frist_block"; did you mean first_block?',
      ],
    ],
    [
      'orchestration: { quorums: 2 }',
      [
        'line 2: orchestration.quorum: is missing',
        'line 2: orchestration.quorums: is not known; did you mean quorum?',
      ],
    ],
    ['orchestration: { quorum: 0 }', ['line 2: orchestration.quorum: must be at least 1, not 0']],
    ['orchestration: { quorum: 1.5 }', ['line 2: orchestration.quorum: must be a whole number, not 1.5']],
    ['on_error: nxt', ['line 2: on_error: must be fallback or next, not "nxt"; did you mean next?']],
    [
      'orchestration: { quorum: 3 }',
      ['line 2: orchestration: the quorum is 3, and 2 backends are asked whose verdicts can count'],
    ],
    [
      rule('backends: [akto]\n    orchestration: { quorum: 2 }'),
      ['line 5: rules[0].orchestration: the quorum is 2, and 1 backend is asked whose verdict can count'],
    ],
    [
      rule('backends: [akto, akto, ghost]\n    orchestration: { quorum: 2 }'),
      ['line 5: rules[0].orchestration: the quorum is 2, and 1 backend is asked whose verdict can count'],
    ],
    [
      `orchestration: { quorum: 2 }\n${rule('backends: [akto, watcher]')}`,
      ['line 5: rules[0].backends: the quorum is 2, and 1 backend is asked whose verdict can count'],
    ],
  ])('with a mistake is refused: %j', (text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test.each([
    'orchestration: { quorum: 2 }',
    rule('orchestration: { quorum: 3 }\n    mode: enforce'),
    `orchestration: { quorum: 2 }\n${rule('backends: []')}`,
    `orchestration: { quorum: 2 }\n${rule('backends: [akto]\n    orchestration: first_block')}`,
  ])('whose quorum can be reached is taken: %j', (text) => {
    expect(problemsOf(text)).toEqual([]);
  });

  test('is not counted where nobody knows the backends', () => {
    const any = (text: string) =>
      readPolicyFile(`policies: { chain: [] }\n${text}`, [], (_, make) => make()).orchestration;
    expect(any('orchestration: { quorum: 9 }')).toEqual({ quorum: 9 });
    expect(() => any(rule('backends: [a, b]\n    orchestration: { quorum: 3 }'))).toThrow(/the quorum is 3/);
  });
});

describe('a rule that a client can choose', () => {
  const chosen = (more: string) =>
    `rules:\n  - name: one\n    match: { header: { x-env: lab } }\n    ${more}\n`;
  const later = (more: string) => `  - name: two\n    ${more}\n`;

  test.each([
    ['orchestration', `orchestration: all\n${chosen('orchestration: sequence')}`],
    ['orchestration', `orchestration: sequence\n${chosen('orchestration: { quorum: 2 }')}`],
    [
      'orchestration',
      `orchestration: { quorum: 2 }\n${chosen('chain: []')}${later('orchestration: first_block')}`,
    ],
    ['on_error', chosen('on_error: next')],
    ['on_error', `on_error: next\n${chosen('chain: []')}${later('on_error: fallback')}`],
  ])('cannot loosen by %s: %j', (key, text) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(`by its ${key} the rule can judge less`)]);
  });

  test.each([
    `orchestration: { quorum: 2 }\n${chosen('orchestration: all')}`,
    `orchestration: sequence\n${chosen('orchestration: { quorum: 1 }')}`,
    `orchestration: { quorum: 2 }\n${chosen('chain: []')}`,
    `on_error: next\n${chosen('on_error: fallback')}`,
    `on_error: next\n${chosen('on_error: next')}`,
  ])('can be as strict or stricter: %j', (text) => {
    expect(problemsOf(text)).toEqual([]);
  });
});

test('a call for several models is judged by the strictest of their rules', () => {
  const strictest = (...all: ['first_block' | 'sequence' | number, 'next' | 'fallback'][]) =>
    strictestAsking(
      all.map(([how, onError]) => ({
        onError,
        orchestration: typeof how === 'number' ? { quorum: how } : how,
      })),
    );
  expect(strictest([3, 'next'], [2, 'next'])).toEqual({ orchestration: { quorum: 2 }, onError: 'next' });
  expect(strictest([2, 'next'], ['sequence', 'fallback'])).toEqual({
    orchestration: 'sequence',
    onError: 'fallback',
  });
  expect(strictest(['sequence', 'next'], ['first_block', 'next']).orchestration).toBe('first_block');
});
