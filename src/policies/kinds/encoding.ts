import * as v from 'valibot';
import type { Encoding } from '../../detectors/normalize/view.ts';

/**
 * The option `encoding` of all kinds that look at texts: the disguises that are undone before the rules look.
 *
 * @param decodesBase64 the default of `decode_base64`; all others are true by default
 */
export function encodingOption(decodesBase64: boolean) {
  const set = v.strictObject({
    /** Blanks, dashes and quotes of every kind, full width and other forms of letters, characters that show nothing. */
    normalize_unicode: v.optional(v.boolean(), true),
    /** Words of letters that all look like Latin ones. */
    detect_homoglyphs: v.optional(v.boolean(), true),
    /** Escapes of JSON, percent codes, HTML entities. */
    decode_escapes: v.optional(v.boolean(), true),
    /** Runs of base64 and hexadecimal digits, each of which is replaced as a whole. */
    decode_base64: v.optional(v.boolean(), decodesBase64),
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
