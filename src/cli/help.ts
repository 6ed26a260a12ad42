import type { Backend } from '../backends/backend.ts';
import { settingsHelp } from '../config/describe.ts';

/** What `--help` prints. */
export function help(backends: readonly Backend[]): string {
  return `${HELP}\n${settingsHelp(backends)}`;
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
