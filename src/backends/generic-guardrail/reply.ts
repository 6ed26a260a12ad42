import type { Fields, GuardrailCall, Passage } from '../../guardrail/call.ts';
import { placeBefore, shownEnds } from '../../guardrail/edit.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { passagesWith } from '../../guardrail/passages.ts';
import { editsBetween } from '../../guardrail/text-diff.ts';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';
import { returnedTexts } from '../returned-texts.ts';

const UNMAPPABLE: Verdict = { kind: 'modify', texts: null };

/**
 * The verdict in a reply of the generic API about a call. LiteLLM takes a reply without an action for `NONE`; here it is a failure, as
 * an action that nobody knows is.
 *
 * @throws BackendError `wrong_shape`
 */
export function genericVerdict(reply: unknown, call: GuardrailCall): Verdict {
  if (typeof reply !== 'object' || reply === null) throw wrongShape('body');
  const { action, blocked_reason: reason } = reply as Fields;
  switch (action) {
    case 'NONE':
      return withOpen(ALLOW, reply as Fields, call);
    case 'BLOCKED':
      return {
        kind: 'block',
        reason: typeof reason === 'string' && reason !== '' ? reason : 'Content violates policy',
      };
    case 'GUARDRAIL_INTERVENED':
      return withOpen(rewritten(reply as Fields, call), reply as Fields, call);
    default:
      throw wrongShape('action');
  }
}

function rewritten(
  { texts, structured_messages: rows, images, tools }: Fields,
  call: GuardrailCall,
): Verdict {
  if ([texts, rows, images, tools].every(isAbsent)) throw wrongShape('texts');
  // Nothing that the bridge replies can carry them on
  if (isOther(images, call.images) || isOther(tools, call.tools)) return UNMAPPABLE;
  const changes = new Map<Passage, string>();
  if (!isAbsent(texts)) {
    for (const [i, text] of listOf('texts', texts, call.texts.length).entries()) {
      if (typeof text !== 'string') throw wrongShape(`texts.${i}`);
      if (text !== call.texts[i]) changes.set(call.passages.all[i]!, text);
    }
  }
  if (!isAbsent(rows)) {
    const returned = listOf('structured_messages', rows, call.structured_messages.length);
    const found = returnedTexts(call.structured_messages, returned);
    const inMessages = found && passagesWith(call.passages, found);
    if (inMessages === null) return UNMAPPABLE;
    for (const [passage, text] of inMessages) {
      // Each redacts something that the other leaves
      if ((changes.get(passage) ?? text) !== text) return UNMAPPABLE;
      changes.set(passage, text);
    }
  }
  return changes.size === 0 ? ALLOW : { kind: 'modify', texts: changes };
}

/** A verdict with what the server holds back of a response that grows: so many characters at the end of each text as it leaves it. */
function withOpen(verdict: Verdict, { stream_holdback_chars: chars }: Fields, call: GuardrailCall): Verdict {
  if (isAbsent(chars) || call.input_type === 'request' || verdict.kind === 'block') return verdict;
  if (!Array.isArray(chars) || !chars.every((count) => Number.isInteger(count) && count >= 0))
    throw wrongShape('stream_holdback_chars');
  const { texts, passages } = call;
  const changes = verdict.kind === 'modify' ? verdict.texts : null;
  const left = texts.map((text, i) => changes?.get(passages.all[i]!) ?? text);
  const open = new Map<Passage, number>();
  for (const [i, end] of shownEnds(left, chars).entries()) {
    if (end < left[i]!.length)
      open.set(passages.all[i]!, placeBefore(editsBetween(texts[i]!, left[i]!), end));
  }
  return open.size === 0 ? verdict : { ...verdict, open };
}

function listOf(field: string, value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw wrongShape(field);
  return value;
}

const isAbsent = (value: unknown) => value === undefined || value === null;

const isOther = (returned: unknown, sent: readonly unknown[]) =>
  !isAbsent(returned) && JSON.stringify(returned) !== JSON.stringify(sent);

function wrongShape(field: string): BackendError {
  return new BackendError({ kind: 'wrong_shape', field });
}
