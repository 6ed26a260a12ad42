import { afterEach, describe, expect, test } from 'vitest';
import { createRecorder, type Recorder, type Replayed } from '../support/recorder.ts';
import { type Recording, recordingsOf, rowsOf, type Step, stepsOf } from '../support/recordings.ts';

const recorders: Recorder[] = [];
afterEach(async () => {
  for (const recorder of recorders.splice(0)) await recorder.close();
});

function opened(): Recorder {
  const recorder = createRecorder();
  recorders.push(recorder);
  return recorder;
}

/** A record, by the facts that the test knows of its call. */
type Told = { readonly callId: string | undefined; readonly outcome: string; readonly verdicts: string[] };

const told = ({ outcome, verdicts }: Replayed): Told => ({
  callId: verdicts[0]?.litellm_call_id ?? undefined,
  outcome,
  verdicts: verdicts.map(({ input_type, action }) => `${input_type} ${action}`),
});

const sorted = (records: readonly Told[]) =>
  records.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

/** Calls without a record: neither did the bridge block them, nor did LiteLLM log anything about them. */
const WITHOUT_RECORD: Readonly<Record<string, string>> = {
  '1.106.2 no-log': 'the client asked for that',
  '1.106.2 guardrail-down': 'LiteLLM logs nothing when another guardrail cannot be reached',
  '1.106.2 post-guardrail-down': 'LiteLLM logs nothing when another guardrail cannot be reached',
  '1.106.2 post-guardrail-down-stream': 'LiteLLM logs nothing when another guardrail cannot be reached',
};

/** Calls that ended otherwise for the client than for LiteLLM's log. */
const OTHER_OUTCOME: Readonly<Record<string, readonly [outcome: string, because: string]>> = {
  '1.106.2 provider-error-mid-stream': ['failure', 'the client had its 200 before'],
};

/** Denied by Capsule's own plugin, in use beside the bridge. */
const NOT_FOR_CAPSULE: Readonly<Record<string, true>> = { '1.106.2 capsule-plugin-blocked-by-itself': true };

const callsOf = ({ guardrail_calls }: Recording) => [
  ...Map.groupBy(guardrail_calls, ({ body }) => `${body.litellm_call_id} ${body.litellm_trace_id}`).values(),
];

/** One record for each call, as its client saw it end, with the decisions of the bridge up to then. */
function expected(recording: Recording): Told[] {
  const { name, log_posts, client } = recording;
  if (name in WITHOUT_RECORD) return [];
  const rows = log_posts.flatMap(({ at, body }) => rowsOf(body).map(({ status }) => ({ at, status })));
  const successAt = rows.findLast(({ status }) => status === 'success')?.at;
  const statuses = [client.status].flat();
  const calls = callsOf(recording);
  return (calls.length === 0 ? [[]] : calls).flatMap((rounds) => {
    const block = rounds.find(({ reply }) => reply.action === 'BLOCKED');
    const hasResponse = rounds.some(({ body }) => body.input_type === 'response');
    const status = statuses.length === 1 ? statuses[0] : hasResponse ? 200 : 500;
    const seen = block !== undefined ? 'blocked' : status === 200 || status === 0 ? 'success' : 'failure';
    const heardAt = block?.replied_at ?? block?.at ?? successAt ?? rows.at(-1)?.at ?? 0;
    const actions = new Map<unknown, string>();
    for (const { at, replied_at = at, body, reply } of rounds) {
      if (replied_at <= heardAt) actions.set(body.input_type, reply.action);
    }
    const [outcome] = OTHER_OUTCOME[name] ?? [seen];
    const callId = rounds[0]?.body.litellm_call_id as string | undefined;
    return [{ callId, outcome, verdicts: [...actions].map(([type, action]) => `${type} ${action}`) }];
  });
}

/** Outcomes that the logger alone tells, where no guardrail is configured. */
function expectedOfLogger(recording: Recording): string[] {
  const outcomes = recording.log_posts.flatMap(({ body }) =>
    rowsOf(body).map(({ status }) => String(status)),
  );
  if (callsOf(recording).length > 1) return outcomes;
  return outcomes.length === 0 ? [] : [outcomes.includes('success') ? 'success' : 'failure'];
}

