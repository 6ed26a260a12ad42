import * as v from 'valibot';
import type { Entity } from '../../detectors/personal/entity.ts';
import { ENTITIES } from '../../detectors/personal/index.ts';
import { phoneCountries } from '../../detectors/personal/numbering.ts';
import { PHONE, phoneIn } from '../../detectors/personal/phone.ts';
import { didYouMean, nearest, unknownName } from '../file/nearest.ts';
import { type CreateContext, defineKind } from '../policy.ts';
import { encodingOption } from './encoding.ts';
import { ActionOption, Names, PatternOption, patternRules, textPolicy } from './patterns.ts';
import { markers, redactionOptions } from './pii-markers.ts';

/** As far as an expression tells: two letters. */
const COUNTRY = '^[A-Za-z]{2}$';

const options = v.strictObject({
  action: v.pipe(
    v.optional(ActionOption, 'redact'),
    v.description('`redact` puts a marker in its place, `block` refuses the call.'),
  ),
  healthcare_mode: v.pipe(
    v.optional(v.boolean(), false),
    v.description('Adds numbers of patients, insurances and practitioners.'),
  ),
  pci_mode: v.pipe(
    v.optional(v.boolean()),
    v.description('Adds cards and their codes.'),
    v.metadata({ default: 'true, unless entities is given' }),
  ),
  detect_patterns: v.pipe(
    v.optional(v.array(PatternOption), []),
    v.description('Patterns of your own, with or without a name and an action.'),
  ),
  entities: v.pipe(
    v.optional(Names),
    v.description(
      'Names the only kinds of personal data to look for, beside those of the modes and the patterns.',
    ),
  ),
  phone_countries: v.pipe(
    v.optional(
      v.array(
        v.pipe(
          v.string(),
          v.nonEmpty(),
          v.metadata({ pattern: COUNTRY, patternErrorMessage: 'must be a code such as DE' }),
        ),
      ),
      [],
    ),
    v.description('Countries whose telephone numbers are found as they are written there: `DE`.'),
  ),
  redaction: v.pipe(
    v.optional(redactionOptions, {}),
    v.description('How the place of what was found looks.'),
  ),
  // Documents in base64 hold addresses
  encoding: encodingOption(false),
});

/**
 * Finds personal data in requests and responses by shape and checksum. Names and places need a model, so a backend.
 *
 * @see https://docs.keeptrusts.com/docs/policies/pii-detector
 */
export const piiDetector = defineKind({
  kind: 'pii-detector',
  judges: 'requests, responses',
  about: 'redacts or blocks personal data',
  example: `
action: redact
entities: [EMAIL_ADDRESS, IBAN_CODE, CREDIT_CARD]
redaction: { reversible: true }   # responses get the values back
`,
  options,
  create(set, context) {
    const { action, redaction } = set;
    const { reversible, marker_format, preserve_length } = redaction;
    const patterns = patternRules('detect_patterns', set.detect_patterns, context);
    const ids = patterns.map(({ rule }) => rule.id);
    const custom = customMarkers(redaction.custom_markers, ids, context);
    const fail = (message: string) => context.fail('redaction.reversible', message);
    if (reversible && marker_format !== 'label')
      fail('takes marker_format label: only labels tell values apart');
    if (reversible && preserve_length)
      fail('cannot stand beside preserve_length: labels have lengths of their own');
    if (reversible && action === 'block')
      context.warn('redaction.reversible', 'does nothing where the action is block');
    if (!redaction.include_metadata)
      context.warn(
        'redaction.include_metadata',
        'is not applied here: records name the rules, and never what was found',
      );
    const phones = phoneIn(countriesOf(set.phone_countries, context));
    const rules = [
      ...chosenEntities(set, context).flatMap((entity) => (entity === PHONE ? phones : entity).rules),
      ...patterns.map(({ rule }) => rule),
    ];
    return {
      texts: {
        ...textPolicy('pii_detected', action, rules, set.encoding, patterns),
        replace: markers(redaction, custom),
        isReversible: reversible && action === 'redact',
      },
    };
  },
});

/** The codes of countries, in capitals; those that are none are mistakes of the file. */
function countriesOf(names: readonly string[], context: CreateContext): readonly string[] {
  if (names.length === 0) return [];
  const known = phoneCountries();
  return names.flatMap((name, index) => {
    const country = name.toUpperCase();
    if (known.includes(country)) return [country];
    context.fail(
      `phone_countries[${index}]`,
      unknownName(name, 'is no code of a country (ISO 3166: DE, US)', known),
    );
    return [];
  });
}

/** Markers by the id of the rule. */
function customMarkers(
  written: Readonly<Record<string, string>>,
  patternIds: readonly string[],
  context: CreateContext,
): ReadonlyMap<string, string> {
  const markersById = new Map<string, string>();
  for (const [name, marker] of Object.entries(written)) {
    const entity = entityOf(name);
    if (entity !== undefined) markersById.set(entity.name.toLowerCase().replaceAll('_', '-'), marker);
    else if (patternIds.includes(name)) markersById.set(name, marker);
    else {
      const meant = didYouMean(name, [...byName.keys(), ...patternIds]);
      context.fail(`redaction.custom_markers.${name}`, `is no entity that is known here${meant}`);
    }
  }
  return markersById;
}

/** By their own names and others people write for them. */
const byName = new Map(
  ENTITIES.flatMap((entity) => [entity.name, ...entity.aliases].map((name) => [name, entity] as const)),
);

/** The entity of a name; capitals and hyphens do not matter. */
function entityOf(name: string): Entity | undefined {
  return byName.get(name.toUpperCase().replaceAll('-', '_'));
}

/** The personal data to look for: named by a list or added by a mode. Without a list all that needs no mode, and cards. */
function chosenEntities(
  { entities: names, healthcare_mode, pci_mode }: v.InferOutput<typeof options>,
  context: CreateContext,
): readonly Entity[] {
  const listed = new Set<Entity>();
  const elsewhere: string[] = [];
  for (const [index, name] of (names ?? []).entries()) {
    const entity = entityOf(name);
    if (entity !== undefined) listed.add(entity);
    else if (nearest(name, byName.keys()) === undefined) elsewhere.push(name);
    else {
      const problem = unknownName(name, 'is no entity that is known here', byName.keys());
      context.fail(`entities[${index}]`, problem);
    }
  }
  if (elsewhere.length > 0) {
    context.warn(
      'entities',
      `${elsewhere.join(', ')}: not found here, which takes a model; add a backend such as Presidio`,
    );
  }
  return ENTITIES.filter((entity) => {
    if (listed.has(entity)) return true;
    if (entity.mode === 'healthcare') return healthcare_mode;
    if (entity.mode === 'pci') return pci_mode ?? names === undefined;
    return names === undefined;
  });
}
