import type { Backend } from '../backends/backend.ts';
import { commonVariables } from '../config/backend.ts';

/** What `--help` prints; the variables of the backends come from their definitions. */
export function help(backends: readonly Backend[]): string {
  const lists = backends.map((backend) => {
    const { variables, sharedVariables } = backend;
    const names = Object.keys({ ...variables, ...sharedVariables, ...commonVariables(backend.name) });
    return `${backend.name}\n${names.map((name) => `  ${name}\n`).join('')}`;
  });
  return `${HELP}\n${lists.join('')}\nAll variables with defaults and units are in the README.\n`;
}

const HELP = `guardrail-bridge: one HTTP sidecar between LiteLLM Proxy and AI-security vendors

usage
  guardrail-bridge [serve]         listen and judge (default)
  guardrail-bridge check-config    read the configuration, say what it means, and stop
  guardrail-bridge check-config --connect   also see whether each backend's address answers
  guardrail-bridge outbox          what waits for a backend or could not be delivered (outbox --help)
  guardrail-bridge policy          lint a policy file, or test it with cases (policy --help)
  guardrail-bridge check --policy FILE "text"    what a policy file says of a text
  guardrail-bridge audit           verify, tail or export the log of decisions (audit --help)
  guardrail-bridge --help | --version

It is configured by environment variables, or a .env file in the working directory:
  BRIDGE_API_KEYS          keys callers must send as x-api-key, separated by commas
  HOST, PORT               address to listen on (127.0.0.1, or 0.0.0.0 with keys; 8787)
  GUARDRAIL_TIMEOUT        seconds a backend may take, and the policies (5)
  UNREACHABLE_FALLBACK     fail_closed (default), fail_open or defer
  BUILTIN_POLICY           auto (default), on or off
  BANNED_KEYWORDS          words the built-in policies block, separated by commas
  POLICY_FILE              policies in the form of Keeptrusts, instead of the built-in ones; read again when it changes
  STREAM_CHECK_GROWTH      by how much a streamed answer has grown before a vendor is asked again (1: each time)
  AUDIT_KEY                seals the log of decisions
  ALLOWED_IPS              who may call: addresses and ranges, separated by commas
  ANSWER_REDACTION         block (default) or rewrite
  BLOCKED_MESSAGE          what a blocked caller reads, with {ref}, {backend}, {reason}
  TELEMETRY                on (default) or off: whether LiteLLM's log events are taken and delivered
  DATA_DIR                 folder of the outbox that keeps them until then, and of the log of decisions (./data)
  OUTBOX_MAX_MB, OUTBOX_MAX_AGE_HOURS   its bounds (1024, 168)
  FAILURE_GRACE_SECONDS    how long a failure may give way to a success of its call (30)
  TELEMETRY_CONTENT        full (default), redacted or none
  TELEMETRY_REMOVE         JSON pointers of what is taken out of every event, separated by commas
  NO_CONTENT_TEAMS, NO_CONTENT_KEYS     whose content is neither stored nor sent
  MISSING_EVENT_MINUTES    after which a judged call without a log event counts as missing (15)
  MAX_BODY_MB, MAX_LOG_BODY_MB, LOG_LEVEL, SHUTDOWN_DELAY, SHUTDOWN_TIMEOUT, ALLOW_UNAUTHENTICATED, HTTP_PROXY, HTTPS_PROXY, NO_PROXY
`;

/** What `outbox --help` prints. */
export const OUTBOX_HELP = `guardrail-bridge outbox: the records that a backend has not got yet

usage
  guardrail-bridge outbox status
  guardrail-bridge outbox list [--backend NAME] [--dead] [--limit N]
  guardrail-bridge outbox show ID
  guardrail-bridge outbox retry [--backend NAME] ID... | --all
  guardrail-bridge outbox drop [--backend NAME] [--dead] ID... | --all  [--yes]
  guardrail-bridge outbox export [--backend NAME] [--dead] [--out FILE]

  ID            the number in the first column of list, or how a record_id begins
  --backend     of one backend; intake has the rows that could not be read at all
  --dead        only what is not tried again by itself
  --limit       rows of the list (50)
  --all         with retry: dead letters and what waits for its next try
  --yes         drops without IDs: what is dropped is gone
  --out         a new file instead of standard output
  --json        for programs, with every command

DATA_DIR says where the outbox is (./data). All of it works while a bridge runs. Records hold prompts and answers, as far
as TELEMETRY_CONTENT keeps them: show and export print them.
`;
