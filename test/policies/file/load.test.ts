import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { OTHER_KINDS } from '../../../src/policies/file/keeptrusts.ts';
import { readPolicyFile } from '../../../src/policies/file/load.ts';
import type { PolicyFile } from '../../../src/policies/file/policy-file.ts';
import { PolicyFileError } from '../../../src/policies/file/problems.ts';
import { kinds as realKinds } from '../../../src/policies/kinds/index.ts';
import { defineKind, type Kind } from '../../../src/policies/policy.ts';

const ABOUT = { judges: 'requests', about: 'judges texts', example: '' };
const Role = v.strictObject({ allowed: v.optional(v.array(v.string())), max: v.optional(v.number()) });

/** One of each shape that options have. */
const swear = defineKind({
  ...ABOUT,
  kind: 'swear-words',
  options: v.strictObject({
    action: v.optional(v.picklist(['block', 'redact']), 'redact'),
    words: v.optional(
      v.array(v.union([v.string(), v.strictObject({ name: v.string(), regex: v.string() })])),
      [],
    ),
    nested: v.optional(v.strictObject({ threshold: v.optional(v.number()) })),
    roles: v.optional(v.record(v.string(), Role), {}),
    size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9, 'write 1 to 9'))),
  }),
  create({ action, words, size }, { warn, fail, keep }) {
    if (action === 'block') warn('action', 'is rude');
    if (words.includes('bad')) fail(`policy.swear-words.words[${words.indexOf('bad')}]`, 'is too bad');
    if (size === 9) throw new Error('secret content');
    keep('counts', () => new Map());
    return { message: words.length === 0 ? 'none' : 'some' };
  },
});
const polite = defineKind({ ...ABOUT, kind: 'politeness', options: v.strictObject({}), create: () => ({}) });
const injection = defineKind({
  ...ABOUT,
  kind: 'prompt-injection',
  options: v.strictObject({
    detection: v.optional(v.strictObject({ attack_patterns: v.array(v.string()) })),
  }),
  create: () => ({}),
});
const kinds: readonly Kind[] = [swear, polite, injection];
const keep = <T>(_: string, make: () => T) => make();
const NOW = Date.parse('2026-11-21T12:00:00Z');

function read(text: string): PolicyFile {
  const names = { backends: ['akto', 'capsule', 'lakera'], recording: ['akto', 'capsule'] };
  return readPolicyFile(text, kinds, keep, { ...names, now: NOW });
}

function problemsOf(text: string): readonly string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    return error.problems;
  }
}

const CHAIN = 'policies:\n  chain: [swear-words]\n';
const RULES = `${CHAIN}rules:\n`;

