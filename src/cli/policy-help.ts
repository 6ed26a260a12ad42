/** What `policy --help` and `check --help` print. */
export const POLICY_HELP = `guardrail-bridge policy, check: try a policy file, without any bridge

usage
  guardrail-bridge policy lint FILE
  guardrail-bridge policy test FILE CASES
  guardrail-bridge check --policy FILE [--answer] TEXT

  FILE          a policy file, YAML or JSON, as POLICY_FILE names it
  CASES         golden cases: what is said, and which verdict and reason are expected
  TEXT          what is judged; - for standard input
  --answer      the text is an answer of the model; by default it is the request of a user
  --json        for programs, with every command

lint says what is wrong with a file, each mistake with its line; test judges every case by it; both end with 1 if anything is
wrong. check ends with 0 whatever the verdict, and with 1 if there is none. Backends are never asked, and policies that only
observe change no verdict.
`;
