import { expect, test } from 'vitest';
import { type BridgeFinding, FINDING_CODES } from '../../src/findings/finding.ts';
import { LiveFindings } from '../../src/findings/live-findings.ts';
import { createMetrics } from '../../src/observability/metrics.ts';

const START = 1_800_000_000_000;
const seconds = (n: number) => 1000 * n;

/** Live findings with a clock of their own, and what they log. */
function watched() {
  const metrics = createMetrics({ backends: [], policies: [], findings: FINDING_CODES }, () => [], false);
  const lines: [string, Record<string, unknown>][] = [];
  const states: BridgeFinding[] = [];
  let now = START;
  const log = {
    warn: (fields: object, line: string) => void lines.push([`warn ${line}`, fields as never]),
    info: (fields: object, line: string) => void lines.push([`info ${line}`, fields as never]),
  };
  const findings = new LiveFindings({ metrics, log: log as never, states: () => states, now: () => now });
  const codes = () => findings.all.map(({ code }) => code);
  const at = (second: number) => {
    now = START + seconds(second);
    findings.look();
    return codes();
  };
  return { metrics, lines, states, findings, at };
}

test('every code has a metric at zero from the start', async () => {
  const text = await watched().metrics.text();
  for (const code of FINDING_CODES) expect(text).toContain(`guardrail_bridge_finding{code="${code}"} 0\n`);
});

test('the tenth call of a minute begins a finding, and a clean minute ends it', () => {
  const { findings, at, lines } = watched();
  for (let i = 0; i < 9; i++) findings.shown('post_call_missing', 1, START + seconds(5 * i));
  expect(at(41)).toEqual([]);
  findings.shown('post_call_missing', 1, START + seconds(42));
  expect(at(43)).toEqual(['post_call_missing']);
  expect(findings.all[0]?.since).toBe(new Date(START).toISOString());
  expect(at(101)).toEqual(['post_call_missing']);
  expect(at(103)).toEqual([]);
  expect(lines.map(([line, { finding }]) => `${line} ${finding}`)).toEqual([
    'warn a finding begins post_call_missing',
    'info a finding has ended post_call_missing',
  ]);
});

test('a finding lasts while one call of each minute shows it', () => {
  const { findings, at } = watched();
  findings.shown('calls_unjudged', 10, START);
  for (let minute = 0; minute < 5; minute++) {
    expect(at(50 * minute + 1)).toEqual(['calls_unjudged']);
    findings.shown('calls_unjudged', 1, START + seconds(50 * (minute + 1)));
  }
});

test('ten calls of more than a minute begin nothing', () => {
  const { findings, at } = watched();
  for (let i = 0; i < 40; i++) {
    findings.shown('log_posts_refused', 1, START + seconds(7 * i));
    expect(at(7 * i)).toEqual([]);
  }
});

test('what any process counts shows a finding, and the metric says so', async () => {
  const { metrics, at } = watched();
  metrics.finding_calls_total.inc({ code: 'guardrail_key_wrong' }, 10);
  expect(at(1)).toEqual(['guardrail_key_wrong']);
  expect(await metrics.text()).toContain('guardrail_bridge_finding{code="guardrail_key_wrong"} 1\n');
  expect(at(62)).toEqual([]);
  expect(await metrics.text()).toContain('guardrail_bridge_finding{code="guardrail_key_wrong"} 0\n');
});

test('a state begins and ends a finding by itself, and is told once', () => {
  const { states, findings, at, lines } = watched();
  const finding = { code: 'backend_unauthorized', subject: 'akto', message: 'm', advice: 'a' } as const;
  // As calls and as records tell it
  states.push(finding, finding);
  at(1);
  expect(findings.all).toEqual([{ ...finding, since: new Date(START + 1000).toISOString() }]);
  at(2);
  expect(findings.all[0]?.since).toBe(new Date(START + 1000).toISOString());
  states.length = 0;
  expect(at(3)).toEqual([]);
  expect(lines).toHaveLength(2);
});

test('a state that comes and goes is told twice at most, and ends after a clean minute', () => {
  const { states, at, lines } = watched();
  const finding = { code: 'backend_failing', subject: 'akto', message: 'm', advice: 'a' } as const;
  for (let second = 1; second <= 100; second++) {
    if (second % 4 === 1) states.push(finding);
    if (second % 4 === 3) states.pop();
    at(second);
  }
  expect(lines.map(([line]) => line)).toEqual([
    'warn a finding begins',
    'info a finding has ended',
    'warn a finding begins',
  ]);
  expect(at(157)).toEqual(['backend_failing']);
  expect(at(159)).toEqual([]);
  expect(lines).toHaveLength(4);
});

test('two backends with the same fault are two findings', () => {
  const { states, at } = watched();
  for (const subject of ['akto', 'capsule'])
    states.push({ code: 'backend_failing', subject, message: '', advice: '' });
  expect(at(1)).toEqual(['backend_failing', 'backend_failing']);
});
