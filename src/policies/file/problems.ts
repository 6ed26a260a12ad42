/** The place of a value in a document: keys and positions in lists. */
export type Path = readonly (string | number)[];

/** Thrown for a policy file that cannot be used: every mistake in it, in the order of the lines. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
  /** `line 12: policy.secrets.actoin: is not known; did you mean action?` Of the file's content only words and numbers are quoted. */
  readonly problems: readonly string[];

  /** @param file its path, if it is known */
  constructor(problems: readonly string[], file?: string) {
    super(
      `The policy file ${file === undefined ? '' : `${file} `}cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** More are not read by anybody. */
const MAX_MESSAGES = 100;

/** Messages about the places of a file: mistakes, or warnings. */
export class FileMessages {
  readonly #messages: { readonly line: number; readonly text: string }[] = [];
  /** Messages added, those beyond the limit included. */
  #count = 0;

  /** @param line 1 for the first; undefined where the whole file is meant */
  add(line: number | undefined, key: string, message: string): void {
    this.#count++;
    if (this.#messages.length >= MAX_MESSAGES) return;
    const where = line === undefined ? '' : `line ${line}: `;
    this.#messages.push({ line: line ?? 0, text: `${where}${key === '' ? '' : `${key}: `}${message}` });
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** By line, at most a hundred, none twice. */
  list(): string[] {
    const sorted = this.#messages.toSorted((a, b) => a.line - b.line).map(({ text }) => text);
    const more = this.#count - this.#messages.length;
    return [...new Set(sorted), ...(more > 0 ? [`and ${more} more`] : [])];
  }
}

/** A path as it is written in a message: `policy.rbac.roles[0].name`. Odd keys are quoted and long ones cut. */
export function pathText(path: Path): string {
  return path.reduce<string>((key, step) => {
    if (typeof step === 'number') return `${key}[${step}]`;
    const name = /^[\w.*@/-]{1,64}$/.test(step) ? step : JSON.stringify(step.slice(0, 64));
    return key === '' ? name : `${key}.${name}`;
  }, '');
}
