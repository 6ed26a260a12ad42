import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { copyOf, type Json, Mutator, setAt, textOf, treeOf, valueAt } from './hostile-json.ts';
import { mcpBeside, mcpCall, mcpListed, mcpResult } from './mcp.ts';
import { recordedCalls } from './recorded.ts';
import { recordingsOf, rowsOf } from './recordings.ts';

/** Stands in every text of every call and event, and may stand in no line of the log. */
export const CANARY = 'quincebloom';

/** What is sent about one request of a client, in its order: guardrail calls, then POSTs of log events. */
type Plan = { readonly calls: readonly Json[]; readonly events: readonly (readonly Json[])[] };

export type Sending = {
  readonly kind: 'call' | 'events';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What the body was made of, where no byte was damaged: to make it smaller. */
  readonly tree: Json | undefined;
  /** The id of the one call that its one event names, if nobody else has it. */
  readonly eventOf?: string;
};

const FOLDER = join(import.meta.dirname, '..', 'fixtures');
type Shown = { readonly client: string };
const shown = JSON.parse(readFileSync(join(FOLDER, 'client-bodies/shown.json'), 'utf8')) as Shown[];

const bare = { ...mcpBeside([]), tools: null, request_data: {}, request_headers: {} };
const others = [
  [mcpListed(), mcpCall(['Ada', '{"a":"b\\n"}']), mcpResult('{"a":1}', 'a', '1')],
  [mcpBeside(['Ada']), mcpResult('on')],
  // A pass-through route, an item of a realtime session, a query to rerank, the address of a document
  [{ ...bare, texts: ['{"q": "plums"}'], request_headers: { host: 'a' } }],
  [{ ...bare, texts: ['put the kettle on'], litellm_call_id: null }],
  [{ ...bare, texts: ['plums'], model: 'house-rerank', request_headers: { host: 'a' } }],
  [{ ...bare, texts: ['https://example.com/a.pdf'], model: 'ocr', request_headers: { host: 'a' } }],
  ...shown
    .filter((_, i) => i % 6 === 0)
    .map(({ client: _, ...fields }) => [{ ...recordedCalls[0]!.body, ...fields }]),
];

/** The recorded calls of one file, its request first. */
function recordedPlans(): Plan[] {
  const byCase = Map.groupBy(recordedCalls, ({ name }) =>
    name.replace(/(?:-request|-response|-stream)?(?:\[\d+\])?$/, ''),
  );
  return [...byCase.values()].map((calls) => {
    const bodies = calls.map(({ body }) => body).toSorted((a, b) => a.input_type.localeCompare(b.input_type));
    return { calls: bodies.map(treeOf), events: [] };
  });
}

/** Every text of a plan gets the canary, wherever else it stands. */
function marked({ calls, events }: Plan): Plan {
  const texts = new Set(calls.flatMap((call) => [valueAt(call, 'texts') ?? []].flat()));
  const mark = (tree: Json): Json => {
    if (typeof tree === 'string') return texts.has(tree) ? `${tree} ${CANARY}` : tree;
    if (Array.isArray(tree)) return tree.map(mark);
    if (typeof tree !== 'object' || tree === null || !('entries' in tree)) return tree;
    return { entries: tree.entries.map(([key, value]) => [key, mark(value)]) };
  };
  return { calls: calls.map(mark), events: events.map((rows) => rows.map(mark)) };
}

const plans: readonly Plan[] = [
  ...recordedPlans(),
  ...others.map((calls) => ({ calls: calls.map(treeOf), events: [] })),
  ...['1.106.2', '1.110.2'].flatMap((release) =>
    recordingsOf(release).map(({ guardrail_calls: calls, log_posts: posts }) => ({
      calls: calls.map(({ body }) => treeOf(body)),
      events: posts.map(({ body }) => rowsOf(body).map(treeOf)),
    })),
  ),
].map(marked);

const documents = plans.flatMap(({ calls, events }) => [...calls, ...events.flat()]);

const ODD_HEADERS: readonly Record<string, string>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'multipart/form-data' },
  { 'content-type': '' },
  { 'content-encoding': 'br' },
  { 'content-encoding': 'identity' },
  { 'content-encoding': 'gzip' },
  { accept: 'text/html', 'accept-language': '\u00ff\u00fe' },
  { authorization: 'Bearer ', 'x-api-key': '\u00ff' },
  { 'x-litellm-call-id': '__proto__', 'x-forwarded-for': "127.0.0.1', 'x" },
  { cookie: 'a='.repeat(2000) },
  { range: 'bytes=0-', 'if-match': '*', te: 'trailers' },
];

/**
 * What one client causes to be sent: one of the recorded requests with changes, under ids of its own or of somebody else.
 *
 * @param withEvents adds the log events
 */
export function sendingsOf(seed: number, number: number, withEvents: boolean): Sending[] {
  const mutator = new Mutator(seed * 1_000_003 + number, documents);
  const plan = mutator.pick(plans);
  const isShared = mutator.next() < 0.1;
  const id = isShared ? `shared-${mutator.int(5)}` : `call-${seed}-${number}`;
  const made = (tree: Json, kind: Sending['kind']): Sending => {
    const headers = mutator.next() < 0.1 ? mutator.pick(ODD_HEADERS) : {};
    const bytes = Buffer.from(textOf(tree));
    const isDamaged = mutator.next() < 0.07;
    const body = isDamaged ? mutator.damage(bytes) : bytes;
    if (kind === 'events' && mutator.next() < 0.3) {
      return {
        kind,
        headers: { ...headers, 'content-encoding': 'gzip' },
        body: gzipSync(body),
        tree: undefined,
      };
    }
    return { kind, headers, body, tree: isDamaged ? undefined : tree };
  };
  const calls = plan.calls.map((call) => {
    const tree = copyOf(call);
    if (valueAt(tree, 'litellm_call_id') !== null) setAt(tree, 'litellm_call_id', id);
    if (mutator.next() < 0.7) mutator.mutate(tree);
    return made(tree, 'call');
  });
  const events = (withEvents ? plan.events : []).map((rows) => {
    const trees = rows.map((row) => {
      const tree = copyOf(row);
      setAt(tree, 'litellm_call_id', id);
      if (mutator.next() < 0.7) mutator.mutate(tree);
      return tree;
    });
    const isAlone = !isShared && plan.events.length === 1 && trees.length === 1;
    const isNamed = isAlone && valueAt(trees[0]!, 'litellm_call_id') === id;
    const lines = { verbatim: trees.map(textOf).join('\n') };
    const sending = made(
      mutator.pick<Json>([trees, lines, trees.length === 1 ? trees[0]! : trees]),
      'events',
    );
    return isNamed ? { ...sending, eventOf: id } : sending;
  });
  return [...calls, ...events];
}
