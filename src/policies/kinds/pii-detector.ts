import * as v from 'valibot';
import type { Entity } from '../../detectors/personal/entity.ts';
import { ENTITIES } from '../../detectors/personal/index.ts';
import { didYouMean, nearest, unknownName } from '../file/nearest.ts';
import { type CreateContext, defineKind } from '../policy.ts';
import { ActionOption, PatternOption, patternRules, strictest } from './patterns.ts';
import { markers } from './pii-markers.ts';

const Redaction = v.strictObject({
  /** `label` by default: `[EMAIL_ADDRESS]`. */
  marker_format: v.optional(v.picklist(['label', 'asterisks', 'partial']), 'label'),
  /** Accepted: records always say which rules found something, and never what. */
  include_metadata: v.optional(v.boolean(), true),
  preserve_length: v.optional(v.boolean(), false),
  /** Markers of your own, by entity. */
  custom_markers: v.optional(v.record(v.string(), v.string()), {}),
  /** Ours: `[EMAIL_ADDRESS_1]`, and the response gets the values back. */
  reversible: v.optional(v.boolean(), false),
});

const options = v.strictObject({
  /** `redact` by default. */
  action: v.optional(ActionOption, 'redact'),
  /** Adds numbers of patients, insurances and practitioners. */
  healthcare_mode: v.optional(v.boolean(), false),
  /** Cards and their codes; true by default, unless `entities` is given. */
  pci_mode: v.optional(v.boolean()),
  detect_patterns: v.optional(v.array(PatternOption), []),
  /** Names the only kinds of personal data to look for, beside those of the modes and the patterns. */
  entities: v.optional(v.array(v.pipe(v.string(), v.nonEmpty()))),
  redaction: v.optional(Redaction, {}),
});

/**
 * Finds personal data in requests and responses by shape and checksum. Names and places need a model, so a backend.
 *
 * @see https://docs.keeptrusts.com/docs/policies/pii-detector
 */
export const piiDetector = defineKind({
  kind: 'pii-detector',
  options,
  create({ action, healthcare_mode, pci_mode, detect_patterns, entities, redaction }, context) {
    const chosen = chosenEntities({ names: entities, healthcare: healthcare_mode, pci: pci_mode }, context);
    const patterns = patternRules('detect_patterns', detect_patterns, context);
    const { marker_format: format, reversible: isReversible, include_metadata, custom_markers } = redaction;
    const ids = patterns.map(({ rule }) => rule.id);
    const custom = customMarkers(custom_markers, ids, context);
    if (isReversible && format !== 'label') {
      context.fail('redaction.reversible', 'takes marker_format label: only labels tell values apart');
    }
    if (isReversible && redaction.preserve_length) {
      context.fail(
        'redaction.reversible',
        'cannot stand beside preserve_length: labels have lengths of their own',
      );
    }
    if (isReversible && action === 'block')
      context.warn('redaction.reversible', 'does nothing where the action is block');
    if (!include_metadata) {
      context.warn(
        'redaction.include_metadata',
        'is not applied here: records name the rules, and never what was found',
      );
    }
    const actions = new Map(patterns.map((each) => [each.rule, each.action]));
    return {
      texts: {
        rules: [...chosen.flatMap(({ rules }) => rules), ...patterns.map(({ rule }) => rule)],
        on: ['request', 'response'],
        reasonCode: 'pii_detected',
        decide: (findings) => strictest(findings, (rule) => actions.get(rule) ?? action),
        replace: markers({ format, preservesLength: redaction.preserve_length, custom, isReversible }),
        isReversible: isReversible && action === 'redact',
      },
    };
  },
});

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

type EntityOptions = {
  /** Names as in the file; undefined for no list. */
  readonly names: readonly string[] | undefined;
  readonly healthcare: boolean;
  /** Undefined where the file does not say. */
  readonly pci: boolean | undefined;
};

/** The personal data to look for: named by a list or added by a mode. Without a list all that needs no mode, and cards. */
function chosenEntities(
  { names, healthcare, pci }: EntityOptions,
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
    if (entity.mode === 'healthcare') return healthcare;
    if (entity.mode === 'pci') return pci ?? names === undefined;
    return names === undefined;
  });
}
