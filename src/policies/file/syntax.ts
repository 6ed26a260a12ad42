import type { ErrorCode } from 'yaml';

/** In plain words, and without the piece of the file that the parser's own messages quote. */
const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_ALIAS: 'an alias is not written as one',
  BAD_DIRECTIVE: 'a line that begins with % is a directive, and this one is not known',
  BAD_DQ_ESCAPE:
    'a backslash in double quotes begins an escape, and this one is not known; use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  BAD_SCALAR_START: 'a value that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second key on the same line; begin a new line, or put the value into quotes',
  BLOCK_IN_FLOW: 'within [ ] or { } only values separated by commas',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a quote, bracket, colon or comma is missing, here or above',
  MULTILINE_IMPLICIT_KEY: 'a key goes on over the end of its line; is a colon missing?',
  MULTIPLE_DOCS: 'a second document begins here; one file holds one',
  RESOURCE_EXHAUSTION: 'is nested too deep',
  TAB_AS_INDENT: 'is indented by a tab; use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!…) has no meaning here; put the value into quotes',
  UNEXPECTED_TOKEN: 'something stands here that does not belong; is a quote or an indentation wrong?',
};

/** The message about an error of the YAML parser. */
export function syntaxMessage(code: ErrorCode): string {
  return `is no valid YAML: ${MESSAGES[code] ?? 'this cannot be read'}`;
}
