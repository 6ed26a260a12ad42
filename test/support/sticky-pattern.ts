import { type AST, RegExpParser } from '@eslint-community/regexpp';

/**
 * What a rule's pattern asks of the engine, without what hides its cost. The rule is tried at one place, so that it
 * begins with `^` and what looks back falls away; what looks ahead stands for itself; a range is taken as endless; the
 * end must fit, so that every way through is tried.
 */
export function stickyPatterns(pattern: string, flags = ''): readonly string[] {
  const ahead: string[] = [];

  const all = (alternatives: readonly AST.Alternative[]): string =>
    alternatives.map(({ elements }) => elements.map(write).join('')).join('|');

  function write(node: AST.Element | AST.QuantifiableElement): string {
    switch (node.type) {
      case 'Group':
      case 'CapturingGroup':
        return `(?:${all(node.alternatives)})`;
      case 'Quantifier': {
        const { min, max, element } = node;
        if (max - min < 10) return `${write(element)}{${Math.min(min, 3)},${Math.min(min, 3) + max - min}}`;
        return `${write(element)}{${Math.min(min, 3)},}`;
      }
      case 'Assertion':
        if (node.kind === 'lookahead' && !node.negate) ahead.push(all(node.alternatives));
        return '';
      default:
        return node.raw;
    }
  }

  const unicode = flags.includes('u');
  const { alternatives } = new RegExpParser().parsePattern(pattern, 0, pattern.length, { unicode });
  return [all(alternatives), ...ahead].map((source) => `^(?:${source})$`);
}