const textsOf = ({ posts = [] }: Step) => posts.flatMap(rowsOf).map((row) => JSON.stringify(row));
const posted = (steps: readonly Step[]) => steps.filter(({ posts }) => posts !== undefined);
const eachPost = (steps: readonly Step[], change: (step: Step) => readonly Step[]) =>
  steps.flatMap((step) => (step.posts === undefined ? [step] : change(step)));

/** Other ways for the same rows to arrive; a restart comes before the step that it is set for. */
const WAYS: readonly [way: string, (steps: readonly Step[]) => readonly Step[]][] = [
  ['as it came', (steps) => steps],
  ['each POST twice', (steps) => eachPost(steps, (step) => [step, step])],
  [
    'each POST twice at once',
    (steps) =>
      eachPost(steps, (step) => [{ ...step, posts: [...(step.posts ?? []), ...(step.posts ?? [])] }]),
  ],
  [
    'all rows once more at the end',
    (steps) => [
      ...steps,
      { at: (steps.at(-1)?.at ?? 0) + 2000, posts: [`[${posted(steps).flatMap(textsOf)}]`] },
    ],
  ],
  ['single', (steps) => eachPost(steps, (step) => [{ ...step, posts: textsOf(step) }])],
  ['ndjson', (steps) => eachPost(steps, (step) => [{ ...step, posts: [textsOf(step).join('\n')] }])],
  [
    'each POST twice, and a restart before each',
    (steps) => eachPost(steps, (step) => [step, step].map((one) => ({ ...one, restarts: true }))),
  ],
];

describe.each(['1.106.2', '1.110.2'])('recordings of LiteLLM %s', (release) => {
  const recordings = recordingsOf(release).filter(({ name }) => !name.endsWith('format-v1'));

  test.each(recordings)('$name becomes one record for each call and backend', async (recording) => {
    const recorder = opened();
    await recorder.take(stepsOf(recording));
    const records = sorted(expected(recording));
    expect(sorted((await recorder.all('akto')).map(told))).toEqual(records);
    expect(sorted((await recorder.all('capsule')).map(told))).toEqual(
      recording.name in NOT_FOR_CAPSULE ? [] : records,
    );
    expect(recorder.trouble).toEqual([]);
  });

  describe('all of them in one outbox become one record for each call', () => {
    // The three formats were recorded of the same calls
    const session = recordings.filter(({ name }) => !/format-(?:ndjson|single)$/.test(name));
    const steps = session.flatMap(stepsOf).toSorted((a, b) => a.at - b.at);
    const records = sorted(session.flatMap(expected));

    test.each(WAYS)(
      '%s',
      async (_, change) => {
        const recorder = opened();
        await recorder.take(change(steps));
        expect(sorted((await recorder.all('akto')).map(told))).toEqual(records);
        expect(recorder.trouble).toEqual([]);
      },
      60_000,
    );

    test('and no record when all rows come again after everything was delivered', async () => {
      const recorder = opened();
      await recorder.take(steps);
      expect(await recorder.deliver()).toBe(records.length);
      await recorder.take(posted(steps));
      expect((await recorder.all('akto')).map(told)).toEqual([]);
    });

    test('that is logged, where no guardrail is configured', async () => {
      const recorder = opened();
      await recorder.take(posted(steps));
      const outcomes = (await recorder.all('akto')).map(({ outcome }) => outcome);
      expect(outcomes.toSorted()).toEqual(session.flatMap(expectedOfLogger).toSorted());
    });
  });
});

test('rows of generic_api_use_v1 are counted, and make no record', async () => {
  const recorder = opened();
  const body =
    recordingsOf('1.106.2').find(({ name }) => name.endsWith('format-v1'))?.log_posts[0]?.body ?? '';
  expect(await recorder.logs(body)).toMatchObject({ legacy: rowsOf(body).length, new: 0, bad: 0 });
  expect(await recorder.all('akto')).toEqual([]);
});
