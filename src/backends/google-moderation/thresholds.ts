import * as v from 'valibot';
import { SetupError } from '../backend.ts';

/** The categories that moderateText tells of a text; the same in its versions. */
const CATEGORIES = [
  'Toxic',
  'Insult',
  'Profanity',
  'Derogatory',
  'Sexual',
  'Death, Harm & Tragedy',
  'Violent',
  'Firearms & Weapons',
  'Public Safety',
  'Health',
  'Religion & Belief',
  'Illicit Drugs',
  'War & Conflict',
  'Politics',
  'Finance',
  'Legal',
] as const;

const DEFAULT_THRESHOLD = 0.8;
const FOR_ALL = 'google_moderation_confidence_threshold';

/** The begin of the names of a category's settings. */
function nameOf(category: string): string {
  return category.toLowerCase().replaceAll('&', 'and').replaceAll(',', '').replaceAll(' ', '_');
}

/** LiteLLM's documentation leaves `confidence` out of most names, and its code reads only those that have it. */
const namesOf = (category: string) => [
  `${nameOf(category)}_confidence_threshold`,
  `${nameOf(category)}_threshold`,
];

const threshold = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)));

/**
 * LiteLLM's settings for the callback `google_text_moderation`, in both spellings.
 *
 * @see https://docs.litellm.ai/docs/enterprise
 */
export const thresholdOptions: Readonly<Record<string, typeof threshold>> = Object.fromEntries(
  [FOR_ALL, ...CATEGORIES.flatMap(namesOf)].map((name) => [name, threshold]),
);

/** Confidences above which a category blocks. */
export type Thresholds = {
  readonly forAll: number;
  /** By the vendor's name of the category. */
  readonly own: ReadonlyMap<string, number>;
};

/** @throws SetupError for a category that is given two different thresholds */
export function thresholdsOf(options: Readonly<Record<string, unknown>>): Thresholds {
  const own = new Map<string, number>();
  for (const category of CATEGORIES) {
    for (const name of namesOf(category)) {
      const value = options[name];
      if (typeof value !== 'number') continue;
      if ((own.get(category) ?? value) !== value)
        throw new SetupError(
          name,
          `is ${value}, and ${own.get(category)} in the other spelling; write one of them`,
        );
      own.set(category, value);
    }
  }
  const forAll = options[FOR_ALL];
  return { forAll: typeof forAll === 'number' ? forAll : DEFAULT_THRESHOLD, own };
}
