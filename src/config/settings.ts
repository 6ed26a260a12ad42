import * as v from 'valibot';
import { UNREACHABLE_FALLBACKS } from '../guardrail/failure.ts';
import type { Settings } from '../guardrail/fields.ts';
import * as fields from '../guardrail/fields.ts';
import { ipList } from '../guardrail/ip-list.ts';
import { DEFAULT_DEPTH, MAX_DEPTH, MAX_NODES } from '../guardrail/json-nodes.ts';
import { globMistake } from '../policies/glob.ts';
import { decisions } from './decision-settings.ts';
import { ops } from './ops-settings.ts';
import { otlp } from './otlp-settings.ts';
import { replay } from './replay-settings.ts';
import { replicas } from './replica-settings.ts';

const addresses = v.pipe(
  fields.commaList,
  v.rawCheck(({ dataset, addIssue }) => {
    try {
      if (dataset.typed) ipList(dataset.value);
    } catch (error) {
      addIssue({ message: (error as Error).message });
    }
  }),
  v.description('addresses and ranges, comma separated'),
);

const auditKeys = v.pipe(
  v.string(),
  v.check((text) => text.trim().length >= 16, 'write at least 16 characters'),
  fields.commaList,
  v.description('16 characters or more; earlier keys follow, comma separated'),
);

const modelGlobs = v.pipe(
  fields.commaList,
  v.check((globs) => globs.every((glob) => globMistake(glob) === undefined), 'write globs like *rerank*'),
  v.description('globs, comma separated'),
);

const access = {
  BRIDGE_API_KEYS: {
    schema: v.pipe(fields.commaList, v.array(fields.secret), v.minLength(1, 'write at least one key')),
    sentence:
      'Keys, one of which a caller must send as `x-api-key` or `Authorization: Bearer`; set two while you rotate.',
    secret: true,
  },
  ALLOW_UNAUTHENTICATED: {
    schema: fields.flag,
    default: 'false',
    sentence: 'Lets the bridge listen beyond loopback without keys.',
  },
  ALLOWED_IPS: {
    schema: addresses,
    otherwise: 'everybody',
    sentence: 'Addresses that may call the bridge; the address of the connection counts, and no header.',
  },
} as const satisfies Settings;

const server = {
  HOST: {
    schema: fields.text('address'),
    otherwise: '`127.0.0.1`; with keys or `ALLOW_UNAUTHENTICATED`, `0.0.0.0`',
    sentence: 'Address to listen on; `::` includes IPv6.',
  },
  PORT: {
    schema: fields.numberFrom(0, 65_535, true),
    default: '8787',
    sentence: 'Port to listen on; 0 picks a free one.',
  },
  MAX_BODY_MB: {
    schema: fields.megabytes(128),
    default: '32',
    sentence:
      'Largest guardrail call; a larger one is blocked under any fallback. Four times as much is held at once, and more has to wait.',
  },
  MAX_JSON_NODES: {
    schema: fields.numberFrom(1000, 10_000_000, true),
    default: String(MAX_NODES),
    sentence:
      'Most lists, objects and commas in the JSON of a guardrail call, and in the arguments of its tool calls; more are blocked unread, as they cost more time and memory than their bytes.',
  },
  MAX_JSON_DEPTH: {
    schema: fields.numberFrom(16, MAX_DEPTH, true),
    default: String(DEFAULT_DEPTH),
    sentence:
      'Most levels of lists and objects in the JSON of a guardrail call; a deeper one is blocked unread.',
  },
  BODY_TIMEOUT: {
    schema: fields.seconds,
    default: '10',
    sentence:
      'How long the body of a request may take to arrive, and wait for room; a guardrail call that takes longer is blocked.',
  },
  LOG_LEVEL: {
    schema: fields.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    sentence: 'Least severe level to log; `debug` adds a line for each allowed call.',
  },
  SHUTDOWN_DELAY: {
    schema: fields.secondsOrZero,
    default: '3',
    sentence: 'How long new calls are still taken after SIGTERM, while `/readyz` already fails.',
  },
  SHUTDOWN_TIMEOUT: {
    schema: fields.seconds,
    default: '25',
    sentence: 'How long calls in flight and the delivery of records may take after that.',
  },
} as const satisfies Settings;

const judging = {
  GUARDRAIL_TIMEOUT: {
    schema: fields.seconds,
    otherwise: "`5`, or the vendor's own",
    sentence: 'Time that each vendor has to check a call, connecting included, and that the policies have.',
  },
  UNREACHABLE_FALLBACK: {
    schema: fields.oneOf(UNREACHABLE_FALLBACKS),
    otherwise: "`fail_closed`, or the vendor's own",
    sentence:
      'Blocks a call for which a vendor gives no verdict, lets it pass, or leaves it to LiteLLM with a 503 (`defer`).',
  },
  RESPONSE_REDACTION: {
    schema: fields.oneOf(['auto', 'block', 'rewrite']),
    default: 'auto',
    sentence:
      'Redacts a response where LiteLLM is known to deliver it and blocks it elsewhere (`auto`), blocks it (`block`), or redacts it also where that is not known (`rewrite`).',
    formerly: 'ANSWER_REDACTION',
  },
  REDACTABLE_MODELS: {
    schema: modelGlobs,
    default: '*rerank*,*tts*,*speech*',
    sentence:
      'Models for rerank and speech, as clients name them: calls of theirs are redacted; those for images look the same, drop every redaction, and are blocked.',
  },
  HIDDEN_CONTENT: {
    schema: fields.oneOf(['count', 'block']),
    default: 'count',
    sentence:
      'Counts a request whose body is longer than what LiteLLM shows of it explains, such as one with `extra_body`, or blocks it. `block` also stops Codex with a reasoning model, and every client behind a proxy that sends bodies in chunks.',
  },
  MULTI_MODEL: {
    schema: fields.oneOf(['block', 'allow']),
    default: 'block',
    sentence:
      'Blocks a request for several models (`model: "a,b"`), or lets it pass; LiteLLM never asks about their answers.',
  },
  BLOCKED_HISTORY: {
    schema: fields.oneOf(['remove', 'block']),
    default: 'remove',
    sentence:
      'Removes what was blocked from the older turns of its conversation, or blocks each later turn too.',
  },
  BLOCKED_MESSAGE: {
    schema: fields.text('text with {category}, {older}, {ref}, {backend}, {reason}'),
    otherwise: 'sentence, [category], reference',
    sentence:
      "Text that a blocked caller reads; `{reason}` is the vendor's own text, which may quote the prompt.",
  },
  STREAM_CHECK_GROWTH: {
    schema: fields.numberFrom(1, 100),
    default: '1',
    sentence:
      'How many times longer a streamed response must be before a vendor checks it again; 1 checks it each time.',
  },
} as const satisfies Settings;

