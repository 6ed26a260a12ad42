import type { CallShape } from '../guardrail/call.ts';
import type { CoverageRow, Direction, Reach, ReachStep } from './coverage.ts';
import { DELIVERS_BY_PIPELINE, OLDEST_SUPPORTED, type Release, TAKES_INCREMENTAL_DIFF } from './releases.ts';

/** Later reaches of a row, each with its first release among those that were run or read. */
type Later = readonly [since: Release, reach: Reach];

const LIVE = 'test/litellm/coverage.test.ts';
const MCP = 'test/litellm/mcp.test.ts';

function row(
  endpoint: string,
  direction: Direction,
  shape: CallShape,
  shows: string,
  oldest: Reach,
  ...later: readonly Later[]
): CoverageRow {
  const steps: ReachStep[] = [{ since: OLDEST_SUPPORTED, reach: oldest }];
  for (const [since, reach] of later) steps.push({ since, reach });
  return { endpoint, direction, shape, shows, steps, provenBy: shape.startsWith('mcp') ? MCP : LIVE };
}

/** Directions of an endpoint about which LiteLLM asks no guardrail, in any release. */
function never(endpoint: string, ...directions: readonly Direction[]): CoverageRow[] {
  return directions.map((direction) => ({
    ...{ endpoint, direction, shape: undefined, shows: '', provenBy: LIVE },
    steps: [{ since: OLDEST_SUPPORTED, reach: 'hidden' }],
  }));
}

/** Every endpoint of LiteLLM that texts go through, in each direction. */
export const COVERAGE: readonly CoverageRow[] = [
  row('/v1/chat/completions', 'request', 'conversation', 'all messages, tools, tool calls', 'redacts'),
  row('/v1/chat/completions', 'response', 'response', 'texts, tool calls', 'redacts'),
  row('/v1/chat/completions', 'stream', 'response', 'the text so far; tool calls at the end', 'blocks', [
    TAKES_INCREMENTAL_DIFF,
    'configured',
  ]),
  row('/v1/messages', 'request', 'conversation', 'system, all messages, tools', 'redacts'),
  row('/v1/messages', 'response', 'response', 'texts, tool calls', 'redacts'),
  row('/v1/messages', 'stream', 'response', 'the text so far; tool calls', 'blocks', [
    DELIVERS_BY_PIPELINE,
    'configured',
  ]),
  row('/v1/responses', 'request', 'conversation', 'instructions, input, tools', 'redacts'),
  row('/v1/responses', 'response', 'response', 'texts, tool calls', 'redacts'),
  row(
    '/v1/responses',
    'stream',
    'response',
    'the text so far; tool calls',
    'late',
    [[1, 101], 'blocks'],
    [DELIVERS_BY_PIPELINE, 'configured'],
  ),
  row('/v1/completions', 'request', 'texts', 'prompts', 'redacts'),
  row('/v1/completions', 'response', 'response', 'texts', 'redacts'),
  row('/v1/completions', 'stream', 'response', 'the whole text, at its end', 'hidden', [
    [1, 109],
    'configured',
  ]),
  row('/v1/embeddings', 'request', 'texts', 'input', 'redacts'),
  row('Gemini `generateContent`', 'request', 'texts', 'texts', 'hidden', [[1, 103], 'redacts']),
  row('Gemini `generateContent`', 'response', 'response', 'texts', 'hidden', [[1, 103], 'redacts']),
  row('Gemini `generateContent`', 'stream', 'response', 'the text so far', 'hidden', [[1, 103], 'blocks']),
  row('/v1/images/generations', 'request', 'prompt', 'prompt', 'blocks'),
  ...never('/v1/images/generations', 'response'),
  row('/v1/images/edits', 'request', 'texts', 'prompt', 'hidden', [[1, 106, 2], 'redacts']),
  ...never('/v1/images/edits', 'response'),
  row('/v1/videos', 'request', 'texts', 'prompt', 'hidden', [[1, 104], 'redacts']),
  row('/v1/rerank', 'request', 'prompt', 'query, instruction', 'redacts'),
  ...never('/v1/rerank', 'response'),
  row('/v1/audio/speech', 'request', 'prompt', 'input', 'redacts'),
  ...never('/v1/audio/transcriptions', 'request', 'response'),
  row('/v1/ocr', 'request', 'document', 'address of the document', 'blocks'),
  row('/v1/ocr', 'response', 'response', 'texts of the pages', 'redacts'),
  row('realtime sessions', 'request', 'realtime', 'typed texts, tool results', 'blocks', [
    [1, 110],
    'redacts',
  ]),
  ...never('realtime sessions', 'response'),
  row('pass-through routes', 'request', 'payload', 'the body as JSON, or `request_fields`', 'blocks'),
  ...never('pass-through routes', 'response', 'stream'),
  row('MCP tool calls', 'request', 'mcp_tool', 'tool, strings of its arguments', 'hidden', [
    [1, 109],
    'redacts',
  ]),
  row('MCP tool calls', 'response', 'mcp_result', 'texts, structured content', 'hidden', [
    [1, 109],
    'redacts',
  ]),
  row('MCP `tools/list`', 'request', 'mcp_tool', 'descriptions', 'hidden', [[1, 109], 'redacts']),
  row('batch file of chats', 'request', 'conversation', 'each chat', 'hidden', [[1, 101], 'redacts']),
  row('batch file of embeddings or completions', 'request', 'prompt', 'each text', 'hidden', [
    [1, 101],
    'redacts',
  ]),
  row('/guardrails/apply_guardrail', 'request', 'realtime', 'text', 'redacts'),
  ...never('/v1/moderations', 'request'),
  ...never('/v1/vector_stores/{id}/search', 'request'),
  ...never('/v1/messages/count_tokens', 'request'),
];
