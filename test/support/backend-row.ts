import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Reply, SeenRequest } from './fake-backend.ts';

/** The text of every call that vendors are asked about in the contract. */
export const PROMPT = 'the prompt about plums';

/** The key of a vendor in the contract. */
export const KEY = 'key-5e1f';

/** One kind of backend in the contract table: how an entry of it is written, and how its vendor replies. */
export type BackendRow = {
  readonly kind: string;
  /** Told apart from other rows of the kind; left out where there is one. */
  readonly variant?: string;
  /** Keys of the entry that only this kind has; `url` is the address of the vendor. */
  readonly options?: (url: string) => Record<string, unknown>;
  /** `false` for a vendor that is asked without a secret; otherwise it is {@link KEY} or this text. */
  readonly secret?: string | false;
  /** The same set up by the environment alone; fails closed. */
  readonly environment?: (url: string) => Record<string, string>;
  /** Directions that it judges, by default both. */
  readonly judges?: readonly ('request' | 'response')[];
  readonly allow: Reply;
  readonly block: (reason: string) => Reply;
  /** A reply that redacts {@link PROMPT}, and what is left of it. */
  readonly redact?: { readonly reply: Reply; readonly text: string };
  /** The shape of a verdict, with another type in the place of each value. */
  readonly wrongTypes: Reply;
  /** JSON in which no verdict is found; it holds `said`. */
  readonly wrongShape: (said: string) => Reply;
  /** Answers what is no check, such as a request for a token, in every row. */
  readonly beside?: (request: SeenRequest) => Reply | undefined;
  /** Of its addresses and headers: what must stay out of every log line, metric and reply, beside the key. */
  readonly secrets: readonly string[];
};

const FOLDER = join(import.meta.dirname, 'backend-rows');

/** Every row under `backend-rows`, by name of its file. */
export async function backendRows(): Promise<readonly BackendRow[]> {
  const files = readdirSync(FOLDER).sort();
  const modules = await Promise.all(files.map((file) => import(join(FOLDER, file))));
  return modules.flatMap(({ rows, row }: { rows?: BackendRow[]; row?: BackendRow }) => rows ?? row ?? []);
}