describe('reading a policy file', () => {
  test('takes the whole form', () => {
    const text = `pack: { id: x, name: shop, version: 1.0.0, enabled: true, author: me, description: it }
${CHAIN}policy:
  swear-words: { words: [damn], mode: sample, sample: 25, until: 2026-12-31 }
`;
    expect(read(text)).toEqual({
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      name: 'shop',
      ...{ backends: [], files: [] },
      chain: ['swear-words'],
      policies: new Map([
        [
          'swear-words',
          {
            kind: 'swear-words',
            policy: { message: 'some' },
            mode: { mode: 'sample', sample: 25, until: Date.parse('2026-12-31T00:00:00Z') },
            fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
          },
        ],
      ]),
      rules: [],
      orchestration: 'first_block',
      onError: 'fallback',
      warnings: [],
    });
    expect(read(`${text}\n`).version).not.toBe(read(text).version);
    expect(read(text).version).toBe(read(text).version);
  });

  test('gives a policy a fingerprint that tells its options, and not its mode', () => {
    const printOf = (options: string) =>
      read(`policies: { chain: [swear-words] }\npolicy: { swear-words: ${options} }`).policies.get(
        'swear-words',
      )?.fingerprint;
    expect(printOf('{ words: [a], mode: observe }')).toBe(printOf('{ words: [a] }'));
    expect(printOf('{ words: [a] }')).not.toBe(printOf('{ words: [b] }'));
  });

  test('takes options under policies.policy, and JSON', () => {
    const file = read(
      '{"policies": {"chain": ["swear-words"], "policy": {"swear-words": {"words": ["x"]}}}}',
    );
    expect(file.name).toBe('default');
    expect(file.policies.get('swear-words')).toMatchObject({
      policy: { message: 'some' },
      mode: { mode: 'enforce', sample: 100 },
    });
  });

  test.each([
    'policies: {chain: [swear-words]}',
    `${CHAIN}policy:`,
    `${CHAIN}policy:\n  swear-words:`,
    `pack:\n${CHAIN}rules:\n`,
    `\uFEFF${CHAIN}`,
    CHAIN.replaceAll('\n', '\r\n'),
  ])('fills missing options with their defaults: %j', (text) => {
    expect(read(text).policies.get('swear-words')?.policy).toEqual({ message: 'none' });
  });

  test('takes anchors, aliases and merges', () => {
    const file = read(`policies: { chain: [swear-words] }
policy:
  swear-words: &base
    words: &words [a, b]
rules:
  - name: one
    match: &who { team: [x, y] }
  - name: two
    match: { <<: *who, model: m }
  - name: three
    match: { <<: [*who, { key_alias: k }], team: z }
`);
    expect(file.rules.map(({ match }) => match)).toEqual([
      { team: ['x', 'y'] },
      { team: ['x', 'y'], model: ['m'] },
      { team: ['z'], keyAlias: ['k'] },
    ]);
  });

  test('takes the form of a single policy, with its name, its switch and our keys', () => {
    const text = (
      enabled: boolean,
    ) => `policy: { name: prompt-injection, version: 1.0.0, enabled: ${enabled} }
detection: { attack_patterns: [x] }
mode: observe
`;
    const file = read(text(true));
    expect(file).toMatchObject({ name: 'prompt-injection', chain: ['prompt-injection'], warnings: [] });
    expect(file.policies.get('prompt-injection')?.mode).toEqual({ mode: 'observe', sample: 0 });
    expect(read(text(false))).toMatchObject({ chain: [], policies: new Map() });
    expect(problemsOf(text(true).replace('attack_patterns', 'attack_pattern'))).toEqual([
      'line 2: detection.attack_patterns: is missing',
      'line 2: detection.attack_pattern: is not known; did you mean attack_patterns?',
    ]);
  });

  test('takes caller rules', () => {
    const file = read(`${RULES}  - name: payments-team
    match:
      team: [Payments, payments-*]
      key: '*'
      key_alias: pay-*
      user: '*@example.com'
      end_user: [c-1]
      model: gpt-*
      input_type: request
      header: { X-Env: prod, x-tier: [gold, silver] }
    chain: [politeness, swear-words]
    backends: []
    mode: observe
    until: 2027-01-01T08:00:00+01:00
    unreachable_fallback: defer
    caller_may_skip: [politeness]
    trusted: true
  - name: others
`);
    expect(file.rules).toEqual([
      {
        name: 'payments-team',
        match: {
          team: ['Payments', 'payments-*'],
          key: ['*'],
          keyAlias: ['pay-*'],
          user: ['*@example.com'],
          endUser: ['c-1'],
          model: ['gpt-*'],
          inputType: ['request'],
          headers: new Map([
            ['x-env', ['prod']],
            ['x-tier', ['gold', 'silver']],
          ]),
        },
        chain: ['politeness', 'swear-words'],
        backends: [],
        enforcement: { mode: 'observe', sample: 0, until: Date.parse('2027-01-01T07:00:00Z') },
        unreachableFallback: 'defer',
        callerMaySkip: ['politeness'],
      },
      { name: 'others', match: {}, callerMaySkip: [] },
    ]);
    expect([...file.policies.keys()]).toEqual(['swear-words', 'politeness']);
    expect(file.chain).toEqual(['swear-words']);
  });

  test('makes no policies of a file that is switched off', () => {
    const file = read(
      `pack: { enabled: false }\n${RULES}  - { name: a, chain: [politeness], backends: [akto] }\n`,
    );
    expect(file).toMatchObject({ chain: [], policies: new Map() });
    expect(file.rules).toEqual([{ name: 'a', match: {}, backends: ['akto'], callerMaySkip: [] }]);
    expect(file.warnings).toEqual(['enabled is false, so that no policy judges']);
  });

  test('makes each policy once, with the state that outlives a reload', () => {
    const kept: string[] = [];
    readPolicyFile(`${RULES}  - { name: a, chain: [swear-words] }\n`, kinds, (name, make) => {
      kept.push(name);
      return make();
    });
    expect(kept).toEqual(['counts']);
  });
});

