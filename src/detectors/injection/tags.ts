/** A tag of XML or HTML with the name in the first or third group; the second is there if it opens nothing. */
const TAG =
  /<(?:([a-z][\w:.-]{0,40})(?:[ \t\r\n][^<>]{0,400}?)?(\/?)|\/([a-z][\w:.-]{0,40})[ \t\r\n]{0,4})>/gi;

/** A text that was read up to a place, and by name how many tags are open there. */
let read: { readonly text: string; at: number; readonly open: Map<string, number> } | undefined;

/**
 * True if a closing tag closes one of its name that opened before it in the same text, however long ago. What closes a tag that
 * another text opened tries to get out of it.
 *
 * Linear for places that are asked for in their order.
 *
 * @param at where the tag begins
 */
export function closesItsOwn(text: string, at: number, name: string): boolean {
  if (read === undefined || read.text !== text || read.at > at) read = { text, at: 0, open: new Map() };
  TAG.lastIndex = read.at;
  while (TAG.lastIndex < at) {
    const tag = TAG.exec(text);
    if (tag === null || tag.index >= at) break;
    read.at = TAG.lastIndex;
    const [, opened, isEmpty, closed] = tag;
    const known = (opened ?? closed ?? '').toLowerCase();
    const count = read.open.get(known) ?? 0;
    if (opened !== undefined && isEmpty === '') read.open.set(known, count + 1);
    else if (closed !== undefined && count > 0) read.open.set(known, count - 1);
  }
  read.at = Math.max(read.at, Math.min(at, text.length));
  return (read.open.get(name.toLowerCase()) ?? 0) > 0;
}
