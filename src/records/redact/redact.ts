import type { RedactionOptions } from '../../config/config.ts';
import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import { cleanEvent, cleanText, type TelemetryContent } from './clean.ts';
import { createPointerList, erase } from './pointers.ts';

export type { RedactionOptions } from '../../config/config.ts';
export { type TelemetryContent, WITHHELD } from './clean.ts';

/** A cleaned event, with JSON pointers to what was taken out of it and to what was replaced, a hundred of each at most. */
export type Redacted = {
  readonly event: Fields;
  readonly erased: readonly string[];
  readonly masked: readonly string[];
};

export type Redactor = {
  /** Cleans an event for storage. The argument is changed and returned. */
  redact(event: Fields): Redacted;
  /** Cleans a text that belongs to an event, which still tells its team and key: before `redact`. */
  text(text: string, event: Fields): string;
};

/** Cleans what is stored and sent of a call: credentials always, and content as far as it is not wanted. */
export function createRedactor(options: RedactionOptions): Redactor {
  const { remove, noContentTeams, noContentKeys } = options;

  function contentOf(event: Fields): TelemetryContent {
    if (options.content === 'none' || (noContentTeams.size === 0 && noContentKeys.size === 0))
      return options.content;
    const metadata = fieldsOf(event.metadata);
    const teams = [textOf(metadata.user_api_key_team_id), textOf(metadata.user_api_key_team_alias)];
    const keys = [textOf(metadata.user_api_key_hash), textOf(metadata.user_api_key_alias)];
    const isUnknown = [...teams, ...keys].every((name) => name === undefined);
    const isListed = (names: readonly (string | undefined)[], listed: ReadonlySet<string>) =>
      names.some((name) => name !== undefined && listed.has(name));
    return isUnknown || isListed(teams, noContentTeams) || isListed(keys, noContentKeys)
      ? 'none'
      : options.content;
  }

  return {
    redact(event) {
      const content = contentOf(event);
      const erased = createPointerList();
      const masked = createPointerList();
      if (remove.length > 0) erase(event, remove, { erased, hidesKeys: content === 'none' });
      cleanEvent(event, content, masked);
      return { event, erased: erased.list(), masked: masked.list() };
    },
    text(text, event) {
      return cleanText(text, contentOf(event));
    },
  };
}
