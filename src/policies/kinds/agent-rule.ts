import { deeplyUnescaped } from '../../detectors/normalize/path-escapes.ts';
import { userPattern } from '../../detectors/scan/user-pattern.ts';
import type { CreateContext, PolicyRefusal } from '../policy.ts';
import type { Arguments } from './agent-arguments.ts';
import type { ArgumentRuleOptions } from './agent-options.ts';
import { hasTraversal, pathRule } from './agent-path.ts';
import { madeOr } from './patterns.ts';
import type { ToolCall } from './tool-calls.ts';
import { restricted } from './tool-names.ts';

/** UTF-16 units of a value that are searched in one go: a few milliseconds at most. */
const PIECE = 2048;

/** Values that are judged each on their own; all others are judged as one text. */
const MAX_APART = 1000;

const refused = (rule: string): PolicyRefusal => ({ rule, reasonCode: 'argument_denied' });

/** Refuses arguments that are too long to be read. */
export const TOO_MUCH = refused('too-many-arguments');

/**
 * Judges the arguments of the tools that one of the `argument_rules` is for. Once `isOver` says that the time of a call is
 * up, they are refused as too many.
 */
export function argumentRule(options: ArgumentRuleOptions, key: string, context: CreateContext) {
  const isFor = restricted(context, `${key}.tools`, options.tools);
  const patterns = (options.deny_patterns ?? []).flatMap((source, index) =>
    madeOr(context, `${key}.deny_patterns[${index}]`, () => userPattern('deny-pattern', source)),
  );
  const isOutside = options.allowed_paths && pathRule(options.allowed_paths);
  const denied = (text: string, isOver: () => boolean): PolicyRefusal | undefined => {
    for (const { sweep } of patterns) {
      for (let from = 0; from < text.length; from += PIECE) {
        if (isOver()) return TOO_MUCH;
        if (sweep(text, from, Math.min(from + PIECE, text.length)).length > 0) return refused('deny-pattern');
      }
    }
    return undefined;
  };

  return (
    { name: tool, origin }: Pick<ToolCall, 'name' | 'origin'>,
    args: Arguments,
    isOver: () => boolean,
  ): PolicyRefusal | undefined => {
    const { values, isTooMuch, isJson } = args;
    if (isFor !== undefined && !isFor(tool, origin)) return undefined;
    if (isTooMuch) return TOO_MUCH;
    for (const text of textsOf(values)) {
      if (isOver()) return TOO_MUCH;
      const plain = deeplyUnescaped(text);
      if (options.path_traversal && hasTraversal(isJson ? plain : plain.replace(/\\[bfnrt]/g, '\n')))
        return refused('path-traversal');
      const refusal = denied(text, isOver) ?? (plain === text ? undefined : denied(plain, isOver));
      if (refusal !== undefined) return refusal;
    }
    if (isOutside === undefined) return undefined;
    for (const { name, text } of values) {
      if (isOutside(name, text)) return refused('path-not-allowed');
      if (isOver()) return TOO_MUCH;
    }
    return undefined;
  };
}

function textsOf(values: Arguments['values']): string[] {
  const texts = values.map(({ text }) => text);
  return texts.length <= MAX_APART
    ? texts
    : [...texts.slice(0, MAX_APART), texts.slice(MAX_APART).join('\n')];
}
