import type { Command } from 'commander';
import { type CoverageRow, type Direction, type Reach, reachIn, usableSteps } from '../litellm/coverage.ts';
import {
  DROPPED_BY_EXAMPLES,
  HIDDEN_PARTS,
  type HiddenPart,
  UNASKED_REQUESTS,
  UNTESTED,
} from '../litellm/coverage-hidden.ts';
import { COVERAGE } from '../litellm/coverage-rows.ts';
import { isAtLeast, OLDEST_SUPPORTED, type Release } from '../litellm/releases.ts';
import { printableJson, table } from './output.ts';
import { supportedRelease, type Terminal } from './terminal.ts';

/** Adds `coverage`. */
export function addCoverage(program: Command, { out }: Terminal): void {
  program
    .command('coverage')
    .description('say which texts LiteLLM shows the bridge, and where a block or a redaction arrives')
    .option('--release <version>', 'as it is in this release of LiteLLM', supportedRelease)
    .option('--json', 'print JSON')
    .action(({ release, json }: { release?: string; json?: boolean }) => {
      const print = out.isTTY ? coverageColumns : coverageMarkdown;
      out.write(json ? `${printableJson(coverageJson(release), 2)}\n` : print(release));
    });
}

/** The whole coverage as Markdown. */
function coverageMarkdown(release?: string): string {
  return [coverageTable(release), legend(release), '', ...lists(release)].join('\n');
}

/** The whole coverage in columns, for a terminal. */
function coverageColumns(release?: string): string {
  const columns = (titles: readonly string[], rows: readonly (readonly string[])[]) =>
    table(
      titles.map((title) => ({ title })),
      rows.map((cells) => cells.map(plain)),
    );
  const parts = HIDDEN_PARTS.map(({ endpoint, direction, part, ...closed }) => [
    ...[endpoint, direction, part],
    isClosable(closed, release) ? `${closed.closedBy}${since(closed.closedSince, release)}` : '',
  ]);
  return [
    columns(['ENDPOINT', 'REQUESTS', 'RESPONSES', 'STREAMED RESPONSES'], reaches(release)),
    ...wordsIn(reaches(release)).map(([word, meaning]) => `${word}: ${meaning}.`),
    '',
    'Not shown, and passed on. The last column keeps it from the provider, as one of the additional_drop_params of a model,',
    'unless the client sends additional_drop_params of its own:',
    '',
    columns(['ENDPOINT', 'DIRECTION', 'PART', 'CLOSED BY'], parts),
    ...lists(release).map(plain),
  ].join('\n');
}

const plain = (text: string) => text.replaceAll('`', '');

/** The sections after the table. */
function lists(release: string | undefined): string[] {
  return [
    'What is shown:',
    '',
    ...COVERAGE.filter(({ shows }) => shows !== '').map(
      ({ endpoint, direction, shows }) => `- ${endpoint}, ${direction}: ${shows}`,
    ),
    '',
    'LiteLLM does not ask about these requests:',
    '',
    unaskedLines(release),
    '',
    'Not tested, so nothing is said about it:',
    '',
    ...UNTESTED.map((what) => `- ${what}`),
    '',
  ];
}

const WORDS: Record<Reach, string> = {
  hidden: '–',
  late: 'late',
  blocks: 'block',
  configured: 'redact*',
  redacts: 'redact',
};

/** The words of the table. */
const MEANINGS: readonly (readonly [word: string, meaning: string])[] = [
  ['redact', 'shown, and a block or a redaction arrives'],
  [
    'redact*',
    'the configuration of streams decides if a redaction or only a block arrives, and before which word: see examples/streaming/README.md',
  ],
  ['redact†', 'if REDACTABLE_MODELS names the model, otherwise block'],
  [
    'block',
    'shown, and what would be redacted is blocked. In a stream too the configuration decides what is seen before',
  ],
  ['late', 'shown when all of it was delivered'],
  ['–', 'never shown'],
  ['from', 'since this release; where nothing stands before it, older ones never show it'],
];

/** The words that some cell has. */
function wordsIn(rows: readonly (readonly string[])[]) {
  const cells = rows.flatMap(([, ...reached]) => reached.flatMap((cell) => cell.split(/[ ,]+/)));
  return MEANINGS.filter(([word]) => cells.includes(word));
}

/** The words and signs of the table, as Markdown. */
export function legend(release?: string): string {
  const words = wordsIn(reaches(release)).map(
    ([word, meaning]) => `**${word.replace('*', '\\*')}**: ${meaning}.`,
  );
  const signs =
    '**°**: the `additional_drop_params` of the examples keep it from the provider. **⁺**: they do once you add its name, which `coverage` tells. Neither holds against a client that sends `additional_drop_params` of its own.';
  return [...words, signs].join(' ');
}

const DIRECTIONS: readonly Direction[] = ['request', 'response', 'stream'];

