import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Fields, fieldsOf } from '../guardrail/json.ts';
import { type PolicyDocument, readDocument } from '../policies/file/document.ts';
import { FileMessages, type Path } from '../policies/file/problems.ts';

/** Where something stands; lines begin with 1. */
export type FilePlace = { readonly file: string; readonly line: number };

/** Something for which a file cannot be read, or is not read as it is meant. */
export type FileProblem = FilePlace & {
  readonly message: string;
  /** True if LiteLLM starts, with something else than is written. */
  readonly isIgnored?: boolean;
};

/** A section of one file: all of it, or a list that others go on with. */
type Part = { readonly file: string; readonly document: PolicyDocument; readonly length: number };

/** A configuration of LiteLLM with all files that it includes, as LiteLLM puts them together. */
export class LitellmConfig {
  readonly file: string;
  readonly value: Fields;
  /** Why LiteLLM would not start, or read something else than is written. */
  readonly problems: readonly FileProblem[];
  readonly #parts: ReadonlyMap<string, readonly Part[]>;

  constructor(
    file: string,
    value: Fields,
    problems: readonly FileProblem[],
    parts: ReadonlyMap<string, readonly Part[]>,
  ) {
    this.file = file;
    this.value = value;
    this.problems = problems;
    this.#parts = parts;
  }

  /** The place of a value; for a missing one that of the nearest thing around it. */
  placeOf([section, index, ...rest]: Path): FilePlace {
    const parts = this.#parts.get(String(section)) ?? [];
    if (typeof index !== 'number') return placeIn(parts.at(-1), [section, index, ...rest], this.file);
    let inPart = index;
    for (const part of parts) {
      if (inPart < part.length) return placeIn(part, [section, inPart, ...rest], this.file);
      inPart -= part.length;
    }
    return placeIn(parts.at(-1), [section], this.file);
  }
}

function placeIn(
  part: Part | undefined,
  path: readonly (Path[number] | undefined)[],
  file: string,
): FilePlace {
  const steps = path.filter((step) => step !== undefined);
  return part === undefined ? { file, line: 1 } : { file: part.file, line: part.document.lineOf(steps) };
}

/**
 * Reads a configuration of LiteLLM as its proxy does: lists of included files are appended, everything else of them wins, and a
 * relative path begins at the file that names it, or at the first one.
 *
 * @throws Error that an operator can read, if there is no such file
 * @see LiteLLM 1.110.2, proxy/common_utils/config_includes.py; 1.83.14, `_process_includes` in proxy_server.py
 */
export function readLitellmConfig(file: string): LitellmConfig {
  const reader = new IncludeReader(file);
  const text = readText(file);
  if (typeof text !== 'string')
    throw new Error(`${file} cannot be read (${text.code}); write the path of LiteLLM's configuration`);
  reader.take(file, text);
  while (reader.pending.length > 0) reader.include(reader.pending.shift() as Included);
  return new LitellmConfig(file, Object.fromEntries(reader.values), reader.problems, reader.parts);
}

type Included = FilePlace & { readonly entry: string };

class IncludeReader {
  readonly values = new Map<string, unknown>();
  readonly parts = new Map<string, Part[]>();
  readonly problems: FileProblem[] = [];
  readonly pending: Included[] = [];
  readonly #first: string;
  readonly #taken = new Set<string>();

  constructor(first: string) {
    this.#first = first;
  }

  include({ entry, ...place }: Included): void {
    const besides = [place.file, this.#first].map((file) => join(dirname(file), entry));
    const absolute = entry.startsWith('/') ? [entry] : besides;
    const file = absolute.find((path) => existsSync(path)) ?? (absolute[0] as string);
    if (this.#taken.has(resolve(file))) return;
    const text = readText(file);
    if (typeof text === 'string') this.take(file, text);
    else this.#fail(place, `include: ${file} cannot be read (${text.code}), so that LiteLLM does not start`);
  }

  take(file: string, text: string): void {
    this.#taken.add(resolve(file));
    const messages = new FileMessages();
    const document = readDocument(text, messages, 'PyYAML');
    // The mistakes after the first one of a text are its consequences
    for (const message of messages.list().slice(0, 1)) {
      const [, line = '1', rest = message] = /^line (\d+): (.*)$/s.exec(message) ?? [];
      this.#fail({ file, line: Number(line) }, rest);
    }
    if (document === undefined) return;
    const { value, repeated } = document;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fail({ file, line: 1 }, 'must be a mapping, with sections such as model_list and guardrails');
      return;
    }
    for (const { path, line, firstLine } of repeated) {
      const message = `${String(path.at(-1))} stands twice, so that LiteLLM forgets the one in line ${firstLine}`;
      this.problems.push({ file, line, message, isIgnored: true });
    }
    this.#merge(file, document, fieldsOf(value));
  }

  #merge(file: string, document: PolicyDocument, { include, ...sections }: Fields): void {
    for (const [section, value] of Object.entries(sections)) {
      const part = { file, document, length: Array.isArray(value) ? value.length : 0 };
      const before = this.values.get(section);
      const isLonger = Array.isArray(value) && Array.isArray(before);
      if (before !== undefined && !isLonger) {
        const message = `${section} takes the place of all of ${section} in ${this.parts.get(section)?.at(-1)?.file}`;
        this.problems.push({ file, line: document.lineOf([section]), message, isIgnored: true });
      }
      this.values.set(section, isLonger ? [...before, ...value] : value);
      this.parts.set(section, isLonger ? [...(this.parts.get(section) ?? []), part] : [part]);
    }
    if (include === undefined) return;
    const place = { file, line: document.lineOf(['include']) };
    if (!Array.isArray(include) || include.some((entry) => typeof entry !== 'string')) {
      this.#fail(place, 'include must be a list of paths, or LiteLLM does not start');
      return;
    }
    for (const [index, entry] of include.entries())
      this.pending.push({ file, line: document.lineOf(['include', index]), entry });
  }

  #fail(place: FilePlace, message: string): void {
    this.problems.push({ ...place, message });
  }
}

function readText(file: string): string | { readonly code: string } {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? 'no file' };
  }
}
