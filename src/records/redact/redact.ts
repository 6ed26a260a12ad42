import type { RedactionOptions } from '../../config/config.ts';
import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import type { CallRecord } from '../../guardrail/record.ts';
import { cleanEvent, cleanText, type KeptContent } from './clean.ts';
import { removeNamedCredentials } from './credential-field.ts';
import { erase, PointerList } from './erase.ts';

const MAX_UNREADABLE_CHARS = 8 * 1024;

/** Redacts what is stored and delivered of a call: credentials always, content as far as it is not to be kept. */
export class Redactor {
  readonly #options: RedactionOptions;

  constructor(options: RedactionOptions) {
    this.#options = options;
  }

  /** Redacts an event in place, and lists what was erased and replaced; a hundred of each at most. */
  redact(event: Fields): Pick<CallRecord, 'event' | 'erased' | 'masked'> {
    const content = this.contentKept(event);
    const erased = new PointerList();
    const masked = new PointerList();
    // Where no content is kept, a key that `*` stands for may be content too
    erase(event, this.#options.remove, erased, content === 'none');
    cleanEvent(event, content, masked);
    return { event, erased: erased.list(), masked: masked.list() };
  }

  /** Redacts a text that belongs to an event. Before {@link redact}: the event still tells its team and key. */
  text(text: string, event: Fields): string {
    return cleanText(text, this.contentKept(event));
  }

  /**
   * The beginning of a text that cannot be read as an event, without credentials; undefined unless all content of all calls is
   * kept.
   */
  unreadable(text: string): string | undefined {
    const { content, noContentTeams, noContentKeys } = this.#options;
    if (content !== 'full' || noContentTeams.size > 0 || noContentKeys.size > 0) return undefined;
    const beginning = removeNamedCredentials(text.slice(0, 2 * MAX_UNREADABLE_CHARS));
    return cleanText(beginning, content).slice(0, MAX_UNREADABLE_CHARS);
  }

  /** No content is kept of a listed team or key, nor of a call that names neither where some are listed. */
  contentKept(event: Fields): KeptContent {
    const { content, noContentTeams, noContentKeys } = this.#options;
    if (content === 'none' || (noContentTeams.size === 0 && noContentKeys.size === 0)) return content;
    const metadata = fieldsOf(event.metadata);
    const named = (...names: string[]) =>
      names.flatMap((name) => textOf(metadata[`user_api_key_${name}`]) ?? []);
    const teams = named('team_id', 'team_alias');
    const keys = named('hash', 'alias');
    const isUnknown = teams.length + keys.length === 0;
    const isListed =
      teams.some((team) => noContentTeams.has(team)) || keys.some((key) => noContentKeys.has(key));
    return isUnknown || isListed ? 'none' : content;
  }
}
