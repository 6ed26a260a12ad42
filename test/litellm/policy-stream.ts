import { events } from './client.ts';

/** Texts of the chunks that a client of a chat stream has read so far, by choice. */
export function chunksOf(raw: string): string[][] {
  const choices: string[][] = [];
  for (const { data } of events(raw)) {
    for (const { index, delta } of (data as Chunk).choices ?? []) {
      choices[index] ??= [];
      if (delta?.content) choices[index].push(delta.content);
    }
  }
  return choices;
}

type Chunk = { choices?: { index: number; delta?: { content?: string | null } }[] };

/** A client that reads a stream as it comes. */
export class StreamReader {
  raw = '';
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();

  constructor(response: Response) {
    if (response.body === null) throw new Error(`no stream: ${response.status}`);
    this.#reader = response.body.getReader();
  }

  /** Reads on until the text of the first choice is one that `isEnough`, or until the end. */
  async until(isEnough: (text: string) => boolean): Promise<string> {
    let text = this.text();
    while (!isEnough(text)) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      this.raw += this.#decoder.decode(value, { stream: true });
      text = this.text();
    }
    return text;
  }

  async end(): Promise<string> {
    return this.until(() => false);
  }

  /** Text of the first choice so far. */
  text(): string {
    const whole = this.raw.slice(0, this.raw.lastIndexOf('\n\n') + 1);
    return chunksOf(whole)[0]?.join('') ?? '';
  }
}

/** Something to wait for, and how to end the wait. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Does a piece of work for each item, a few at a time. */
export async function forAll<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  atOnce = 6,
): Promise<void> {
  const waiting = [...items];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
    }),
  );
}
