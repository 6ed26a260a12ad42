import { expect, test } from 'vitest';
import { COVERAGE } from '../../src/litellm/coverage-rows.ts';
import { runCli } from '../support/cli.ts';

test('coverage prints a line for each endpoint, and of a release what it does', async () => {
  const { out } = await runCli(['coverage']);
  for (const { endpoint } of COVERAGE) expect(out).toContain(endpoint);
  expect(out).toMatch(/^\| realtime sessions \| block, redact from 1\.110 \| – \|/m);
  expect(out).toContain(
    '- a tool without `type` before 1.109: refused; with `fail_on_error: false` it goes on unjudged\n',
  );

  const older = (await runCli(['coverage', '--release', '1.109.3'])).out;
  expect(older).toMatch(/^\|[^|]*realtime sessions[^|]*\| block \| – \|/m);
  expect(older).not.toContain('a tool without `type`');
  // Calls of both look alike
  expect(older).toMatch(/^\|[^|]*apply_guardrail[^|]*\| block \|/m);
});

test('coverage prints columns without Markdown on a terminal', async () => {
  const { out } = await runCli(['coverage'], { isTTY: true });
  expect(out).not.toMatch(/[`]|\*\*|^\|/m);
  expect(out).toMatch(/^realtime sessions +block, redact from 1\.110 +–$/m);
  expect(out).toMatch(/^\/v1\/messages +request +mcp_servers +mcp_servers from 1\.95$/m);
  expect(out).toMatch(/^\/v1\/embeddings +request +extra_body$/m);
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(150);
});

test('coverage marks what the examples drop, and what an operator can drop besides', async () => {
  const { out } = await runCli(['coverage']);
  const marked = [...out.matchAll(/`(\w+)`°/g)].map(([, part]) => part);
  expect(new Set(marked)).toEqual(new Set(['extra_body', 'functions', 'prediction', 'response_format']));
  expect(out).toContain('`mcp_servers`⁺ from 1.95');
});

test('coverage explains the words that the table has', async () => {
  const { out } = await runCli(['coverage', '--release', '1.103.0']);
  expect(out).toContain('**redact\\***: ');
  expect(out).not.toMatch(/\*\*(?:late|from)\*\*/);
  expect((await runCli(['coverage'])).out).toContain('**late**: ');
  // Endpoints that have nothing in common but a verdict
  expect(out).toMatch(/^\| pass-through routes \|/m);
});

test('coverage --json has each row with its first releases', async () => {
  const { out } = await runCli(['coverage', '--json', '--release', '1.83.14']);
  const { rows, never_shown, not_asked, not_tested } = JSON.parse(out);
  expect(rows).toHaveLength(COVERAGE.length);
  expect(rows).toContainEqual({
    ...{ endpoint: '/v1/images/edits', direction: 'request', shape: 'texts', shows: 'prompt' },
    ...{
      shown_since: '1.106.2',
      blockable_since: '1.106.2',
      rewritable_since: '1.106.2',
      if_configured: false,
    },
    ...{ reach: 'hidden', proven_by: 'test/litellm/coverage.test.ts' },
  });
  expect(never_shown).toContainEqual({
    ...{ endpoint: '/v1/messages', direction: 'request', part: '`mcp_servers`' },
    ...{ dropped_by: 'mcp_servers', dropped_since: '1.95' },
  });
  expect(not_asked.length).toBeGreaterThan(5);
  expect(not_tested.length).toBeGreaterThan(3);
});

test('coverage --json says the same of a release as the table', async () => {
  const release = ['--release', '1.109.3'];
  const { out } = await runCli(['coverage', '--json', ...release]);
  const { rows } = JSON.parse(out) as { rows: { endpoint: string; direction: string; reach: string }[] };
  const of = (name: string) =>
    rows.find(({ endpoint, direction }) => endpoint.includes(name) && direction === 'request');
  // LiteLLM applies its redactions, but calls of sessions look alike, and theirs are dropped
  expect(of('apply_guardrail')).toMatchObject({ reach: 'blocks', rewritable_since: '1.110' });
  const table = (await runCli(['coverage', ...release])).out;
  for (const { endpoint, direction, reach } of rows) {
    if (direction !== 'request' || reach !== 'blocks') continue;
    const line = table.split('\n').find((one) => one.startsWith('|') && one.includes(endpoint));
    expect(line?.split('|')[2]?.trim(), endpoint).toBe('block');
  }
});

test.each(['1.80.8', 'newest', ''])('coverage refuses the release %j', async (release) => {
  const { code, err } = await runCli(['coverage', '--release', release]);
  expect(code).not.toBe(0);
  expect(err).toContain('1.83.14');
});
