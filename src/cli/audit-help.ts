/** What `audit --help` prints. */
export const AUDIT_HELP = `guardrail-bridge audit: the decisions that policy audit-logger keeps, without any content

usage
  guardrail-bridge audit verify [--head SEQ:HASH] [--json]
  guardrail-bridge audit tail [-n N] [--follow] [--json]
  guardrail-bridge audit export [--since TIME] [--until TIME] [--format jsonl|csv] [--out FILE]

  --head        a row that the bridge has logged as its last: shows whether the end was cut off
  -n            rows (20)
  --follow      goes on with the rows that come, until it is stopped
  --since       rows from this time on, like 2026-11-21 or 2026-11-21T10:00:00Z; UTC without a zone
  --until       rows before this time
  --format      jsonl (default): the rows as they stand; csv: a table
  --out         a new file instead of standard output
  --json        for programs

DATA_DIR says where the log is (./data), AUDIT_KEY what its rows are sealed with; keys it had before follow the first,
separated by commas. All of it works while a bridge runs. verify ends with 1 if anything is wrong.
`;
