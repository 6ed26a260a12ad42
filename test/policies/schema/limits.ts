/** A finding of the linter that no schema can have, in the words of the guide, and where the linter says what. */
export type Limit = { readonly guide: string; readonly at: RegExp; readonly says: RegExp };

/** Of all that the linter finds and the schema does not. */
export const LIMITS: readonly Limit[] = [
  { guide: 'files that are missing or cannot be read', at: /_file$/, says: /^cannot be read/ },
  {
    guide: 'names of rules, backends and patterns that stand twice',
    at: /\.name$/,
    says: /is the name of an earlier (?:rule|backend|pattern)$/,
  },
  {
    guide: 'names that stand for nothing in the file: of backends in a rule, of roles in `assignments`',
    at: /\.(?:backends|records)\[|\.role$|\.default_role$/,
    says: /is no backend|is no role/,
  },
  {
    guide: 'misspelt names of personal data, and letters that are no country',
    at: /\.(?:entities\[\d+\]|custom_markers\.\S+|phone_countries\[\d+\])$/,
    says: /is no entity|is no code of a country/,
  },
  {
    guide: 'patterns that cannot run in linear time, and globs that cannot be read',
    at: /patterns|match|tools|models/,
    says: /linear|back reference|begins with !/,
  },
  { guide: 'days that no calendar has', at: /\.until$/, says: /must be a date/ },
  {
    guide: 'a quorum that can never come together',
    at: /orchestration$/,
    says: /^the quorum is/,
  },
  {
    guide: 'rules by what a client can choose that let it have more',
    at: /\.match\.(?:header|end_user|key_alias)$/,
    says: /; match by team, key or user/,
  },
  {
    guide: 'an address that neither the file nor the environment tells',
    at: /\.url$/,
    says: /^is missing; set it, or/,
  },
  {
    guide: 'options of a vendor that do not fit each other',
    at: /^backends/,
    says: /^needs version|^leave some category|must be less than the timeout|^cannot be used: /,
  },
  { guide: 'options of one kind in two places', at: /^policies\.policy\./, says: /^stands under policy/ },
];

/** What belongs to a preset of one's own, whose options nobody knows before. */
export const OF_OWN_PRESET =
  'what a preset of your own says: its options in the entry, and how its parts fit each other';