describe('a policy file is refused for', () => {
  test.each<[string, string, string[]]>([
    ['an empty file', '', ['line 1: is empty; policy init prints one to start from']],
    ['a text', 'hello', ['line 1: is a text, and no mapping of keys; policy init prints one to start from']],
    ['a list', '- a', ['line 1: is a list, and no mapping of keys; policy init prints one to start from']],
    [
      'unknown keys at the top',
      `${CHAIN}polcy: {}\nzzz: 1\n`,
      ['line 3: polcy: is not known; did you mean policy?', 'line 4: zzz: is not known'],
    ],
    ['no chain', 'pack: {}\n', ['line 1: policies: is missing']],
    [
      'no chain under policies',
      'pack: {}\npolicies:\n  chian: [a]\n',
      ['line 2: policies.chain: is missing', 'line 3: policies.chian: is not known; did you mean chain?'],
    ],
    [
      'a chain that is no list',
      'policies: { chain: secrets }',
      ['line 1: policies.chain: must be a list, not a text'],
    ],
    [
      'an entry that is no text',
      'policies:\n  chain:\n    - 1',
      ['line 3: policies.chain[0]: must be a text, not 1; write it in quotes'],
    ],
    [
      'unknown kinds',
      'policies:\n  chain:\n    - swear-wrods\n    - qqq\n    - safty-filter\n',
      [
        'line 3: policies.chain[0]: "swear-wrods" is no kind of policy; did you mean swear-words?',
        'line 4: policies.chain[1]: "qqq" is no kind of policy; the kinds are swear-words, politeness, prompt-injection',
        'line 5: policies.chain[2]: "safty-filter" is no kind of policy; did you mean safety-filter?',
      ],
    ],
    [
      'a kind twice',
      'policies:\n  chain:\n    - politeness\n    - politeness\n',
      ['line 4: policies.chain[1]: "politeness" stands twice in the chain'],
    ],
    [
      'options of an unknown kind',
      `${CHAIN}policy:\n  swear_words: {}\n`,
      ['line 4: policy.swear_words: is no kind of policy; did you mean swear-words?'],
    ],
    [
      'options in both places',
      'policies:\n  chain: [politeness]\n  policy:\n    politeness: {}\npolicy:\n  politeness: {}\n',
      ['line 4: policies.policy.politeness: stands under policy.politeness too'],
    ],
    [
      'options that are no mapping',
      `${CHAIN}policy:\n  swear-words: [a]\n`,
      ['line 4: policy.swear-words: must be a mapping of keys, not a list'],
    ],
    [
      'a list in the place of all options',
      `${CHAIN}policy: []\n`,
      ['line 3: policy: must be a mapping of keys, not a list'],
    ],
    [
      'a kind of others twice in a chain',
      'policies: { chain: [bot-detector, bot-detector] }\n',
      ['line 1: policies.chain[1]: "bot-detector" stands twice in the chain'],
    ],
    [
      'an unknown option',
      `${CHAIN}policy:\n  swear-words:\n    words: []\n    actoin: block\n`,
      ['line 6: policy.swear-words.actoin: is not known; did you mean action?'],
    ],
    [
      'an unknown option that is near one of all policies',
      `${CHAIN}policy:\n  swear-words:\n    moed: observe\n`,
      ['line 5: policy.swear-words.moed: is not known; did you mean mode?'],
    ],
    [
      'options deep inside',
      `${CHAIN}policy:
  swear-words:
    nested:
      treshold: 1
    roles:
      dev:
        alowed: []
        max: many
    words:
      - fine
      - { name: x, regexp: y }
      - 5
`,
      [
        'line 6: policy.swear-words.nested.treshold: is not known; did you mean threshold?',
        'line 9: policy.swear-words.roles.dev.alowed: is not known; did you mean allowed?',
        'line 10: policy.swear-words.roles.dev.max: must be a number, not "many"',
        'line 13: policy.swear-words.words[1].regex: is missing',
        'line 13: policy.swear-words.words[1].regexp: is not known; did you mean regex?',
        'line 14: policy.swear-words.words[2]: must be a text or a mapping of keys, not 5; write it in quotes',
      ],
    ],
    [
      'values that cannot stand there',
      `${CHAIN}policy:\n  swear-words:\n    action: blok\n    size: 0.5\n`,
      [
        'line 5: policy.swear-words.action: must be block or redact, not "blok"; did you mean block?',
        'line 6: policy.swear-words.size: must be a whole number, not 0.5',
        'line 6: policy.swear-words.size: must be at least 1, not 0.5',
      ],
    ],
    [
      'a value with the words of its own schema',
      `${CHAIN}policy:\n  swear-words: { size: 10 }\n`,
      ['line 4: policy.swear-words.size: write 1 to 9, not 10'],
    ],
    [
      'a mistake that the kind itself finds',
      `${CHAIN}policy:\n  swear-words:\n    words:\n      - good\n      - bad\n`,
      ['line 7: policy.swear-words.words[1]: is too bad'],
    ],
    [
      'a kind that throws, whose message could hold content',
      `${CHAIN}policy:\n  swear-words: { size: 9 }\n`,
      ['line 4: policy.swear-words: cannot be used'],
    ],
    [
      'an unknown mode',
      `${CHAIN}policy:\n  swear-words:\n    mode: observ\n`,
      [
        'line 5: policy.swear-words.mode: must be enforce or observe or sample, not "observ"; did you mean observe?',
      ],
    ],
    [
      'a share without its mode',
      `${CHAIN}policy:\n  swear-words: { sample: 5 }\n`,
      ['line 4: policy.swear-words.sample: needs mode: sample beside it'],
    ],
    [
      'a mode without its share',
      `${CHAIN}policy:\n  swear-words: { mode: sample }\n`,
      ['line 4: policy.swear-words.sample: is missing; mode: sample needs a percentage'],
    ],
    [
      'a share over 100',
      `${CHAIN}policy:\n  swear-words: { mode: sample, sample: 101 }\n`,
      ['line 4: policy.swear-words.sample: must be at most 100, not 101'],
    ],
    [
      'an end without a mode',
      `${CHAIN}policy:\n  swear-words: { until: 2027-01-01 }\n`,
      ['line 4: policy.swear-words.until: needs mode: observe or mode: sample beside it'],
    ],
    ...['2027-02-30', '01.02.2027', '2027', 'soon', '2027-01-01T10:00'].map(
      (date): [string, string, string[]] => [
        `the date ${date}`,
        `${CHAIN}policy:\n  swear-words: { mode: observe, until: "${date}" }\n`,
        [`line 4: policy.swear-words.until: must be a date such as 2027-01-31, not "${date}"`],
      ],
    ),
    [
      'mistakes in the pack',
      `pack:\n  name: ''\n  version: 1.0\n  enable: yes\n${CHAIN}`,
      [
        'line 2: pack.name: must not be empty',
        'line 3: pack.version: must be a text such as "1.0.0", not 1.0; write it in quotes',
        'line 4: pack.enable: is not known; did you mean enabled?',
      ],
    ],
    [
      'a version of the pack that is none',
      `pack: { version: one }\n${CHAIN}`,
      ['line 1: pack.version: must be a version such as 1.0.0, not "one"'],
    ],
    [
      'a boolean of older YAML',
      `pack: { enabled: yes }\n${CHAIN}`,
      ['line 1: pack.enabled: must be true or false, not "yes"'],
    ],
    [
      'a single policy of a kind without that form',
      'policy: { name: secrets }\naction: block\n',
      [
        'line 1: policy.name: must be prompt-injection or agent-firewall or citation-verifier or quality-scorer, not "secrets"; for others write policies.chain',
      ],
    ],
  ])('%s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test.each<[string, string, string[]]>([
    ['no list', '  name: a\n', ['line 3: rules: must be a list']],
    ['no name', '  - match: { team: a }\n', ['line 4: rules[0].name: is missing']],
    [
      'a name not in kebab-case',
      '  - name: My Rule\n',
      ['line 4: rules[0].name: must be in kebab-case, such as payments-team, not "My Rule"'],
    ],
    [
      'a name twice',
      '  - { name: a, match: { team: x } }\n  - name: a\n',
      ['line 5: rules[1].name: "a" is the name of an earlier rule'],
    ],
    [
      'an unknown key',
      '  - name: a\n    macth: {}\n',
      ['line 5: rules[0].macth: is not known; did you mean match?'],
    ],
    [
      'an unknown field',
      '  - name: a\n    match: { teem: x }\n',
      ['line 5: rules[0].match.teem: is not known; did you mean team?'],
    ],
    [
      'nobody',
      '  - name: a\n    match: {}\n',
      ['line 5: rules[0].match: must name somebody; a rule without match is for everybody'],
    ],
    [
      'an empty list of somebody',
      '  - name: a\n    match: { team: [] }\n',
      ['line 5: rules[0].match.team: must not be empty'],
    ],
    [
      'a list of names, which would be for everybody',
      '  - name: a\n    match: [team]\n',
      ['line 5: rules[0].match: must be a mapping of keys, not a list'],
    ],
    [
      'an empty name of somebody',
      "  - name: a\n    match: { team: '' }\n",
      ['line 5: rules[0].match.team: must not be empty'],
    ],
    [
      'a number for somebody',
      '  - name: a\n    match: { team: 5 }\n',
      ['line 5: rules[0].match.team: must be a text or a list, not 5; write it in quotes'],
    ],
    [
      'no header',
      '  - name: a\n    match: { header: {} }\n',
      ['line 5: rules[0].match.header: must name a header'],
    ],
    [
      'an alias for the hash of a key',
      '  - name: a\n    match: { key: ["*", red-team-*] }\n',
      [
        'line 5: rules[0].match.key[1]: "red-team-*" is no hash of a key (64 hexadecimal digits); an alias, which whoever makes the key chooses, goes under key_alias',
      ],
    ],
    ...[
      ['header: { x-env: lab }', 'header', 'is what the client sends'],
      ['end_user: c-1', 'end_user', 'is what the client says of itself'],
      ['key_alias: ci', 'key_alias', 'is chosen by whoever makes the key'],
    ].map(([match, key, said]): [string, string, string[]] => [
      `caller_may_skip by ${key}`,
      `  - name: a\n    match: { team: lab, ${match} }\n    caller_may_skip: [politeness]\n`,
      [
        `line 5: rules[0].match.${key}: ${said}, and caller_may_skip gives a right for it; match by team, key or user alone, or add trusted: true to the rule if no client can choose it`,
      ],
    ]),
    ...[
      ['chain', 'chain: []'],
      ['mode', 'mode: observe'],
      ['backends', 'backends: []'],
      ['unreachable_fallback', 'unreachable_fallback: fail_open'],
      ['orchestration', 'orchestration: sequence'],
      ['orchestration', 'orchestration: { quorum: 2 }'],
      ['on_error', 'on_error: next'],
      ['chain', '# later\n  - name: b\n    chain: [politeness, swear-words]'],
      ['mode', '# later\n  - name: b\n    mode: enforce'],
      ['unreachable_fallback', '# later\n  - name: b\n    unreachable_fallback: fail_closed'],
    ].map(([key, rest]): [string, string, string[]] => [
      `a looser ${key} by header than ${rest}`,
      `  - name: a\n    match: { header: { x-env: lab } }\n    ${rest}\n`,
      [
        `line 5: rules[0].match.header: is what the client sends, and by its ${key} the rule can judge less than others would; match by team, key or user alone, or add trusted: true to the rule if no client can choose it`,
      ],
    ]),
    [
      'an unknown input type',
      '  - name: a\n    match: { input_type: requests }\n',
      [
        'line 5: rules[0].match.input_type: must be request or response or a list, not "requests"; did you mean request?',
      ],
    ],
    [
      'a glob that is refused',
      '  - name: a\n    match: { team: "!x" }\n',
      ['line 5: rules[0].match.team: "!x" begins with !; list what is meant instead'],
    ],
    [
      'an unknown kind in its chain',
      '  - name: a\n    chain: [politness]\n',
      ['line 5: rules[0].chain[0]: "politness" is no kind of policy; did you mean politeness?'],
    ],
    [
      'a chain with a kind twice',
      '  - name: a\n    chain: [politeness, politeness]\n',
      ['line 5: rules[0].chain[1]: "politeness" stands twice in the chain'],
    ],
    [
      'an unknown backend',
      '  - name: a\n    backends: [aktoo]\n',
      ['line 5: rules[0].backends[0]: "aktoo" is no backend; did you mean akto?'],
    ],
    [
      'a misspelt receiver of its records',
      '  - name: a\n    records: [akto, capsul]\n',
      ['line 5: rules[0].records[1]: "capsul" is no backend; did you mean capsule?'],
    ],
    [
      'a receiver that takes no records',
      '  - name: a\n    records:\n      - akto\n      - lakera\n',
      ['line 7: rules[0].records[1]: "lakera" takes no records; those that do: akto, capsule'],
    ],
    [
      'a backend as text in records',
      '  - name: a\n    records: akto\n',
      ['line 5: rules[0].records: must be none, or a list of backends that take records, not "akto"'],
    ],
    [
      'none as a name in records',
      '  - name: a\n    records: [none]\n',
      ['line 5: rules[0].records[0]: is no backend; write records: none'],
    ],
    [
      'no receiver in records',
      '  - name: a\n    records: []\n',
      ['line 5: rules[0].records: must not be empty; write none where no record is to be kept'],
    ],
    [
      'records by header',
      '  - name: a\n    match: { header: { x-env: lab } }\n    records: none\n',
      [
        'line 5: rules[0].match.header: is what the client sends, and by its records the rule can record less than others would; match by team, key or user alone, or add trusted: true to the rule if no client can choose it',
      ],
    ],
    [
      'an unknown kind in caller_may_skip',
      '  - name: a\n    caller_may_skip: [politness]\n',
      ['line 5: rules[0].caller_may_skip[0]: "politness" is no kind of policy; did you mean politeness?'],
    ],
    [
      'an unknown fallback',
      '  - name: a\n    unreachable_fallback: fail-open\n',
      [
        'line 5: rules[0].unreachable_fallback: must be fail_closed or fail_open or defer, not "fail-open"; did you mean fail_open?',
      ],
    ],
    [
      'a share without its mode',
      '  - name: a\n    sample: 5\n',
      ['line 5: rules[0].sample: needs mode: sample beside it'],
    ],
  ])('a caller rule with %s', (_, rules, expected) => {
    expect(problemsOf(RULES + rules)).toEqual(expected);
  });

  test.each([
    [
      'is stricter',
      '    match: { header: { x-env: prod } }\n    chain: [swear-words, politeness]\n    mode: enforce\n',
      0,
    ],
    [
      'is trusted',
      '    match: { header: { x-env: lab } }\n    trusted: true\n    mode: observe\n    caller_may_skip: [swear-words]\n',
      0,
    ],
    ['is looser by the end user', '    match: { end_user: c-1 }\n    mode: observe\n', 1],
    ['is looser by an alias', '    match: { key_alias: ci }\n    mode: observe\n', 1],
    [
      'is looser by user',
      '    match: { user: dana }\n    mode: observe\n    caller_may_skip: [swear-words]\n',
      0,
    ],
    ['records less by the end user', '    match: { end_user: c-1 }\n    records: none\n', 1],
    ['records less by team', '    match: { team: legal }\n    records: none\n', 0],
  ])('takes a rule that %s', (_, rule, warnings) => {
    const said = read(`${RULES}  - name: a\n${rule}`).warnings;
    expect(said.filter((line) => /(?:judge|record) less than others would/.test(line))).toHaveLength(
      warnings,
    );
  });

  test('records: none is an empty list of receivers', () => {
    const { rules } = read(`${RULES}  - { name: a, records: none }\n  - { name: b, records: [capsule] }\n`);
    expect(rules.map(({ records }) => records)).toEqual([[], ['capsule']]);
  });

  test.each([
    [
      'input_type: request',
      'none',
      'input_type: no record tells it, being about request and response: no record is kept',
    ],
    [
      'input_type: request',
      '[akto]',
      'input_type: no record tells it, being about request and response: records go only to backends that get them by the rules below too',
    ],
    [
      'header: { x-env: lab }',
      'none',
      'header: LiteLLM does not log every header: where it does not, no record is kept',
    ],
    [
      'model: gpt-*',
      '[akto]',
      'model: LiteLLM logs what a fallback answers under the model of the fallback: name that too',
    ],
  ])('warns of records by %s', (criterion, records, message) => {
    const rule = `  - name: a\n    match: { team: lab, ${criterion} }\n    trusted: true\n    records: ${records}\n`;
    expect(read(RULES + rule).warnings).toEqual([`line 5: rules[0].match.${message}`]);
  });

  test.each<[string, string, string]>([
    ['a duplicate key', `${CHAIN}policies: {}\n`, 'line 3: policies: stands twice, first in line 1'],
    [
      'a duplicate key deep inside',
      `${CHAIN}policy:\n  swear-words: {words: [],\n    words: []}\n`,
      'line 5: policy.swear-words.words: stands twice, first in line 4',
    ],
    ['a tab', 'policies:\n\tchain: [a]\n', 'line 2: is no valid YAML: '],
    ['an open quote', 'pack: "abc\npolicies: {}\n', 'is no valid YAML: a quote'],
    ['an open bracket', 'policies: {chain: [a, b}\n', 'line 1: is no valid YAML: '],
    ['wrong indentation', 'policies:\n  chain: [a]\n policy: {}\n', 'line 3: is no valid YAML: '],
    [
      'an unknown escape',
      `${CHAIN}policy: {x: "\\d"}`,
      'line 3: is no valid YAML: a backslash in double quotes begins an escape',
    ],
    ['a tag', `${CHAIN}policy: !!js/function x`, 'line 3: is no valid YAML: a tag'],
    ['a second document', `${CHAIN}---\n${CHAIN}`, 'line 3: is no valid YAML: a second document begins here'],
    ['an alias of nothing', `${CHAIN}policy: *hidden`, 'line 3: policy: an alias stands before its anchor'],
    ['a key that is a list', `${CHAIN}policy: {[a]: 1}`, 'line 3: policy: a key must be a text'],
    ['a key of objects', `${CHAIN}__proto__: {x: 1}`, 'line 3: a key must be a text'],
    ['a merge of a text', `${CHAIN}policy: {<<: hidden}`, 'line 3: policy: << takes a mapping'],
    [
      'an alias of what it stands in',
      `${CHAIN}policy: &a {x: *a}`,
      'line 3: policy.x.x: is nested more than 128 levels deep',
    ],
  ])('YAML with %s', (_, text, expected) => {
    const problems = problemsOf(text);
    expect(problems[0]).toContain(expected);
    expect(problems.join()).not.toContain('hidden');
  });

  test('all its mistakes at once, in the order of the lines', () => {
    const problems = problemsOf(`zzz: 1
pack: { version: 1, nam: x }
policies: { chain: [swear-wrods] }
policy:
  swear-words: { actoin: x, wrods: [], mode: obsrve }
rules:
  - { name: A, match: { teem: x, modle: y } }
  - { name: b, chain: [politness], backends: [aktoo] }
  - { name: b, sample: 5 }
`);
    expect(problems.map((problem) => problem.split(':').slice(0, 2).join(':'))).toEqual([
      'line 1: zzz',
      'line 2: pack.version',
      'line 2: pack.nam',
      'line 3: policies.chain[0]',
      'line 5: policy.swear-words.mode',
      'line 5: policy.swear-words.actoin',
      'line 5: policy.swear-words.wrods',
      'line 7: rules[0].name',
      'line 7: rules[0].match.teem',
      'line 7: rules[0].match.modle',
      'line 8: rules[1].backends[0]',
      'line 8: rules[1].chain[0]',
      'line 9: rules[2].name',
      'line 9: rules[2].sample',
    ]);
  });

  test.each([
    ['a token', `ghp_${'aB3'.repeat(12)}`],
    ['a key of some sort', '9f86d081884c7d659a2f'],
    ['a long text', 'so '.repeat(30).trim()],
    ['a pattern', 'a(b|c)'],
    ['a text with quotes', "it's"],
  ])('a wrong value, which no message shows if it is %s', (_, text) => {
    const hidden = JSON.stringify(text);
    const problems = problemsOf(`pack: {name: [${hidden}], version: ${hidden}, enabled: ${hidden}}
policies: {chain: [${hidden}]}
policy: {swear-words: {action: ${hidden}, words: [{name: [${hidden}]}], size: ${hidden}, mode: ${hidden}, until: ${hidden}}}
rules: [{name: ${hidden.toUpperCase()}, match: {team: {a: ${hidden}}}, chain: [${hidden}], backends: [${hidden}]}]
`);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join('\n').toLowerCase()).not.toContain(text.toLowerCase());
  });
});