/** A row for each endpoint: its name, and the reach in each direction. */
function reaches(release: string | undefined): string[][] {
  return [...Map.groupBy(COVERAGE, (row) => row.endpoint)].map(([endpoint, rows]) => [
    endpoint,
    ...DIRECTIONS.map((direction) => {
      const row = rows.find((one) => one.direction === direction);
      return row === undefined ? '' : cellOf(row, release);
    }),
  ]);
}

/** A line of Markdown for each endpoint. */
export function coverageTable(release?: string): string {
  return [
    '| | requests | responses | streamed responses | not shown, and passed on |',
    '|---|---|---|---|---|',
    ...reaches(release).map(([endpoint = '', ...cells]) => {
      const name = endpoint.startsWith('/') ? `\`${endpoint}\`` : endpoint;
      return `| ${[name, ...cells, hiddenIn(endpoint, release)].join(' | ')} |`;
    }),
    '',
  ].join('\n');
}

function cellOf(row: CoverageRow, release: string | undefined): string {
  const word = (reach: Reach) => (row.shape === 'prompt' && reach === 'redacts' ? 'redact†' : WORDS[reach]);
  const steps = usableSteps(row);
  if (release !== undefined) return word(reachIn({ steps }, release));
  const [oldest, ...later] = steps.map((step, index) =>
    index === 0 ? word(step.reach) : `${word(step.reach)} from ${name(step.since)}`,
  );
  return (oldest === WORDS.hidden && later.length > 0 ? later : [oldest, ...later]).join(', ');
}

/** The parts of an endpoint's requests and responses that are not shown. */
function hiddenIn(endpoint: string, release: string | undefined): string {
  const parts = HIDDEN_PARTS.filter((part) => part.endpoint === endpoint);
  return [...Map.groupBy(parts, ({ direction }) => direction)]
    .map(([direction, group]) => `${direction}s: ${group.map((part) => partOf(part, release)).join(', ')}`)
    .join('; ');
}

function partOf({ part, ...closed }: HiddenPart, release: string | undefined): string {
  if (!isClosable(closed, release)) return part;
  const sign = DROPPED_BY_EXAMPLES.includes(closed.closedBy ?? '') ? '°' : '⁺';
  return `${part}${sign}${since(closed.closedSince, release)}`;
}

type Closed = Pick<HiddenPart, 'closedBy' | 'closedSince'>;

function isClosable({ closedSince }: Closed, release: string | undefined): boolean {
  return closedSince !== undefined && (release === undefined || isAtLeast(release, closedSince));
}

function since(first: Release | undefined, release: string | undefined): string {
  const isLater = release === undefined && first !== undefined && first !== OLDEST_SUPPORTED;
  return isLater ? ` from ${name(first)}` : '';
}

const EFFECTS = {
  passes: 'it goes on unjudged',
  fails: 'refused; with `fail_on_error: false` it goes on unjudged',
  refused: 'refused',
} as const;

/** A line for each request that LiteLLM passes on or refuses before it asks. */
export function unaskedLines(release?: string): string {
  return UNASKED_REQUESTS.filter(({ askedSince }) => !isSince(askedSince, release))
    .map(({ request, effect, askedSince }) => {
      const until = askedSince === undefined || release !== undefined ? '' : ` before ${name(askedSince)}`;
      return `- ${request}${until}: ${EFFECTS[effect]}`;
    })
    .join('\n');
}

function coverageJson(release: string | undefined) {
  const at = (row: CoverageRow, ...reaches: readonly Reach[]) => {
    const step = usableSteps(row).find(({ reach }) => reaches.includes(reach));
    return step === undefined ? null : name(step.since);
  };
  return {
    rows: COVERAGE.map((row) => ({
      ...{ endpoint: row.endpoint, direction: row.direction, shape: row.shape ?? null, shows: row.shows },
      shown_since: at(row, 'late', 'blocks', 'configured', 'redacts'),
      blockable_since: at(row, 'blocks', 'configured', 'redacts'),
      rewritable_since: at(row, 'configured', 'redacts'),
      if_configured: usableSteps(row).some(({ reach }) => reach === 'configured'),
      ...(release !== undefined && { reach: reachIn({ steps: usableSteps(row) }, release) }),
      proven_by: row.provenBy,
    })),
    never_shown: HIDDEN_PARTS.map(({ endpoint, direction, part, closedBy, closedSince }) => ({
      ...{ endpoint, direction, part },
      dropped_by: closedBy ?? null,
      dropped_since: closedSince === undefined ? null : name(closedSince),
    })),
    not_asked: UNASKED_REQUESTS.map(({ request, effect, askedSince }) => ({
      ...{ request, effect },
      asked_since: askedSince === undefined ? null : name(askedSince),
    })),
    not_tested: UNTESTED,
  };
}

const isSince = (since: Release | undefined, release: string | undefined) =>
  since !== undefined && release !== undefined && isAtLeast(release, since);
const name = (release: Release) => release.join('.');
