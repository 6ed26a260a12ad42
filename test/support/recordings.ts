import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Row = Readonly<Record<string, unknown>>;
export type RecordedCall = {
  readonly at: number;
  readonly replied_at?: number;
  readonly body: Row;
  readonly reply: {
    readonly action: 'NONE' | 'BLOCKED' | 'GUARDRAIL_INTERVENED';
    readonly texts?: string[];
  };
};

/** Calls of a real LiteLLM for one request of a client, or for a few; times are milliseconds after that. */
export type Recording = {
  /** Release and case. */
  readonly name: string;
  /** When the client began, Unix milliseconds. */
  readonly startedAt: number;
  readonly guardrail_calls: readonly RecordedCall[];
  readonly log_posts: readonly { readonly at: number; readonly body: string }[];
  /** Statuses that the clients got; 0 if they left before. */
  readonly client: { readonly status: number | readonly number[] };
};

export const BEFORE_ALL = 1_795_240_000_000;
const FIXTURES = join(import.meta.dirname, '..', 'fixtures');

/** In the order in which they were made. */
export function recordingsOf(release: string): Recording[] {
  const folder = join(FIXTURES, `logs-${release}`);
  return readdirSync(folder)
    .map((file, i) => {
      const made = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Omit<
        Recording,
        'name' | 'startedAt'
      >;
      const name = `${release} ${file.replace('.json', '')}`;
      return { ...made, name, startedAt: startOf(made) ?? BEFORE_ALL + i * 5000 };
    })
    .toSorted((a, b) => a.startedAt - b.startedAt);
}

/** The events in the body of a POST, in any of the three formats. */
export function rowsOf(body: string): Row[] {
  const texts = body.startsWith('[') ? [body] : body.split('\n');
  return texts.flatMap((text) => JSON.parse(text) as Row[]);
}

export type Step = {
  readonly at: number;
  readonly call?: RecordedCall;
  /** Bodies that arrive at once. */
  readonly posts?: readonly string[];
  /** The bridge was started again just before. */
  readonly restarts?: true;
};

/** Everything that reached the bridge, in its order; times are Unix milliseconds, as in events. */
export function stepsOf(recording: Recording): Step[] {
  const { startedAt } = recording;
  return [
    ...recording.guardrail_calls.map((call) => ({ at: startedAt + (call.replied_at ?? call.at), call })),
    ...recording.log_posts.map(({ at, body }) => ({ at: startedAt + at, posts: [body] })),
  ].toSorted((a, b) => a.at - b.at);
}

/**
 * When the client began, to a few milliseconds. LiteLLM counts streams, and what a guardrail stopped, from their request
 * on, and others from the call of the provider, which follows the first guardrail call.
 */
function startOf({
  guardrail_calls: [first],
  log_posts,
}: Pick<Recording, 'guardrail_calls' | 'log_posts'>): number | undefined {
  const events = log_posts
    .flatMap(({ body }) => rowsOf(body))
    .filter((row) => typeof row.startTime === 'number');
  const [event] = events.toSorted((a, b) => Number(a.startTime) - Number(b.startTime));
  if (event === undefined) return undefined;
  const { error_class } = (event.error_information ?? {}) as Row;
  const isWhole = event.stream === true || error_class === 'GuardrailRaisedException';
  const offset = first === undefined ? 5 : isWhole ? first.at - 2 : (first.replied_at ?? first.at) + 3;
  return Math.round(Number(event.startTime) * 1000) - offset;
}
