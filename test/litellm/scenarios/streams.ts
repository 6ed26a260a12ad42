import { describe, expect, test } from 'vitest';
import { streamedText } from '../client.ts';
import { chat, type Endpoint, messages, responses } from '../endpoints.ts';
import { address, forbidden, masked } from '../fake-akto.ts';
import { does, type Release } from '../release.ts';
import type { World } from '../world.ts';
import { blocked, expectCut, lastWords, letter, question, recipe, testIf } from './expected.ts';

/** Streams that are judged while they flow. */
export function streams(release: Release, world: () => World): void {
  describe('streams', () => {
    const streaming = [chat, messages, responses];
    const isSampled = (endpoint: Endpoint) => endpoint !== responses || does(release, 'samples responses');

    test.each(does(release, 'has stream settings') ? streaming : [])(
      'streaming_sampling_rate 1 holds the forbidden word back on $name',
      async (endpoint) => {
        // slowly, so that a busy machine reads no two chunks as one
        world().provider.reset({ text: recipe, chunkSize: 4, chunkDelayMs: 30 });
        const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'each-chunk-post',
        ]);

        expectCut(release, endpoint, seen, blocked);
        expect(streamedText(seen.raw).includes(forbidden)).toBe(!isSampled(endpoint));
        expect(streamedText(seen.raw)).toContain('peel the carrots');
      },
    );

    test.each(does(release, 'has stream settings') ? streaming : [])(
      'streaming_end_of_stream_only delivers before it judges on $name',
      async (endpoint) => {
        world().provider.reset({ text: recipe, chunkSize: 4 });
        const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'at-end-post',
        ]);

        expectCut(release, endpoint, seen, blocked);
        expect(streamedText(seen.raw)).toBe(recipe);
      },
    );

    test.each(does(release, 'has stream settings') ? streaming : [])(
      'RESPONSE_REDACTION=block never delivers the redacted words on $name',
      async (endpoint) => {
        world().provider.reset({ text: letter, chunkSize: 4 });
        const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'strict-each-chunk-post',
        ]);

        expectCut(release, endpoint, seen, blocked);
        if (isSampled(endpoint)) expect(seen.raw).not.toContain(address);
        expect(streamedText(seen.raw).includes(address)).toBe(!isSampled(endpoint));
      },
    );

    test.each(streaming)(
      'RESPONSE_REDACTION=block cuts at the sampled chunk by default on $name',
      async (endpoint) => {
        world().provider.reset({ text: letter, chunkSize: 4 });
        const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'strict-post',
        ]);

        expectCut(release, endpoint, seen, blocked);
        if (isSampled(endpoint)) expect(streamedText(seen.raw)).not.toContain(lastWords);
      },
    );

    test.each(streaming)(
      'LEAKS with RESPONSE_REDACTION=rewrite: LiteLLM drops rewrites of streams on $name',
      async (endpoint) => {
        world().provider.reset({ text: letter, chunkSize: 8 });
        const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, ['mask-post']);

        expect(seen.status).toBe(200);
        expect(streamedText(seen.raw)).toBe(letter);
      },
    );

    testIf(does(release, 'has stream settings'))(
      'streaming_transform_mode incremental_diff applies redactions on chat completions',
      async () => {
        world().provider.reset({ text: letter, chunkSize: 60 });
        const seen = await world().send(chat, { ...chat.ask(question), stream: true }, ['transform-post']);

        expect(seen.status).toBe(200);
        expect(streamedText(seen.raw)).toBe(letter.replace(address, masked));
      },
    );

    testIf(does(release, 'has stream settings'))(
      'incremental_diff shows a rewrite of the backend in its place',
      async () => {
        world().provider.reset({ text: letter, chunkSize: 4 });
        const seen = await world().send(chat, { ...chat.ask(question), stream: true }, ['transform-post']);

        expect(streamedText(seen.raw)).toBe(letter.replace(address, masked));
      },
    );

    test('a tool call in a stream is judged before its end', async () => {
      world().provider.reset({ toolCalls: [{ name: 'look_up', arguments: `{"q":"a ${forbidden}"}` }] });
      const seen = await world().send(chat, { ...chat.ask(question), stream: true }, ['policy-post']);

      expectCut(release, chat, seen, blocked);
      expect(seen.raw).not.toContain('"finish_reason":"tool_calls"');
    });
  });
}
