import type { Command } from 'commander';
import { type CoverageRow, type Direction, type Reach, reachIn, usableSteps } from '../litellm/coverage.ts';
import { HIDDEN_PARTS, type HiddenPart, UNASKED_REQUESTS, UNTESTED } from '../litellm/coverage-hidden.ts';
import { COVERAGE } from '../litellm/coverage-rows.ts';
import { isAtLeast, OLDEST_SUPPORTED, type Release } from '../litellm/releases.ts';
import { printableJson } from './output.ts';
import type { Terminal } from './terminal.ts';

/** Adds `coverage`. */
export function addCoverage(program: Command, { out }: Terminal): void {
  program
    .command('coverage')
    .description('say which texts LiteLLM shows the bridge, and where a block or a redaction arrives')
    .option('--release <version>', 'as it is in this release of LiteLLM', supported)
    .option('--json', 'print JSON')
    .action(({ release, json }: { release?: string; json?: boolean }) => {
      out.write(json ? `${printableJson(coverageJson(release), 2)}\n` : coverageMarkdown(release));
    });
}

function supported(release: string): string {
  if (isAtLeast(release, OLDEST_SUPPORTED)) return release;
  throw new Error(`--release must be a version from ${OLDEST_SUPPORTED.join('.')} on, such as 1.110.2`);
}

/** The whole coverage as Markdown, which can be read in a terminal too. */
export function coverageMarkdown(release?: string): string {
  return [
    coverageTable(release),
    LEGEND,
    '',
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
  ].join('\n');
}

const WORDS: Record<Reach, string> = {
  hidden: '–',
  late: 'late',
  blocks: 'block',
  configured: 'redact*',
  redacts: 'redact',
};

/** The words of the table. */
export const LEGEND = `**redact**: shown, and a block or a redaction arrives. **redact\\***: the stream's configuration decides if a redaction or only a block
arrives. **redact†**: if REDACTABLE_MODELS names the model, otherwise block. **block**: shown, and what would be redacted is blocked.
**late**: shown when all of it was delivered. **–**: never shown. °: additional_drop_params keeps it from the provider, unless the client
sends that parameter too.`;

const DIRECTIONS: readonly Direction[] = ['request', 'response', 'stream'];

/** A line for each endpoint, or for those that are alike. */
export function coverageTable(release?: string): string {
  const lines = new Map<string, string[]>();
  for (const [endpoint, rows] of Map.groupBy(COVERAGE, (row) => row.endpoint)) {
    const cells = DIRECTIONS.map((direction) => {
      const row = rows.find((one) => one.direction === direction);
      return row === undefined ? '' : cellOf(row, release);
    });
    const line = [...cells, hiddenIn(endpoint, release)].join(' | ');
    lines.set(line, [...(lines.get(line) ?? []), endpoint.startsWith('/') ? `\`${endpoint}\`` : endpoint]);
  }
  return [
    '| | requests | responses | streamed responses | not shown, and passed on |',
    '|---|---|---|---|---|',
    ...[...lines].map(([line, endpoints]) => `| ${endpoints.join(', ')} | ${line} |`),
    '',
  ].join('\n');
}

function cellOf(row: CoverageRow, release: string | undefined): string {
  const word = (reach: Reach) => (row.shape === 'prompt' && reach === 'redacts' ? 'redact†' : WORDS[reach]);
  const steps = usableSteps(row);
  if (release !== undefined) return word(reachIn({ steps }, release));
  const [oldest, ...later] = steps.map(({ since, reach }, index) =>
    index === 0 ? word(reach) : `${word(reach)} from ${name(since)}`,
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

function partOf({ part, closedSince }: HiddenPart, release: string | undefined): string {
  if (closedSince === undefined || (release !== undefined && !isAtLeast(release, closedSince))) return part;
  const isLater = release === undefined && closedSince !== OLDEST_SUPPORTED;
  return isLater ? `${part}° from ${name(closedSince)}` : `${part}°`;
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
