import * as v from 'valibot';
import { UNREACHABLE_FALLBACKS } from '../guardrail/failure.ts';
import {
  commaList,
  flag,
  hours,
  jsonPointers,
  megabytes,
  minutes,
  numberFrom,
  oneOf,
  proxyUrl,
  type Settings,
  seconds,
  secret,
  text,
} from '../guardrail/fields.ts';
import { ipList } from '../guardrail/ip-list.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const secondsOrZero = v.pipe(
  v.union(
    [
      v.pipe(
        v.literal('0'),
        v.transform(() => 0),
      ),
      seconds,
    ],
    'write a number of seconds',
  ),
  v.description('seconds'),
);

const addresses = v.pipe(
  commaList,
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
  commaList,
  v.description('16 characters or more; earlier keys follow, comma separated'),
);

const access = {
  BRIDGE_API_KEYS: {
    schema: v.pipe(commaList, v.array(secret), v.minLength(1, 'write at least one key')),
    sentence:
      'Keys of which callers must send one, as `x-api-key` or `Authorization: Bearer`; have two while you rotate.',
    secret: true,
  },
  ALLOW_UNAUTHENTICATED: {
    schema: flag,
    default: 'false',
    sentence: 'Allows the bridge to listen beyond loopback without keys.',
  },
  ALLOWED_IPS: {
    schema: addresses,
    otherwise: 'everybody',
    sentence:
      'Accepts calls only from these addresses, which are compared with the connection and never with a header.',
  },
} as const satisfies Settings;

const server = {
  HOST: {
    schema: text('address'),
    otherwise: '`127.0.0.1`; with keys or `ALLOW_UNAUTHENTICATED`, `0.0.0.0`',
    sentence: 'Address to listen on; `::` includes IPv6.',
  },
  PORT: {
    schema: numberFrom(0, 65_535, true),
    default: '8787',
    sentence: 'Port to listen on; 0 picks a free one.',
  },
  MAX_BODY_MB: {
    schema: megabytes(128),
    default: '32',
    sentence:
      'Blocks a call that is larger under any fallback, and one that arrives while eight times as much waits.',
  },
  LOG_LEVEL: {
    schema: oneOf(LOG_LEVELS),
    default: 'info',
    sentence: 'Lowest level that is logged; `debug` adds a line for each allowed call.',
  },
  SHUTDOWN_DELAY: {
    schema: secondsOrZero,
    default: '3',
    sentence: 'Time after SIGTERM in which new calls are still taken while `/readyz` already fails.',
  },
  SHUTDOWN_TIMEOUT: {
    schema: seconds,
    default: '25',
    sentence: 'Time that calls in flight and the delivery of records then have to end.',
  },
} as const satisfies Settings;

const judging = {
  GUARDRAIL_TIMEOUT: {
    schema: seconds,
    otherwise: '`5`; Capsule `20`',
    sentence: 'Deadline of each backend, connecting and reading included, and of the policies.',
  },
  UNREACHABLE_FALLBACK: {
    schema: oneOf(UNREACHABLE_FALLBACKS),
    otherwise: '`fail_closed`; Capsule `fail_open`',
    sentence:
      'Blocks a call for which a backend gives no verdict, lets it pass, or leaves it to LiteLLM (`defer`).',
  },
  RESPONSE_REDACTION: {
    schema: oneOf(['block', 'rewrite']),
    default: 'block',
    sentence:
      'Blocks a response that would be redacted, or rewrites it, which LiteLLM drops in most streams.',
    formerly: 'ANSWER_REDACTION',
  },
  BLOCKED_MESSAGE: {
    schema: text('text with {ref}, {backend}, {reason}'),
    otherwise: 'a sentence with the reference',
    sentence:
      'Text that a blocked caller reads; `{reason}` gives the words of the vendor, which may quote the prompt.',
  },
  STREAM_CHECK_GROWTH: {
    schema: numberFrom(1, 100),
    default: '1',
    sentence:
      'Asks a vendor about a streamed response again when it is this many times as long; 1 asks each time.',
  },
} as const satisfies Settings;

