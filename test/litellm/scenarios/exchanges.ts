import { describe, expect, test } from 'vitest';
import { streamedText } from '../client.ts';
import { completions, endpoints, responses } from '../endpoints.ts';
import { address, forbidden, masked } from '../fake-akto.ts';
import { does, type Release } from '../release.ts';
import type { World } from '../world.ts';
import { blocked, expectCut, expectError, lastWords, letter, question, recipe, testIf } from './expected.ts';

/** Requests and responses of every endpoint, allowed, forbidden and redacted. */
export function exchanges(release: Release, world: () => World): void {
  describe.each(endpoints)('$name', (endpoint) => {
    const isCompletion = endpoint === completions;
    const judged = {
      ...endpoint.judged,
      stream: isCompletion ? does(release, 'judges streamed completions') : endpoint.judged.stream,
    };
    const isJudgedAtEnd = isCompletion || (endpoint === responses && !does(release, 'samples responses'));

    test('an allowed exchange passes untouched, and the vendor sees all that LiteLLM shows a guardrail', async () => {
      world().provider.reset();
      const seen = await world().send(endpoint, endpoint.ask(question), ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(world().provider.calls).toHaveLength(1);
      expect(JSON.stringify(world().provider.calls)).toContain(question);
      expect(world().akto.calls.map(({ query }) => query.guardrails)).toEqual(judged.request ? ['true'] : []);
    });

    testIf(judged.request)('a forbidden request never reaches the provider', async () => {
      world().provider.reset();
      const seen = await world().send(endpoint, endpoint.ask(`Peel a ${forbidden}`), ['policy-pre']);

      expectError(release, endpoint, seen, blocked);
      expect(world().provider.calls).toEqual([]);
    });

    testIf(!judged.request)('NOT judged by this release: a forbidden request passes', async () => {
      world().provider.reset();
      const seen = await world().send(endpoint, endpoint.ask(`Peel a ${forbidden}`), ['policy-pre']);

      expect(seen.status).toBe(200);
      expect(world().provider.calls).toHaveLength(1);
    });

    testIf(judged.request && endpoint.path !== '/v1/embeddings')(
      'a forbidden request for a stream never reaches the provider',
      async () => {
        world().provider.reset();
        const seen = await world().send(endpoint, { ...endpoint.ask(`Peel a ${forbidden}`), stream: true }, [
          'policy-pre',
        ]);

        expectError(release, endpoint, seen, blocked);
        expect(world().provider.calls).toEqual([]);
      },
    );

    testIf(judged.request)('a redacted request reaches the provider without the redacted words', async () => {
      world().provider.reset();
      const seen = await world().send(endpoint, endpoint.ask(`Write to ${address} today`), ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(JSON.stringify(world().provider.calls)).toContain(`Write to ${masked} today`);
      expect(JSON.stringify(world().provider.calls)).not.toContain(address);
    });

    testIf(judged.response)('a forbidden response does not reach the client', async () => {
      world().provider.reset({ text: recipe });
      const seen = await world().send(endpoint, endpoint.ask(question), ['policy-post']);

      expectError(release, endpoint, seen, blocked);
      expect(seen.raw).not.toContain(forbidden);
      expect(world().provider.calls).toHaveLength(1);
    });

    testIf(judged.response)('a redacted response reaches the client without the redacted words', async () => {
      world().provider.reset({ text: letter });
      const seen = await world().send(endpoint, endpoint.ask(question), ['mask-post']);

      expect(seen.raw).not.toContain(address);
      expect(seen.status).toBe(200);
      expect(seen.raw).toContain(letter.replace(address, masked));
    });

    testIf(judged.response)('RESPONSE_REDACTION=block blocks a response that would be redacted', async () => {
      world().provider.reset({ text: letter });
      const seen = await world().send(endpoint, endpoint.ask(question), ['strict-post']);

      expectError(release, endpoint, seen, blocked);
      expect(seen.raw).not.toContain(address);
    });

    testIf(judged.stream)('an allowed stream passes whole', async () => {
      world().provider.reset({ text: recipe, chunkSize: 8 });
      const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(streamedText(seen.raw)).toBe(recipe);
    });

    testIf(judged.stream)('a forbidden stream is cut in the middle', async () => {
      world().provider.reset({ text: recipe, chunkSize: 4 });
      const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, ['policy-post']);

      if (isJudgedAtEnd) {
        expect(streamedText(seen.raw)).toBe(recipe); // the error comes after all of it
      } else {
        expect(streamedText(seen.raw)).not.toContain(lastWords);
      }
      expectCut(release, endpoint, seen, blocked);
    });

    testIf(isCompletion && !judged.stream)(
      'NOT judged by this release: a forbidden stream passes',
      async () => {
        world().provider.reset({ text: recipe, chunkSize: 4 });
        const seen = await world().send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'policy-post',
        ]);

        expect(seen.status).toBe(200);
        expect(streamedText(seen.raw)).toContain(forbidden);
      },
    );
  });
}
