import type * as v from 'valibot';
import { type PolicyDocument, readDocument } from './document.ts';
import { placeOf } from './key-places.ts';
import { FileMessages, type Path, PolicyFileError, pathText } from './problems.ts';
import { shaped } from './shape.ts';

/** A policy file that is being read: its content, and the messages about places in it. */
export class FileReport {
  readonly problems = new FileMessages();
  readonly warnings = new FileMessages();
  readonly #document: PolicyDocument;
  readonly #kinds: readonly string[];

  /** @param kinds of policies that are known @throws PolicyFileError if it is no YAML */
  constructor(text: string, kinds: readonly string[] = []) {
    this.#kinds = kinds;
    const document = readDocument(text, this.problems);
    if (document === undefined) throw new PolicyFileError(this.problems.list());
    this.#document = document;
  }

  get content(): unknown {
    return this.#document.value;
  }

  fail(path: Path, message: string): void {
    this.problems.add(this.#document.lineOf(path), pathText(path), message);
  }

  warn(path: Path, message: string): void {
    this.warnings.add(this.#document.lineOf(path), pathText(path), message);
  }

  /** A value of the file by a schema; undefined once its mistakes are reported. See {@link shaped} for `others`. */
  shaped<S extends v.GenericSchema>(
    schema: S,
    value: unknown,
    path: Path,
    others: readonly string[] = [],
  ): v.InferOutput<S> | undefined {
    const written = (at: Path) => this.#document.written([...path, ...at]);
    const elsewhere = (at: Path) => placeOf([...path, ...at], this.#kinds);
    const read = shaped(schema, value, { others, written, elsewhere });
    for (const mistake of read.mistakes ?? []) this.fail([...path, ...mistake.path], mistake.message);
    return read.value;
  }
}