const policies = {
  POLICY_FILE: {
    schema: text('path'),
    sentence: 'Policies in place of the built-in ones; the file is read again when it changes.',
  },
  BUILTIN_POLICY: {
    schema: oneOf(['auto', 'on', 'off']),
    default: 'auto',
    sentence: 'Switches the built-in policies; `auto` is on without a vendor and without `POLICY_FILE`.',
  },
  BANNED_KEYWORDS: {
    schema: commaList,
    sentence: 'Words that the built-in policies block; an error beside `POLICY_FILE`.',
    secret: true,
  },
  AUDIT_KEY: {
    schema: auditKeys,
    sentence: 'Seals the log of decisions, so that nobody without the key can write it anew.',
    secret: true,
  },
} as const satisfies Settings;

const records = {
  TELEMETRY: {
    schema: flag,
    default: 'true',
    sentence: 'Keeps a record of each call and delivers it to the vendors that take records.',
  },
  DATA_DIR: {
    schema: text('folder'),
    default: './data',
    sentence:
      'Folder of the outbox and the log of decisions, which one bridge at a time uses; `/data` in the image.',
  },
  OUTBOX_MAX_MB: {
    schema: megabytes(),
    default: '1024',
    sentence: 'Refuses log events with a 503 beyond this; the last twentieth is for blocked calls.',
  },
  OUTBOX_MAX_AGE_HOURS: {
    schema: hours,
    default: '168',
    sentence: 'Drops and counts what could not be delivered for so long.',
  },
  FAILURE_GRACE_SECONDS: {
    schema: seconds,
    default: '30',
    sentence: 'Lets a success replace the failure of the same call; set it above the time of your retries.',
  },
  MISSING_EVENT_MINUTES: {
    schema: minutes,
    default: '15',
    sentence: 'Counts a judged call as missing when LiteLLM has logged nothing of it by then.',
  },
  MAX_LOG_BODY_MB: {
    schema: megabytes(256),
    default: '64',
    sentence: 'Bounds one POST of log events, unpacked, and all that wait for a reply; more gets a 503.',
  },
  TELEMETRY_CONTENT: {
    schema: oneOf(['full', 'redacted', 'none']),
    default: 'full',
    sentence: 'Amount of prompts and responses that is stored and sent.',
  },
  TELEMETRY_REMOVE: {
    schema: jsonPointers,
    default: '/model_map_information',
    sentence:
      "Removes these fields from each event, `*` for any key or index; the default is LiteLLM's price table, half of an event.",
  },
  NO_CONTENT_TEAMS: {
    schema: commaList,
    sentence: 'Teams, by id or alias, of which no content is stored or sent.',
  },
  NO_CONTENT_KEYS: {
    schema: commaList,
    sentence: 'Virtual keys, by hash or alias, of which no content is stored or sent.',
  },
} as const satisfies Settings;

const proxy = {
  HTTP_PROXY: {
    schema: proxyUrl,
    sentence: 'Forward proxy on the way to vendors over http; lower case is read too.',
    secret: true,
  },
  HTTPS_PROXY: {
    schema: proxyUrl,
    sentence: 'Forward proxy on the way to vendors over https; lower case is read too.',
    secret: true,
  },
  NO_PROXY: {
    schema: text('hosts, comma separated'),
    sentence: 'Hosts that are asked without the proxy; lower case is read too.',
  },
} as const satisfies Settings;

/** The bridge's own settings by the heading they are described under; those of a vendor stand in its definition. */
export const SETTING_GROUPS = {
  'Who may call': access,
  Server: server,
  Judging: judging,
  Policies: policies,
  'Records of calls': records,
  'Forward proxy': proxy,
} as const;

/** Each setting of the bridge's own. */
export const SETTINGS = { ...access, ...server, ...judging, ...policies, ...records, ...proxy };
