/** The log that a command is about. */
export type AuditSource = { readonly folder: string; readonly keys: readonly string[] };
