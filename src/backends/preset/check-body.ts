import { didYouMean } from '../../policies/file/nearest.ts';
import type { Path } from '../../policies/file/problems.ts';
import type { Circumstance, Preset, PresetAsk } from './shape.ts';
import { isEach, placeholdersIn } from './template.ts';

/** Values that say what is to be judged, and what a vendor that reads texts can be sent of it. */
const TEXTS = ['text', 'texts'];
const CONVERSATIONS = ['messages', 'turn', 'guardrail_request'];
const MCP_TOOL = ['tool.arguments', 'tool.arguments_text'];

/** Values that are lists, and the fields of their entries. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  texts: [],
  documents: [],
  images: [],
  messages: ['item.role', 'item.content'],
  turn: ['item.role', 'item.content'],
};

/** Checks the names of placeholders in a text. */
export type CheckText = (text: string, path: Path, known: readonly string[]) => void;

/** Checks that what the bodies of a preset are filled with is known, and that nothing is taken for judged that was not sent. */
export class BodyChecker {
  readonly #preset: Preset;
  readonly #fail: (path: Path, message: string) => void;
  readonly #text: CheckText;

  constructor(preset: Preset, fail: (path: Path, message: string) => void, text: CheckText) {
    this.#preset = preset;
    this.#fail = fail;
    this.#text = text;
  }

  /** @param known names of the placeholders that a body may have */
  check(known: readonly string[]): void {
    const shows: { readonly when: readonly Circumstance[]; readonly isShown: boolean }[] = [];
    for (const [index, ask] of this.#preset.asks.entries()) {
      const path: Path = ['asks', index];
      if (ask.body === undefined) {
        this.#fail(path, 'needs a body');
        continue;
      }
      const names = new Set<string>();
      this.#node(ask.body, [...path, 'body'], known, names);
      const isKnown = [...names].every((name) => known.includes(name) || name.startsWith('item'));
      if (isKnown) this.#content(ask, [...path, 'body'], names);
      const has = (when: readonly Circumstance[]) =>
        when.every((word) => word === 'images' || ask.when.includes(word));
      const isShown = names.has('images') || names.has('guardrail_request');
      const isLeft = !shows.some((one) => one.isShown && has(one.when));
      if (isKnown && this.#preset.judges.includes('media') && !isShown && isLeft)
        this.#fail(
          [...path, 'body'],
          'needs $images, or an ask before it that has them, as judges names media',
        );
      shows.push({ when: ask.when, isShown });
    }
  }

  /** Without texts everything would be allowed unseen. */
  #content({ when }: PresetAsk, path: Path, names: ReadonlySet<string>): void {
    const { reads, documents, authors } = this.#preset;
    const has = (some: readonly string[]) => some.some((name) => names.has(name));
    if (when.includes('mcp_tool') && has(MCP_TOOL)) return;
    const showsAll = authors.every((author) => documents.includes(author)) && names.has('documents');
    if (reads === 'conversation') {
      if (!has([...TEXTS, ...CONVERSATIONS]))
        this.#fail(path, 'needs $messages, $turn, $text, $texts or $guardrail_request');
      return;
    }
    if (has(CONVERSATIONS)) this.#fail(path, 'has what is about the whole call; write reads: conversation');
    else if (!has(TEXTS) && !showsAll) this.#fail(path, 'needs $text or $texts, or nothing is judged');
    if (documents.length > 0 && !names.has('documents') && !when.includes('response'))
      this.#fail(path, 'needs $documents, as documents names authors');
  }

  #node(node: unknown, path: Path, known: readonly string[], names: Set<string>): void {
    if (typeof node === 'string') {
      this.#text(node, path, known);
      for (const name of placeholdersIn(node)) names.add(name);
    } else if (Array.isArray(node)) {
      for (const [index, item] of node.entries()) {
        if (isEach(item)) this.#each(item, [...path, index], known, names);
        else this.#node(item, [...path, index], known, names);
      }
    } else if (typeof node === 'object' && node !== null) {
      for (const [key, value] of Object.entries(node)) {
        if (key.startsWith('$'))
          this.#fail([...path, key], 'is a key of an entry of a list; write [{ $each: texts, as: $item }]');
        else this.#node(value, [...path, key], known, names);
      }
    }
  }

  #each(
    { $each: list, as }: { $each: string; as: unknown },
    path: Path,
    known: readonly string[],
    names: Set<string>,
  ): void {
    const at = [...path, '$each'];
    if (!known.includes(list)) this.#fail(at, `"${list}" is no value${didYouMean(list, known)}`);
    const type = this.#preset.options[list.replace(/^options\./, '')]?.type;
    const isOption = list.startsWith('options.') && (type === 'texts' || type === 'any');
    if (known.includes(list) && !isOption && LISTS[list] === undefined)
      this.#fail(at, `"${list}" is no list`);
    names.add(list);
    const fields = LISTS[list] ?? [];
    // Of an option of any form nothing is known
    this.#node(as, [...path, 'as'], [...known, 'item', ...(type === 'any' ? ['item.*'] : fields)], names);
  }
}
