import { type AST, RegExpParser, visitRegExpAST } from '@eslint-community/regexpp';

export type Partial = {
  /** Source of the partial expression. */
  readonly source: string;
  /** The longest match in UTF-16 units, with what is looked at behind it. */
  readonly reach: number;
  /** Distance that a match looks ahead of its end: this near to the end of a text nothing is decided yet. */
  readonly lookahead: number;
};

/** Most units for which an unbounded pattern is followed. */
export const MAX_REACH = 4096;

/**
 * The expression changed so that it also matches what the end of the text cuts off: each atom `x` becomes `(?:x|$)`.
 * A match of it that touches the end of the text is one that further text could complete.
 *
 * @param flags `u` counts: a character may then take two units
 * @param options.unbounded accepts unbounded quantifiers, and writes for RE2: the end of the text is `\z`. `reach` is then
 * {@link MAX_REACH} at most
 * @throws an Error if it cannot be parsed, if a quantifier has no bound, or if a group has flags of its own
 */
export function partialOf(source: string, flags: string, { unbounded = false } = {}): Partial {
  const unicode = flags.includes('u');
  const width = unicode ? 2 : 1;
  const end = unbounded ? '\\z' : '$';
  let lookahead = 0;

  const orEnd = (raw: string) => `(?:${raw}|${end})`;
  /** Or so few characters more that it cannot be told yet. */
  const orRest = ({ raw }: AST.Node, length: number) => `(?:${raw}|[^]{0,${length}}$)`;
  const all = (alternatives: readonly AST.Alternative[]) =>
    alternatives.map(({ elements }) => elements.map(write).join('')).join('|');

  function write(node: AST.Element | AST.QuantifiableElement): string {
    switch (node.type) {
      case 'Group':
        // V8 reads them wrongly where it no longer optimizes: `/(?:k|$)(?i:(?:E|$)Y)/` does not match `key`
        if (node.modifiers !== null && !unbounded) throw new Error(`has flags within: ${node.raw}`);
        return `(?${node.modifiers?.raw ?? ''}:${all(node.alternatives)})`;
      case 'CapturingGroup':
        return `(${node.name === null ? '' : `?<${node.name}>`}${all(node.alternatives)})`;
      case 'Quantifier':
        return write(node.element) + node.raw.slice(node.element.raw.length);
      case 'Assertion':
        if (node.kind !== 'lookahead') return orEnd(node.raw);
        return lookingAhead(node, lengthOfAll(node.alternatives));
      case 'Backreference':
        return orRest(node, lengthOf(node));
      default:
        return orEnd(node.raw);
    }
  }

  function lookingAhead(node: AST.LookaheadAssertion, length: number): string {
    const further = looksFurther(node);
    lookahead = Math.max(lookahead, length + (further ? 1 : 0));
    if (!node.negate) return `(?=${all(node.alternatives)})`;
    // A boundary or an end need not stay one
    return further ? orRest(node, length) : orEnd(node.raw);
  }

  function lengthOfAll(alternatives: readonly AST.Alternative[]): number {
    const lengths = alternatives.map(({ elements }) =>
      elements.reduce((sum, each) => sum + lengthOf(each), 0),
    );
    return Math.max(...lengths);
  }

  function lengthOf(node: AST.Element | AST.QuantifiableElement): number {
    switch (node.type) {
      case 'Group':
      case 'CapturingGroup':
        return lengthOfAll(node.alternatives);
      case 'Quantifier': {
        if (node.max === Number.POSITIVE_INFINITY && !unbounded) {
          throw new Error(`a quantifier has no bound: ${node.raw}`);
        }
        const length = lengthOf(node.element);
        return length === 0 ? 0 : node.max * length;
      }
      case 'Assertion':
        return node.kind === 'lookahead' ? lengthOfAll(node.alternatives) : 0;
      case 'Backreference':
        return Math.max(...[node.resolved].flat().map((group) => lengthOf(group)));
      default:
        return width;
    }
  }

  const { alternatives } = new RegExpParser().parsePattern(source, 0, source.length, { unicode });
  const reach = lengthOfAll(alternatives);
  return { source: all(alternatives), reach: unbounded ? Math.min(reach, MAX_REACH) : reach, lookahead };
}

/** True if a lookahead looks beyond its own text. */
function looksFurther(node: AST.LookaheadAssertion): boolean {
  let found = false;
  visitRegExpAST(node, {
    onAssertionEnter: (inner) => {
      found ||= inner !== node;
    },
  });
  return found;
}