describe('a policy file gets a warning for', () => {
  test.each<[string, string, string[]]>([
    [
      'parts of a gateway, all in one warning',
      `providers: { targets: [] }\nagents: {}\npolicies: { chain: [safety-filter, politeness] }\npolicy:\n  safety-filter: { mode: education }\n  bot-detector: {}\n`,
      ['providers, agents, safety-filter (in a chain), bot-detector: read over, and without effect here'],
    ],
    [
      'options of a policy that is in no chain',
      `${CHAIN}policy:\n  politeness: {}\n`,
      ['line 4: policy.politeness: is in no chain, so it does nothing; name it in policies.chain'],
    ],
    [
      'a remark of the kind itself',
      `${CHAIN}policy:\n  swear-words:\n    action: block\n`,
      ['line 5: policy.swear-words.action: is rude'],
    ],
    ['an empty chain', 'policies: { chain: [] }', ['no chain names a policy, so that no policy judges']],
    [
      'an end that is over',
      `${CHAIN}policy:\n  swear-words: { mode: observe, until: 2026-11-21 }\n`,
      ['line 4: policy.swear-words.until: is over, so that the policy enforces'],
    ],
    [
      'a share with another mode',
      `${CHAIN}policy:\n  swear-words: { mode: observe, sample: 5 }\n`,
      ['line 4: policy.swear-words.sample: does nothing with mode: observe'],
    ],
    [
      'an end with another mode',
      `${CHAIN}policy:\n  swear-words: { mode: enforce, until: 2027-01-01 }\n`,
      ['line 4: policy.swear-words.until: does nothing with mode: enforce'],
    ],
    [
      'a rule behind one for everybody',
      `${RULES}  - name: a\n  - name: b\n    match: { team: x }\n`,
      ['line 5: rules[1]: never applies: a before it matches every such call'],
    ],
    [
      'a rule behind a wider one',
      `${RULES}  - { name: a, match: { team: '*' } }\n  - { name: b, match: { team: x, model: y } }\n  - { name: c, match: { model: y } }\n`,
      ['line 5: rules[1]: never applies: a before it matches every such call'],
    ],
    [
      'an end of a rule that is over',
      `${RULES}  - { name: a, mode: observe, until: 2026-01-01 }\n`,
      ['line 4: rules[0].until: is over, so that the policy enforces'],
    ],
  ])('%s', (_, text, expected) => {
    expect(read(text).warnings).toEqual(expected);
  });
});

