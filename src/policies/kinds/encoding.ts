import * as v from 'valibot';
import type { Encoding } from '../../detectors/normalize/view.ts';

/**
 * The option `encoding` of all kinds that look at texts: the disguises that are undone before the rules look.
 *
 * @param decodesBase64 the default of `decode_base64`; all others are true by default
 */
export function encodingOption(decodesBase64: boolean) {
  const set = v.strictObject({
    normalize_unicode: v.pipe(
      v.optional(v.boolean(), true),
      v.description(
        'Blanks, dashes and quotes of every kind, full width and other forms of letters, characters that show nothing.',
      ),
    ),
    detect_homoglyphs: v.pipe(
      v.optional(v.boolean(), true),
      v.description('Words of letters that all look like Latin ones.'),
    ),
    decode_escapes: v.pipe(
      v.optional(v.boolean(), true),
      v.description('Escapes of JSON, percent codes, HTML entities.'),
    ),
    decode_base64: v.pipe(
      v.optional(v.boolean(), decodesBase64),
      v.description('Runs of base64 and hexadecimal digits, each of which is replaced as a whole.'),
    ),
  });
  return v.optional(
    v.pipe(
      set,
      v.transform(
        (chosen): Encoding => ({
          normalizesUnicode: chosen.normalize_unicode,
          detectsHomoglyphs: chosen.detect_homoglyphs,
          decodesEscapes: chosen.decode_escapes,
          decodesBase64: chosen.decode_base64,
        }),
      ),
    ),
    {},
  );
}
