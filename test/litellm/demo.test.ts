import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { startDemoBridge } from '../../src/demo/demo-bridge.ts';
import { DEMO_CALLS } from '../../src/demo/demo-calls.ts';
import { readRecording, replayClient } from '../../src/demo/replay.ts';
import { isAtLeast, TAKES_STREAM_SCOPE } from '../../src/litellm/releases.ts';
import { runChild, startChild } from '../support/child.ts';
import { recordDemo } from './demo-recording.ts';

const streamed = [
  /^3 {2}Redacted, in a stream$/m,
  /^client reads Order 1042 is \|on its way to \|.*wrote to \|\[EMAIL_ADDRESS\], and took 49 euros from \|\[IBAN_CODE\]\. It comes on Friday\.$/m,
];
const plain = [
  /^This LiteLLM drops redactions of streams, so no response is streamed; from 1\.106\.2 on they are\.$/m,
  /^3 {2}Redacted$/m,
  /^client reads Order 1042 .*wrote to \[EMAIL_ADDRESS\], and took 49 euros from \[IBAN_CODE\]\. It comes on Friday\.$/m,
];

describe.each(inject('releases'))('the demo, litellm $version', ({ bin, version }) => {
  const streams = isAtLeast(version, TAKES_STREAM_SCOPE);
  const shown = [
    /^client reads At nine o'clock, every day but Sunday\.$/m,
    /^client reads HTTP [45]00: Blocked by security policy\. .*Reference: [0-9a-f]{16}$/m,
    // As a command where it can be pasted
    /^ {2}(?:\$ DATA_DIR=\S+ npm start --silent -- why [0-9a-f]{16}|why [0-9a-f]{16} says:)$/m,
    /^ {2}Blocked by the policy prompt-injection /m,
    /^ {4}who +.*end user visitor-7$/m,
    ...(streams ? streamed : plain),
    /^All three ended as they should, after \d+\.\d s\.$/m,
  ];

  test('shows three calls, stays with what can be tried, and leaves nothing after Ctrl-C', {
    timeout: 180_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-live-'));
    const env = { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder, LITELLM_BIN: bin };
    const child = startChild({ args: ['demo', '--stay', '--start-limit', '120'], env, limitMs: 170_000 });
    try {
      while (!/decisions list$/m.test(child.stdout()))
        await Promise.race([wait(50), child.exit.then(() => expect.fail(child.stdout() + child.stderr()))]);
      const out = child.stdout();
      expect(out).toContain(`LiteLLM ${version}, from LITELLM_BIN.\n`);
      for (const line of shown) expect(out).toMatch(line);

      const [blocked = '', stream = '', readyz = '', list = ''] =
        out.match(/^(?:curl |DATA_DIR=).*$/gm) ?? [];
      const run = (line: string) => execFileSync('sh', ['-c', line], { encoding: 'utf8' });
      expect(run(blocked)).toMatch(/Reference: [0-9a-f]{16}/);
      if (streams) expect(run(stream)).toMatch(/\[EMAIL_ADDRESS\]/);
      expect(run(readyz)).toContain('"findings":[]');
      expect(run(list)).toMatch(/prompt-injection.*\n/);

      const [, url = '', key = ''] = /^ *LiteLLM +(http\S+), key (\S+)$/m.exec(out) ?? [];
      if (streams) {
        const { code, stdout } = await runChild({
          args: ['demo', '--proxy', url, '--key', key],
          env: { DATA_DIR: /^DATA_DIR=(\S+)/.exec(list)?.[1] ?? '' },
        });
        for (const line of shown.slice(0, -1)) expect(stdout).toMatch(line);
        expect(code).toBe(0);
      }
      const [, bridge = ''] = /^ *bridge +(http\S+),/m.exec(out) ?? [];
      child.send('SIGINT');
      expect(await child.exit).toEqual({ code: 0, signal: null });
      for (const server of [url, bridge]) await expect(fetch(server)).rejects.toThrow();
      expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(folder);
      expect(readdirSync(folder).filter((name) => name.startsWith('guardrail-demo-'))).toEqual([]);
    } finally {
      await child.stop();
      rmSync(folder, { recursive: true });
    }
  });

  test.skipIf(version !== readRecording().litellm)('is replayed as it is', async () => {
    const { recording, read } = await recordDemo(version, join(bin, 'litellm'));
    // Ids and ports differ from run to run
    const alike = ({ asked }: typeof recording) =>
      JSON.parse(JSON.stringify(asked).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|127\.0\.0\.1:\d+/g, ''));
    expect(alike(recording)).toEqual(alike(readRecording()));

    const folder = mkdtempSync(join(tmpdir(), 'demo-replayed-'));
    const bridge = await startDemoBridge(folder, 'invented-key', true);
    try {
      const replay = replayClient(readRecording(), bridge, new AbortController().signal);
      const masked = (text: unknown) => JSON.stringify(text).replaceAll(/[0-9a-f]{16}/g, 'reference');
      for (const call of DEMO_CALLS) {
        const pieces: string[] = [];
        const again = await replay(call, (piece) => pieces.push(piece));
        expect(masked({ shown: again, pieces })).toBe(masked(read.get(call.outcome)));
      }
    } finally {
      await bridge.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
