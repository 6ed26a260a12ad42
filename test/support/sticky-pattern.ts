import { type AST, RegExpParser } from '@eslint-community/regexpp';

/**
 * Reduces a rule's pattern to the work of the engine, without parts that hide its cost or take long to judge. It is tried at
 * one place, so that it begins with `^` and what looks back falls away; what looks ahead stands for itself; a range is
 * taken as endless, a fixed count as a small one, a word as one letter; the end must fit, so that every way through is
 * tried.
 */
export function stickyPatterns(pattern: string, flags = ''): readonly string[] {
  const ahead: string[] = [];

  const all = (alternatives: readonly AST.Alternative[]): string =>
    [...new Set(alternatives.map(alternative))].join('|');

  function alternative({ elements }: AST.Alternative): string {
    const isLetter = (element: AST.Element | undefined) =>
      element?.type === 'Character' && /\w/.test(element.raw);
    return elements
      .map((element, i) => {
        if (!isLetter(element) || !(isLetter(elements[i - 1]) || isLetter(elements[i + 1])))
          return write(element);
        return isLetter(elements[i - 1]) ? '' : 'x';
      })
      .join('');
  }

  function write(node: AST.Element | AST.QuantifiableElement): string {
    switch (node.type) {
      case 'Group':
      case 'CapturingGroup':
        return `(?:${all(node.alternatives)})`;
      case 'Quantifier': {
        const { min, max, element } = node;
        const least = Math.min(min, 2);
        return `${write(element)}{${least},${max - min < 3 ? least + max - min : ''}}`;
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
