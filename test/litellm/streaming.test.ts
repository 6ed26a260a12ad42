import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { streamedText } from './client.ts';
import { banned, type ExampleWorld, startExample } from './example-world.ts';
import { redacted, samples } from './policy-samples.ts';
import { StreamReader } from './policy-stream.ts';
import type { ModelResponse } from './provider.ts';
import { masterKey } from './proxy.ts';
import { blockStatus, does, type Release, type Trait } from './release.ts';
import { testIf } from './scenarios/expected.ts';

/** The four endpoints that stream, with a body for each. */
const ask = {
  '/v1/chat/completions': { messages: [{ role: 'user', content: 'Tell me.' }] },
  '/v1/messages': { max_tokens: 99, messages: [{ role: 'user', content: 'Tell me.' }] },
  '/v1/responses': { input: 'Tell me.' },
  '/v1/completions': { prompt: 'Tell me.' },
} as const;
type Path = keyof typeof ask;
const paths = Object.keys(ask) as Path[];

/** How much a client reads of a stream that is stopped: up to the forbidden word, a few chunks after it, or all of it. */
type Shown = 'nothing' | 'before' | 'after' | 'everything';
/** A configuration as `examples/streaming/README.md` tells it; calls are those of a clean stream of 21 chunks. */
type Told = { blocked: Shown; redacted: Shown | 'redacted'; calls: number };

const cut = { blocked: 'after', redacted: 'after' } as const;
const late = { blocked: 'everything', redacted: 'everything', calls: 1 } as const;
const buffered = { blocked: 'nothing', redacted: 'nothing', calls: 1 } as const;
const pipeline = { blocked: 'nothing', redacted: 'redacted', calls: 1 } as const;
const all = (told: Told): Record<Path, Told> => ({
  '/v1/chat/completions': told,
  '/v1/messages': told,
  '/v1/responses': told,
  '/v1/completions': told,
});

const configurations: { file: string; trait: Trait; told: Record<Path, Told> }[] = [
  {
    file: 'streaming/fast.yaml',
    trait: 'scopes streams',
    told: {
      '/v1/chat/completions': { ...cut, calls: 5 },
      '/v1/messages': { ...cut, calls: 6 },
      '/v1/responses': { ...cut, calls: 5 },
      '/v1/completions': late,
    },
  },
  {
    file: 'streaming/incremental-diff.yaml',
    trait: 'scopes streams',
    told: {
      '/v1/chat/completions': { blocked: 'before', redacted: 'redacted', calls: 5 },
      '/v1/messages': { ...cut, calls: 6 },
      '/v1/responses': { ...cut, calls: 5 },
      '/v1/completions': late,
    },
  },
  { file: 'streaming/buffered.yaml', trait: 'buffers streams', told: all(buffered) },
  { file: 'streaming/pipeline.yaml', trait: 'redacts by pipelines', told: all(pipeline) },
];

const story = 'Slice the plums, fold them into the batter and bake the cake. ';
const end = 'Let it rest on the sill.';
const clean = `${story}${story}`;
const forbidden = `${story}Add a ${banned} root. ${story}${end}`;
const secret = `${story}The key is ${samples.github}, they say. ${story}${end}`;

/** Rows of a stream in the audit log: its first rounds are shorter than what tells one response from another. */
const ROWS = 3;

const search = {
  query: 'plums of the harbour',
  results: [{ title: 'All plums of the harbour and of its market', url: 'https://plums.example/harbour' }],
};
const toolCalls = [{ name: 'look_up', arguments: '{"q":"plums of the harbour and of its market"}' }];

/** A name by which LiteLLM does not recognise each path of a chat. */
const slashed = 'team/house';

/** The calls of one example on one release. */
function suiteOf(release: Release, file: string, model: (path: Path) => string) {
  let world: ExampleWorld;
  beforeAll(async () => {
    world = await startExample(release, file, [slashed]);
  });
  afterAll(async () => {
    await world?.stop();
  });

  return {
    world: () => world,
    /** One call, what its client read, and how often the bridge was asked about the response. */
    async send(path: Path, text: string, stream: boolean) {
      world.provider.reset({ text, chunkSize: 6 });
      const [before, lines] = [await world.responseCalls(), world.bridge.lines.length];
      const seen = await world.send(path, { model: model(path), stream, ...ask[path] });
      const calls = (await world.responseCalls()) - before;
      // The line comes through a pipe of its own and can be later than the reply
      await sleep(50);
      const said = world.bridge.lines
        .slice(lines)
        .filter(({ msg }) => msg === 'redacted' || msg === 'blocked');
      return { ...seen, text: stream ? streamedText(seen.raw) : seen.raw, calls, said };
    },
  };
}

