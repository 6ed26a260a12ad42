import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type RecordedCall = {
  /** Release and file; in a file of a stream also the position. */
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>> & { readonly input_type: 'request' | 'response' };
};

const FIXTURES = join(import.meta.dirname, '..', 'fixtures');

/** Every guardrail call that a real LiteLLM was recorded to send. */
export const recordedCalls: readonly RecordedCall[] = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name.startsWith('litellm-'))
  .flatMap(({ name: release }) =>
    readdirSync(join(FIXTURES, release))
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => {
        const content = JSON.parse(readFileSync(join(FIXTURES, release, file), 'utf8')) as unknown;
        const name = `${release}/${file.replace('.json', '')}`;
        if (!Array.isArray(content)) return [{ name, body: content as RecordedCall['body'] }];
        return content.map((body: RecordedCall['body'], i) => ({ name: `${name}[${i}]`, body }));
      }),
  );
