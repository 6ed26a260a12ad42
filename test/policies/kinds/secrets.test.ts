import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { SECRETS } from '../../../src/detectors/secrets/index.ts';
import { secrets } from '../../../src/policies/kinds/secrets.ts';
import type { CreateContext } from '../../../src/policies/policy.ts';
import { jwt } from '../../support/credentials.ts';

const context: CreateContext = { warn() {}, fail() {}, keep: (_, make) => make(), readFile: () => '' };
const create = (options: object, more = context) =>
  secrets.create(v.parse(secrets.options, options), more).texts!;

describe('the kind secrets', () => {
  test('redacts in requests and responses by default', () => {
    const policy = create({});
    const [rule] = policy.rules;
    expect(policy.on).toEqual(['request', 'response']);
    expect(policy.reasonCode).toBe('secret_detected');
    expect(policy.decide([{ rule: rule!, start: 0, end: 1, from: 0 }])).toBe('redact');
    expect(policy.decide([])).toBe('allow');
    expect(policy.replace(rule!, jwt, 1)).toBe('[REDACTED]');
    expect(policy.rules).toEqual(SECRETS);
  });

  test('blocks under action: block', () => {
    const policy = create({ action: 'block' });
    expect(policy.decide([{ rule: policy.rules[0]!, start: 0, end: 1, from: 0 }])).toBe('block');
  });

  test('skips ignored rules, and adds high_entropy if set', () => {
    const policy = create({ ignore: ['jwt', 'hex-high-entropy'], high_entropy: true });
    const ids = policy.rules.map(({ id }) => id);
    expect(ids).not.toContain('jwt');
    expect(ids).not.toContain('hex-high-entropy');
    expect(ids).toContain('base64-high-entropy');
  });

  test('names the nearest rule for an unknown one', () => {
    const failures: [string, string][] = [];
    create({ ignore: ['jwt', 'github-tokem'] }, { ...context, fail: (...failure) => failures.push(failure) });
    expect(failures).toHaveLength(1);
    expect(failures[0]![0]).toBe('ignore[1]');
    expect(failures[0]![1]).toContain('github-token');
  });

  test.each([{ action: 'log' }, { ignor: [] }, { high_entropy: 'yes' }])('refuses %j', (options) => {
    expect(v.safeParse(secrets.options, options).success).toBe(false);
  });
});