/** That a client read so much of a stream that was stopped, and was told why. */
function expectStopped(
  path: Path,
  seen: { status: number; raw: string; text: string },
  word: string,
  shown: Shown,
) {
  expect(seen.raw).toMatch(/Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}/);
  switch (shown) {
    case 'nothing':
      expect(seen.text).toBe('');
      // An event of `/v1/responses` says that it failed; other clients get the error of a call
      expect(seen.status).toBe(path === '/v1/responses' ? 200 : 400);
      break;
    case 'before':
      expect(seen.text).toContain(story.slice(0, 20));
      expect(seen.text).not.toContain(word.slice(0, 4));
      break;
    case 'after':
      expect(seen.text).toContain(word.slice(0, 4));
      expect(seen.text).not.toContain(end);
      break;
    case 'everything':
      expect(seen.text).toContain(end);
  }
}

for (const { file, trait, told } of configurations) {
  const releases = inject('releases').filter((release) => does(release, trait));
  if (releases.length === 0) test.skip(`${file}: none of these releases ${trait}`, () => {});

  describe.each(releases)(`${file}, litellm $version`, (release) => {
    const model = (path: Path) => (path === '/v1/messages' ? 'claude' : 'gpt-4o-mini');
    const { send, world } = suiteOf(release, file, model);
    const judged = paths.filter(
      (path) => path !== '/v1/completions' || does(release, 'judges streamed completions'),
    );

    test.each(judged)('a clean stream of %s is whole, and costs what the guide says', async (path) => {
      const seen = await send(path, clean, true);
      expect(seen.text).toBe(clean);
      expect(seen.said).toEqual([]);
      expect(seen.calls).toBeGreaterThan(0);
      expect(seen.calls).toBeLessThanOrEqual(told[path].calls);
    });

    test.each(judged)('a forbidden word in a stream of %s stops it where the guide says', async (path) => {
      const seen = await send(path, forbidden, true);
      expectStopped(path, seen, banned, told[path].blocked);
      expect(seen.said).toMatchObject([{ msg: 'blocked', cause: 'verdict' }]);
    });

    test.each(judged)(
      'a secret in a stream of %s is redacted or stops it, and the log says which',
      async (path) => {
        const seen = await send(path, secret, true);
        if (told[path].redacted === 'redacted') {
          expect(seen.status).toBe(200);
          expect(seen.text).toBe(secret.replace(samples.github, redacted));
          expect(seen.raw).not.toContain(samples.github.slice(0, 8));
          for (const line of seen.said) expect(line).toMatchObject({ msg: 'redacted' });
          expect(seen.said.length).toBeGreaterThan(0);
        } else {
          expectStopped(path, seen, 'ghp_', told[path].redacted);
          expect(seen.said).toMatchObject([
            { msg: 'blocked', cause: 'redaction', advice: expect.any(String) },
          ]);
        }
      },
    );

    test.each(paths)('a response of %s that is not streamed is redacted, or blocked', async (path) => {
      const seen = await send(path, secret, false);
      expect(seen.status).toBe(200);
      expect(seen.text).toContain(`The key is ${redacted}`);
      expect(seen.said).toMatchObject([{ msg: 'redacted' }]);
      expect((await send(path, forbidden, false)).status).toBe(blockStatus(release));
    });

    testIf(told['/v1/responses'].calls === 1)(
      'streams of /v1/responses with 1, 2, 3 and 5 tool calls succeed',
      async () => {
        expect(await completedToolStreams(world())).toEqual(TOOL_STREAMS);
      },
    );

    testIf(file.endsWith('incremental-diff.yaml'))(
      'a chat by a path that LiteLLM does not recognise as one is blocked, as its redaction would be dropped',
      async () => {
        for (const path of [`/engines/${slashed}/chat/completions`, '/v1/chat/completions']) {
          world().provider.reset({ text: secret, chunkSize: 6 });
          const body = { model: slashed, stream: true, ...ask['/v1/chat/completions'] };
          const { raw } = await world().send(path, body);
          expect(raw, path).toMatch(/Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}/);
          expect(streamedText(raw), path).not.toContain(end);
        }
      },
    );

    const moving: [string, Path, ModelResponse][] = [
      ['titles of a web search come before it', '/v1/messages', { search }],
      ['its arguments no longer follow it without a gap', '/v1/responses', { toolCalls }],
    ];
    for (const [name, path, more] of moving) {
      const isShown = path === '/v1/responses' || does(release, 'judges streamed completions');
      testIf(file.endsWith('fast.yaml') && isShown)(
        `a stream of ${path} is one response though at its end ${name}`,
        async () => {
          const known = (await world().auditedResponses()).length;
          world().provider.reset({ text: clean, chunkSize: 6, ...more });
          const seen = await world().send(path, { model: model(path), stream: true, ...ask[path] });
          expect(streamedText(seen.raw)).toBe(clean);
          const rows = (await world().auditedResponses()).slice(known);
          expect(rows.length).toBeGreaterThan(0);
          expect(rows.length).toBeLessThanOrEqual(ROWS);
        },
      );
    }

    testIf(file.endsWith('fast.yaml'))('a client that hangs up harms nothing', async () => {
      const text = `${story.repeat(4)}${end}`;
      const known = (await world().auditedResponses()).length;
      world().provider.reset({ text, chunkSize: 6, chunkDelayMs: 20 });
      const leaving = new AbortController();
      const response = await fetch(`${world().proxy.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'gpt-4o-mini', stream: true, ...ask['/v1/chat/completions'] }),
        signal: leaving.signal,
      });
      await new StreamReader(response).until((read) => read.length > 100);
      const before = await world().responseCalls();
      leaving.abort();
      await expect.poll(() => world().responseCalls()).toBeGreaterThan(before);
      await sleep(500);
      expect(await world().responseCalls()).toBe(before + 1);
      const rows = (await world().auditedResponses()).slice(known);
      expect(rows.length).toBeLessThanOrEqual(ROWS);
      expect(rows.every(({ verdict }) => verdict === 'allow')).toBe(true);
      expect((await send('/v1/chat/completions', clean, true)).text).toBe(clean);
    });
  });
}

const TOOL_STREAMS = [1, 2, 3, 5].flatMap((calls) => [`${calls}`, `${calls} after text`]);

/** The streams of `/v1/responses` that end well, by their number of tool calls. */
async function completedToolStreams(world: ExampleWorld): Promise<string[]> {
  const completed: string[] = [];
  for (const name of TOOL_STREAMS) {
    const toolCalls = Array.from({ length: Number.parseInt(name, 10) }, (_, i) => ({
      name: 'look_up',
      arguments: `{"q":"plum ${i}"}`,
    }));
    const text = name.endsWith('text') ? { text: 'Let me look that up for you now.' } : {};
    world.provider.reset({ toolCalls, ...text, chunkSize: 6 });
    const { raw } = await world.send('/v1/responses', {
      model: 'gpt-4o-mini',
      stream: true,
      input: 'Tell me.',
    });
    const isWhole = raw.includes('response.completed') && raw.includes(`plum ${toolCalls.length - 1}`);
    if (isWhole && !raw.includes('response.failed')) completed.push(name);
  }
  return completed;
}

describe.each(inject('releases'))('litellm-config.yaml, litellm $version', (release) => {
  const { send, world } = suiteOf(release, 'litellm-config.yaml', () => 'gpt-4o-mini');
  const streamed = paths.filter(
    (path) => path !== '/v1/completions' || does(release, 'judges streamed completions'),
  );
  /** Releases without `stream_scope` ask both guardrails. */
  const asked = does(release, 'scopes streams') ? 1 : 2;

  test('streams of /v1/responses with 1, 2, 3 and 5 tool calls succeed', async () => {
    expect(await completedToolStreams(world())).toEqual(TOOL_STREAMS);
  });

  test.each(streamed)('a clean stream of %s is whole', async (path) => {
    const seen = await send(path, clean, true);
    expect(seen.text).toBe(clean);
    expect(seen.said).toEqual([]);
    if (does(release, 'has stream settings')) expect([1, asked]).toContain(seen.calls);
  });

  test.each(streamed)('a forbidden word stops a stream of %s', async (path) => {
    const seen = await send(path, forbidden, true);
    if (does(release, 'buffers streams')) expectStopped(path, seen, banned, 'nothing');
    else expect(seen.raw).toMatch(/Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}/);
  });

  test.each(streamed)('a secret stops a stream of %s, and the log says why', async (path) => {
    const seen = await send(path, secret, true);
    if (does(release, 'buffers streams')) expectStopped(path, seen, 'ghp_', 'nothing');
    const why = does(release, 'scopes streams') ? 'stream' : 'unknown';
    expect(seen.said).toMatchObject([{ msg: 'blocked', cause: 'redaction', why }]);
  });

  test.each(paths)('a response of %s that is not streamed is judged', async (path) => {
    const passed = await send(path, clean, false);
    expect(passed.status).toBe(200);
    expect(passed.calls).toBe(asked);
    expect((await send(path, forbidden, false)).status).toBe(blockStatus(release));
    const seen = await send(path, secret, false);
    expect(seen.text).not.toContain(samples.github);
    if (does(release, 'scopes streams')) expect(seen.text).toContain(`The key is ${redacted}`);
    else expect(seen.said).toMatchObject([{ msg: 'blocked', why: 'unknown' }]);
  });
});
