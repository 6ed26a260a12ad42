import * as v from 'valibot';
import type { Settings, Values } from '../guardrail/fields.ts';
import * as fields from '../guardrail/fields.ts';
import type { Report } from './read.ts';

/** The samplers that OpenTelemetry names, of those that need no server to ask. */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Kinds of data that are sent, each to an address of its own. */
export const SIGNALS = ['traces', 'metrics', 'logs'] as const;
export type Signal = (typeof SIGNALS)[number];

type Pairs = Readonly<Record<string, string>>;

/** Pairs as OpenTelemetry writes them: values, and names, with what means something here as `%2C`. Undefined if they are none. */
function pairsOf(text: string): Pairs | undefined {
  const pairs: [string, string][] = [];
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const [name = '', ...rest] = pair.split('=');
    if (name.trim() === '' || rest.length === 0) return undefined;
    try {
      pairs.push([decodeURIComponent(name.trim()), decodeURIComponent(rest.join('=').trim())]);
    } catch {
      return undefined;
    }
  }
  return Object.fromEntries(pairs);
}

const pairs = v.pipe(
  v.string(),
  v.check(
    (text) => pairsOf(text) !== undefined,
    'write name=value, comma separated, and a comma within a value as %2C',
  ),
  v.transform((text): Pairs => pairsOf(text) ?? {}),
);

const headers = v.pipe(
  pairs,
  v.check(
    (given) =>
      Object.entries(given).every(
        ([name, value]) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value),
      ),
    'write names of headers, and values of printable ASCII',
  ),
  v.description('name=value, comma separated'),
);

const exporter = fields.oneOf(['otlp', 'none']);

const ownAddress = (signal: string, path: string) =>
  ({
    schema: fields.baseUrl,
    otherwise: `\`OTEL_EXPORTER_OTLP_ENDPOINT\` with \`/v1/${path}\``,
    sentence: `Whole address for ${signal}; alone it sends nothing else.`,
    secret: true,
  }) as const;

/** Settings of what the bridge tells of itself by OTLP, under OpenTelemetry's own names. @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export const otlp = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: fields.baseUrl,
    sentence:
      'Address of an OpenTelemetry collector, such as `http://collector:4318`: traces, metrics and logs of the bridge go there.',
    secret: true,
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ownAddress('traces', 'traces'),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: ownAddress('metrics', 'metrics'),
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: ownAddress('log lines', 'logs'),
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: headers,
    sentence: 'Headers for the collector, such as `authorization=Bearer%20…`.',
    secret: true,
  },
  OTEL_EXPORTER_OTLP_TIMEOUT: {
    schema: v.pipe(fields.numberFrom(1, 600_000), v.description('milliseconds')),
    default: '10000',
    sentence: 'How long one export may take, with the repetitions of it.',
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    schema: fields.text('http/protobuf'),
    default: 'http/protobuf',
    sentence: 'Any other is told at start, and not used.',
  },
  OTEL_SERVICE_NAME: {
    schema: fields.text('name'),
    default: 'guardrail-bridge',
    sentence: '`service.name` of all that is sent.',
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    schema: v.pipe(pairs, v.description('name=value, comma separated')),
    sentence: 'Further attributes of all that is sent, such as `deployment.environment.name=prod`.',
  },
  OTEL_TRACES_SAMPLER: {
    schema: fields.oneOf(SAMPLERS),
    default: 'parentbased_always_on',
    sentence: 'Which calls are traced; `parentbased_` goes by the caller where it has decided.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    schema: fields.numberFrom(0, 1),
    default: '1',
    sentence: 'Part of the calls that `traceidratio` traces.',
  },
  OTEL_TRACES_EXPORTER: { schema: exporter, default: 'otlp', sentence: '`none` sends no traces.' },
  OTEL_METRICS_EXPORTER: { schema: exporter, default: 'otlp', sentence: '`none` sends no metrics.' },
  OTEL_LOGS_EXPORTER: { schema: exporter, default: 'otlp', sentence: '`none` sends no log lines.' },
  OTEL_METRIC_EXPORT_INTERVAL: {
    schema: v.pipe(fields.numberFrom(100, 86_400_000), v.description('milliseconds')),
    default: '60000',
    sentence: 'Time between two exports of metrics.',
  },
  OTEL_SDK_DISABLED: {
    schema: fields.flag,
    default: 'false',
    sentence: 'Sends nothing, whatever else is set.',
  },
} as const satisfies Settings;

/** Plain data by which the bridge tells of itself. An address is undefined for what is not sent. */
export type OtlpConfig = {
  readonly addresses: Readonly<Record<Signal, string | undefined>>;
  readonly headers: Pairs;
  /** Of one export. */
  readonly timeoutMs: number;
  readonly serviceName: string;
  readonly attributes: Pairs;
  readonly sampler: (typeof SAMPLERS)[number];
  /** From 0 to 1. */
  readonly samplerRatio: number;
  readonly metricIntervalMs: number;
};

const PROTOCOL = 'http/protobuf';

/** Undefined where nothing is sent. */
export function otlpOf(set: Values<typeof otlp>, { warnings }: Report): OtlpConfig | undefined {
  const base = set.OTEL_EXPORTER_OTLP_ENDPOINT;
  const addressOf = (wanted: 'otlp' | 'none', own: string | undefined, path: Signal) =>
    wanted === 'none' ? undefined : (own ?? (base && `${base}/v1/${path}`));
  const addresses = {
    traces: addressOf(set.OTEL_TRACES_EXPORTER, set.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, 'traces'),
    metrics: addressOf(set.OTEL_METRICS_EXPORTER, set.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, 'metrics'),
    logs: addressOf(set.OTEL_LOGS_EXPORTER, set.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, 'logs'),
  };
  if (set.OTEL_SDK_DISABLED || SIGNALS.every((signal) => addresses[signal] === undefined)) return undefined;
  if (set.OTEL_EXPORTER_OTLP_PROTOCOL !== PROTOCOL) {
    const written = JSON.stringify(set.OTEL_EXPORTER_OTLP_PROTOCOL.slice(0, 40));
    warnings.push(
      `OTEL_EXPORTER_OTLP_PROTOCOL: ${written} is not spoken here; ${PROTOCOL} is used, which collectors take on port 4318`,
    );
  }
  return {
    addresses,
    headers: set.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    timeoutMs: set.OTEL_EXPORTER_OTLP_TIMEOUT,
    serviceName: set.OTEL_SERVICE_NAME,
    attributes: set.OTEL_RESOURCE_ATTRIBUTES ?? {},
    sampler: set.OTEL_TRACES_SAMPLER,
    samplerRatio: set.OTEL_TRACES_SAMPLER_ARG,
    metricIntervalMs: set.OTEL_METRIC_EXPORT_INTERVAL,
  };
}
