import { GAP as _ } from '../rule.ts';

/** Words of English phrases that several rules share, with gaps between them. */
export const some = (words: string, most: number) => `(?:(?:${words})${_}){0,${most}}`;

/** Holds where one of some words, or a `n't`, stands within the same sentence, up to `most` units before. */
export const after = (words: string, most: number) =>
  `(?<=(?:\\b(?:${words})|n['’]t)\\b[^.!?\\n]{0,${most}})`;

export const ABOUT_ALL =
  'about|all|any|every|each|of|the|these|those|this|that|such|and|or|other|given|set|sets|single|safety|content|ethical|internal|current|entire';
export const WHOSE =
  'your|previous|previously|prior|earlier|preceding|above|foregoing|aforementioned|original|initial|system|developer';
export const RULES =
  '(?:instruction|direction|directive|guideline|guidance|prompt|rule|programming|polic(?:y|ies)|restriction|constraint|limitation|safeguard|training|protocol|safety measure)s?\\b';
export const LIMITS =
  '(?:rule|restriction|guideline|filter|limit|limitation|constraint|ethic|moral|polic(?:y|ies)|censorship|boundar(?:y|ies)|safeguard|guardrail|norm|confine|programming)s?\\b';
export const DROP =
  'ignore|disregard|forget|disobey|neglect|overlook|pay no attention to|stop following|stop obeying|do not follow|do not obey|set aside|pay no heed to|take no notice of|throw away|discard|erase|unlearn';
export const AI = '(?:ai|a\\.i\\.|assistant|chatbot|bot|model|llm|gpt|chatgpt|agent|intelligence|version)\\b';
/** Models by the names that people use to speak of their first selves. */
export const GPT = '(?:chat ?-?gpt|gpt(?:-?[345])?|open ?ai|bing|bard|claude|gemini|llama)';
/** Words for content that a model declines. */
export const HARMFUL =
  '(?:illegal|unlawful|unethical|immoral|amoral|harmful|dangerous|offensive|inhumane|inappropriate|explicit|nsfw|controversial|violent|reckless|disgusting|malicious|toxic|racist|sexist|criminal|vulgar|evil|hateful|derogatory|discriminatory|profane|depraved|taboo|unsafe)';
/** Reasons for which a model declines it. */
export const ETHICS =
  '(?:ethics?|ethical(?:ity)?|morals?|morality|legality|illegality|immorality|laws?|openai|safety|censorship)';
export const NOT = 'not|never|no|cannot|without|doesnt|dont|wont|isnt';
/** A word of denial right before a verb. */
export const DENIAL = `(?:\\b(?:never(?: ever)?|not(?: ever)?|cannot|no longer)|(?<=n['’])t)`;