const policies = {
  POLICY_FILE: {
    schema: fields.text('path'),
    sentence: 'Policy file in place of the built-in policies; it is read again when it changes.',
  },
  BUILTIN_POLICY: {
    schema: fields.oneOf(['auto', 'on', 'off']),
    default: 'auto',
    sentence:
      'Turns the built-in policies on or off; `auto` is on without a vendor and without `POLICY_FILE`.',
  },
  BANNED_KEYWORDS: {
    schema: fields.commaList,
    sentence: 'Words that the built-in policies block; an error beside `POLICY_FILE`, which has its own.',
    secret: true,
  },
  AUDIT_KEY: {
    schema: auditKeys,
    sentence: 'Seals the audit log, so that nobody without the key can rewrite it unnoticed.',
    secret: true,
  },
} as const satisfies Settings;

const records = {
  TELEMETRY: {
    schema: fields.flag,
    default: 'true',
    sentence: 'Keeps a record of each call and delivers it to the vendors that take records.',
  },
  DATA_DIR: {
    schema: fields.text('folder'),
    default: './data',
    sentence:
      'Folder of the outbox, decisions and the audit log, for one bridge at a time; `/data` in the image.',
  },
  OUTBOX_MAX_MB: {
    schema: fields.megabytes(),
    default: '1024',
    sentence:
      'Size of the outbox beyond which log events are refused with a 503; blocked calls may use the last twentieth.',
  },
  OUTBOX_MAX_AGE_HOURS: {
    schema: fields.hours,
    default: '168',
    sentence: 'Age at which a record that could not be delivered is dropped and counted.',
  },
  FAILURE_GRACE_SECONDS: {
    schema: fields.seconds,
    default: '30',
    sentence:
      'How long a failure is held back in case a retry of the call succeeds; set it above the time your retries take.',
  },
  MISSING_EVENT_MINUTES: {
    schema: fields.minutes,
    default: '15',
    sentence: 'Age at which a judged call that LiteLLM has not logged counts as missing.',
  },
  MAX_LOG_BODY_MB: {
    schema: fields.megabytes(256),
    default: '64',
    sentence:
      'Largest POST of log events, unpacked, and the sum of those that wait for a reply; more is refused.',
  },
  TELEMETRY_CONTENT: {
    schema: fields.oneOf(['full', 'redacted', 'none']),
    default: 'full',
    sentence: 'How much of prompts and responses is stored and sent.',
  },
  TELEMETRY_REMOVE: {
    schema: fields.jsonPointers,
    default: '/model_map_information',
    sentence:
      "Fields to remove from each event, `*` for any key or index; the default is LiteLLM's price table, half of an event.",
  },
  NO_CONTENT_TEAMS: {
    schema: fields.commaList,
    sentence: 'Teams, by id or alias, whose prompts and responses are neither stored nor sent.',
  },
  NO_CONTENT_KEYS: {
    schema: fields.commaList,
    sentence: 'Virtual keys, by hash or alias, whose prompts and responses are neither stored nor sent.',
  },
} as const satisfies Settings;

const proxy = {
  HTTP_PROXY: {
    schema: fields.proxyUrl,
    sentence: 'Forward proxy to vendors over http; read in lower case too.',
    secret: true,
  },
  HTTPS_PROXY: {
    schema: fields.proxyUrl,
    sentence: 'Forward proxy to vendors over https; read in lower case too.',
    secret: true,
  },
  NO_PROXY: {
    schema: fields.text('hosts, comma separated'),
    sentence: 'Hosts to reach without the proxy; read in lower case too.',
  },
} as const satisfies Settings;

/** The bridge's own settings by the heading they are described under; those of a vendor stand in its definition. */
export const SETTING_GROUPS = {
  'Who may call': access,
  Server: server,
  'Page, metrics and health': ops,
  Judging: judging,
  Policies: policies,
  'Records of calls': records,
  Decisions: decisions,
  'Calls kept for replay': replay,
  'Several replicas, and all cores': replicas,
  'Traces, metrics and logs by OTLP': otlp,
  'Forward proxy': proxy,
} as const;

/** Each setting of the bridge's own. */
export const SETTINGS = {
  ...access,
  ...server,
  ...ops,
  ...judging,
  ...policies,
  ...records,
  ...decisions,
  ...replay,
  ...replicas,
  ...otlp,
  ...proxy,
};
