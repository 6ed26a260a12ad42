/** Foreign text on one line, cut to `max` characters, without characters that control a terminal. */
export function oneLine(text: string, max: number): string {
  const characters = [...text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()];
  return characters.length <= max ? characters.join('') : `${characters.slice(0, max - 1).join('')}…`;
}