test('a policy file with mistakes is one error that names all', () => {
  expect(() => read('zzz: 1\npack: 5\n')).toThrow(
    'The policy file cannot be used:\n  line 1: policies: is missing\n  line 1: zzz: is not known\n  line 2: pack: must be a mapping of keys',
  );
});

describe('a policy file of Keeptrusts', () => {
  const example = (name: string) => {
    const text = readFileSync(new URL(`../../../examples/policies/${name}.yaml`, import.meta.url), 'utf8');
    return readPolicyFile(text, realKinds, keep, { now: NOW });
  };

  test('is read in the strict form, with one warning for parts that a sidecar has no use for', () => {
    const { chain, warnings } = example('keeptrusts-strict');
    expect(chain).toEqual([
      'prompt-injection',
      'pii-detector',
      'dlp-filter',
      'rbac',
      'agent-firewall',
      'audit-logger',
    ]);
    expect(warnings.filter((warning) => !warning.startsWith('line '))).toEqual([
      'providers, safety-filter (in a chain): read over, and without effect here',
    ]);
    for (const key of ['rbac.data_access', 'rbac.minimum_necessary']) {
      expect(warnings).toContainEqual(expect.stringMatching(new RegExp(`^line \\d+: policy\\.${key}: `)));
    }
  });

  test('is read in the looser form of its page on LiteLLM', () => {
    const { chain, warnings } = example('keeptrusts-seed');
    expect(chain).toEqual(['prompt-injection', 'pii-detector', 'dlp-filter', 'rbac', 'audit-logger']);
    expect(warnings).toContainEqual(
      expect.stringMatching(/^line \d+: policy\.pii-detector\.entities.*PERSON/),
    );
    expect(warnings).toContainEqual(expect.stringMatching(/^line \d+: .*max_tokens_per_request: /));
  });

  test('is read as a single policy', () => {
    const { name, chain, policies, warnings } = example('keeptrusts-single');
    expect({ name, chain, warnings }).toEqual({
      name: 'prompt-injection',
      chain: ['prompt-injection'],
      warnings: [],
    });
    expect(policies.get('prompt-injection')?.policy.message).toBe('Request refused');
  });

  test('has every kind either judged or skipped, and no kind of ours is both', () => {
    const own = new Set(realKinds.map(({ kind }) => kind));
    expect(own.size).toBe(realKinds.length);
    expect([...OTHER_KINDS].filter((kind) => own.has(kind))).toEqual([]);
    expect(own.size).toBe(12);
  });
});
