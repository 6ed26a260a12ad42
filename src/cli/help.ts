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
  guardrail-bridge --help | --version

It is configured by environment variables, or a .env file in the working directory:
  BRIDGE_API_KEYS          keys callers must send as x-api-key, separated by commas
  HOST, PORT               address to listen on (127.0.0.1, or 0.0.0.0 with keys; 8787)
  GUARDRAIL_TIMEOUT        seconds a backend may take (5)
  UNREACHABLE_FALLBACK     fail_closed (default), fail_open or defer
  BUILTIN_POLICY           auto (default), on or off
  BANNED_KEYWORDS          words the built-in policy blocks, separated by commas
  ANSWER_REDACTION         block (default) or rewrite
  BLOCKED_MESSAGE          what a blocked caller reads, with {ref}, {backend}, {reason}
  MAX_BODY_MB, LOG_LEVEL, SHUTDOWN_DELAY, SHUTDOWN_TIMEOUT, ALLOW_UNAUTHENTICATED, HTTP_PROXY, HTTPS_PROXY, NO_PROXY
`;
