import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { SETTINGS } from '../../src/config/settings.ts';
import { type CoverageRow, isRedactionApplied, type Reach, reachIn } from '../../src/litellm/coverage.ts';
import { COVERAGE } from '../../src/litellm/coverage-rows.ts';
import { globs } from '../../src/policies/glob.ts';
import { callOf } from '../support/call.ts';
import { type Bridge, startBridge } from './bridge.ts';
import { type Answer, END, markedResponse, probes, receivedBy } from './coverage-probes.ts';
import { type CoverageWorld, MARK, MASK, startCoverageWorld, type Told } from './coverage-world.ts';
import { policies } from './policy-world.ts';

const isRedactable = globs(SETTINGS.REDACTABLE_MODELS.default.split(','));
const ROOT = join(import.meta.dirname, '..', '..');
const HERE = 'test/litellm/coverage.test.ts';
const nameOf = ({ endpoint, direction }: CoverageRow) => `${endpoint} ${direction}`;
const provenHere = COVERAGE.filter(({ provenBy }) => provenBy === HERE);

/** Sends streams through each configuration that the guide to streams has. */
const CONFIGURED = 'test/litellm/streaming.test.ts';

test('each stream whose configuration decides is sent through the configurations', () => {
  const text = readFileSync(join(ROOT, CONFIGURED), 'utf8');
  const configured = COVERAGE.filter(({ steps }) => steps.some(({ reach }) => reach === 'configured'));
  expect(configured.map(({ endpoint }) => endpoint).filter((name) => !text.includes(`'${name}'`))).toEqual(
    [],
  );
});

test('every row of the table has a proof', () => {
  const unproven = COVERAGE.filter(({ endpoint, direction, steps, provenBy }) => {
    if (provenBy === HERE)
      return probes[endpoint]?.[direction === 'stream' ? 'stream' : 'plain'] === undefined;
    const text = existsSync(join(ROOT, provenBy)) ? readFileSync(join(ROOT, provenBy), 'utf8') : '';
    const name = `${endpoint}, ${direction}`;
    const isHiddenAtFirst = steps[0]?.reach === 'hidden';
    return !text.includes(`'${name}`) || (isHiddenAtFirst && !text.includes(`'${name}, not asked about`));
  });
  expect(unproven.map(nameOf)).toEqual([]);
});

describe.each(inject('releases'))('coverage of litellm $version', (release) => {
  const { version } = release;
  let world: CoverageWorld;
  let bridge: Bridge;

  beforeAll(async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'coverage-')), 'policy.yaml');
    writeFileSync(
      file,
      JSON.stringify(policies({ 'banned-keywords': { keywords: [MARK], action: 'redact' } })),
    );
    const env = { POLICY_FILE: file, RESPONSE_REDACTION: 'rewrite' };
    [world, bridge] = await Promise.all([startCoverageWorld(release), startBridge(env)]);
  });

  afterAll(async () => {
    await Promise.all([world?.stop(), bridge?.stop()]);
  });

  /** Sends the mark the way of a row, and returns what is at its end: what the provider got, or the client. */
  async function run({ endpoint, direction }: CoverageRow, told: Told | 'bridge') {
    const isRequest = direction === 'request';
    world.provider.reset(isRequest ? {} : markedResponse());
    world.recorder.calls = [];
    world.orders.told = told === 'bridge' ? 'allow' : told;
    world.orders.bridge = told === 'bridge' ? bridge.url : undefined;
    const probe = probes[endpoint]?.[direction === 'stream' ? 'stream' : 'plain'];
    const answer: Answer = (await probe?.(
      world.proxy.url,
      isRequest ? `Bake ${MARK} today` : 'Bake a cake',
    )) ?? {
      ...{ status: 0, raw: '' },
    };
    const type = isRequest ? 'request' : 'response';
    const shown = world.recorder.calls.filter(
      ({ body }) => body.input_type === type && JSON.stringify(body).includes(MARK),
    );
    // apply_guardrail has no provider: what it returns is what it would be given
    const hasProvider = isRequest && endpoint !== '/guardrails/apply_guardrail';
    return { answer, shown, end: hasProvider ? receivedBy(world.provider) : answer.raw };
  }

  /** The reach that is seen. */
  async function seen(row: CoverageRow): Promise<{ reach: Reach; shapes: string[]; log: string }> {
    const allowed = await run(row, 'allow');
    const shapes = [...new Set(allowed.shown.map(({ body }) => callOf(body).shape))];
    const log = `allowed: ${allowed.answer.status} ${allowed.end.slice(0, 300)}`;
    // Some releases count tokens by themselves
    const isKept = row.endpoint === '/v1/messages/count_tokens' && world.provider.calls.length === 0;
    if (!isKept) expect(allowed.end, log).toContain(MARK);
    if (allowed.shown.length === 0) return { reach: 'hidden', shapes, log };
    const blocked = await run(row, 'block');
    const isStopped = row.direction === 'stream' ? !blocked.end.includes(END) : !blocked.end.includes(MARK);
    if (!isStopped) return { reach: 'late', shapes, log };
    const rewritten = await run(row, 'rewrite');
    const isMasked = rewritten.end.includes(MASK) && !rewritten.end.includes(MARK);
    return {
      reach: isMasked ? 'redacts' : 'blocks',
      shapes,
      log: `${log}\nrewritten: ${rewritten.end.slice(0, 300)}`,
    };
  }

  test.each(provenHere.map((row) => [nameOf(row), row] as const))('%s', async (_, row) => {
    const { reach, shapes, log } = await seen(row);
    const expected = reachIn(row, version);
    // Without a configuration of its own a stream drops every redaction, and one of /v1/completions is shown at its end
    const bare = row.endpoint === '/v1/completions' ? 'late' : 'blocks';
    expect(reach, log).toBe(expected === 'configured' ? bare : expected);
    if (reach !== 'hidden') expect(shapes).toEqual([row.shape]);
  });

  const requests = provenHere.filter(
    (row) => row.direction === 'request' && reachIn(row, version) !== 'hidden',
  );
  test.each(requests.map((row) => [nameOf(row), row] as const))(
    '%s: the bridge redacts or blocks',
    async (_, row) => {
      const before = await counts(bridge);
      const { end, answer, shown } = await run(row, 'bridge');
      const after = await counts(bridge);
      expect(shown.length).toBeGreaterThan(0);
      expect(end).not.toContain(MARK);
      if (isRedactionApplied(callOf(shown[0]?.body), isRedactable)) {
        expect(answer.status).toBeLessThan(400);
        expect(after).toEqual({ redacted: before.redacted + shown.length, unapplied: before.unapplied });
      } else {
        expect(after).toEqual({ redacted: before.redacted, unapplied: before.unapplied + shown.length });
      }
    },
  );
});

async function counts(bridge: Bridge) {
  const text = await bridge.metrics();
  const value = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    redacted: value(/decisions_total\{input_type="request",action="GUARDRAIL_INTERVENED"\} (\d+)/),
    unapplied: value(/unapplied_redactions_total\{input_type="request"\} (\d+)/),
  };
}
