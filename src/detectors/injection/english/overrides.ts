import { GAP as _, type InjectionSource } from '../rule.ts';
import { ABOUT_ALL, DROP, LIMITS, RULES, some, WHOSE } from './words.ts';

const VOID = ['instructions', 'guidelines', 'directives', 'rules']
  .flatMap((rules) =>
    ['are', 'is', 'no longer', 'do not', "don't", 'above', 'earlier', 'before', 'given'].map(
      (how) => `${rules} ${how}`,
    ),
  )
  .concat('you were told before', 'you were told earlier', 'you were told above');

/** Behind instructions: of the author or of something else, and not of the operator. */
const OWN = `${_}(?:that${_}|which${_})?(?:i|we)${_}(?:(?:have|had|just)${_})?(?:sent|wrote|posted|attached|mailed|emailed|mentioned)\\b|${_}(?:in|from|on|of)${_}(?:the|that|my|our)${_}(?:ticket|readme|e-?mail|mail|letter|invoice|contract|manual|wiki|issue|recipe|leaflet|box|label|doctor|nurse|teacher)\\b|${_}from${_}(?:the${_}|our${_}|my${_})?(?:marketing|sales|legal|management|support|finance|hr|accounting|customer|client|boss|manager|vendor|team)\\b|(?<=prompt),?${_}(?:use|take|try)${_}this\\b`;
/** Behind a comma: somebody who corrects himself. */
const CORRECTED = `\\s{0,2}[,;.:]\\s{1,2}(?:i|we)${_}(?:(?:have|had|just|already)${_})?(?:found|fixed|solved|meant|misread|mixed|attached|sent|pasted)\\b`;

/** Overrides of instructions, and what comes with them. */
export const OVERRIDES: readonly InjectionSource[] = [
  {
    id: 'override-instructions',
    weight: 0.9,
    anchors: DROP,
    pattern: `\\b(?:${DROP})${_}${some(`${ABOUT_ALL}|${WHOSE}`, 10)}${RULES}(?!${OWN})`,
    needs: new RegExp(`\\b(?:${WHOSE})\\b`, 'i'),
  },
  {
    id: 'override-own-instructions',
    weight: 0.5,
    anchors: DROP,
    pattern: `\\b(?:${DROP})${_}${some(ABOUT_ALL, 4)}my${_}${some(WHOSE, 3)}${RULES}`,
  },
  {
    id: 'override-instructions-before',
    weight: 0.85,
    anchors: DROP,
    pattern: `\\b(?:${DROP})${_}${some(`${ABOUT_ALL}|${WHOSE}`, 6)}(?:instruction|direction|directive|guideline|prompt|rule|order|command)s?${_}${some('that|which|were|was|have|been|has|came', 3)}(?:above|before|given|precede|so far|until now|up to now|prior to this|you (?:were|have been|had been|received|got|have received|are)|from (?:the |your )?(?:system|developer|creator|operator)s?)\\b(?!${CORRECTED})`,
  },
  {
    id: 'override-everything',
    weight: 0.6,
    anchors: ['ignore', 'disregard', 'forget'],
    pattern: `\\b(?:ignore|disregard|forget)${_}${some('about|absolutely|literally', 2)}(?:everything|all|anything|whatever)${_}${some('that|which|of|the|text|was|came|is|it|written|said', 5)}(?:above|before|prior|previous|previously|earlier|you(?:['’]ve| have| were| had)?(?: been| just)? (?:told|taught|instructed|given|learned|know|knew))\\b`,
  },
  {
    id: 'override-what-was-told',
    weight: 0.8,
    anchors: [
      'ignore what',
      'disregard what',
      'forget what',
      'ignore whatever',
      'disregard whatever',
      'forget whatever',
    ],
    pattern: `\\b(?:ignore|disregard|forget)${_}what(?:ever)?${_}(?:you(?:['’]ve)?(?:${_}(?:were|have|had))?(?:${_}been)?|(?:the${_}|your${_})?(?:system|developers?|operators?|creators?|makers?)(?:${_}prompt)?(?:${_}(?:has|have))?)${_}(?:told|taught|instructed|said|says|given|programmed)\\b`,
  },
  {
    id: 'override-own-rules',
    weight: 0.8,
    anchors:
      'delete your|delete all your|delete all of your|drop your|drop all your|drop all of your|cancel your|cancel all your|cancel all of your|clear your|clear all your|clear all of your|reset your|reset all your|reset all of your|abandon your|abandon all your|abandon all of your|wipe your|wipe all your|wipe all of your|scrap your|scrap all your|scrap all of your',
    pattern: `\\b(?:delete|drop|cancel|clear|reset|abandon|wipe|scrap)${_}${some('all|of|any|every', 2)}your${_}${some('previous|prior|earlier|original|initial|system|current|own|old|safety|ethical|moral|content|and', 4)}(?:instructions|rules|guidelines|directives|programming|restrictions|limitations)\\b(?!${_}(?:in|on|for|of|with|at|from)${_}(?:the|our|my|a)\\b)`,
  },
  {
    id: 'instructions-void',
    weight: 0.6,
    anchors: VOID,
    pattern: `(?:(?<=\\b(?:your|previous|prior|earlier|above|original|initial|those)${_})(?:instructions|guidelines|directives|rules)|(?:instructions|guidelines|directives|rules)${_}(?:given${_})?(?:above|earlier|before)|you were told${_}(?:before|earlier|above))${_}(?:(?:are|is)${_}(?:now${_}|all${_}|hereby${_})?(?:cancell?ed|void|revoked|invalid|null|obsolete|no${_}longer${_}valid|overridden)|no${_}longer${_}(?:apply|count|hold)|(?:do${_}not|don['’]t)${_}(?:apply|count)${_}any${_}?(?:more|longer))\\b(?!${_}(?:to|for|in|when|if|as)\\b)`,
  },
  {
    id: 'override-then-do',
    weight: 0.5,
    anchors: ['ignore', 'disregard', 'forget'],
    pattern: `\\b(?:ignore|disregard|forget)${_}[^.!?\\n]{0,30}(?:above|before|prior|previous|earlier|instructions|told|rules|everything)\\b[^!?\\n]{0,20}[\\s.,;]{1,3}(?:and|then|instead|now|just|only)[,\\s]{1,3}${some('instead|then|just|only|simply|please|now', 3)}(?:say|print|output|respond|reply|write|reveal|tell|give|show|do|act|answer|return)\\b`,
  },
  {
    id: 'override-safeguards',
    weight: 0.8,
    anchors:
      'override|bypass|overrule|circumvent|disable |deactivate|turn off|break |violate |remove |lift |drop ',
    pattern: `\\b(?:override|bypass|overrule|circumvent|disable|deactivate|turn off|break|violate|remove|lift|drop|break free from)${_}${some(`${ABOUT_ALL}|moral|moderation|built-in|own|hard-?coded`, 4)}your${_}${some(`${ABOUT_ALL}|${WHOSE}|moral|moderation|built-in|own|core|default|openai`, 4)}(?:${RULES}|${LIMITS}|filters?\\b)`,
  },
  {
    id: 'new-instructions',
    weight: 0.4,
    anchors:
      'new instruction|new rule|new directive|new objective|new order|new system prompt|updated instruction',
    pattern: `\\b(?:new|updated) (?:instruction|rule|directive|objective|order|system prompt)s?\\s{0,3}(?::|are\\b|is\\b|follow\\b|from (?:the )?(?:system|developer|admin))`,
  },
  {
    id: 'from-now-on',
    weight: 0.25,
    anchors: 'from now on|from this point|from here on|henceforth',
    pattern: `\\b(?:from (?:now|this point|here) (?:on|forward|onwards?)|henceforth)[,\\s]{1,3}(?:you|chatgpt|assistant|the (?:ai|assistant|model)|ignore|answer|respond|act|speak)\\b`,
  },
  {
    id: 'instruction-priority',
    weight: 0.6,
    anchors: 'override|overrule|supersede|take precedence|takes precedence|have priority|has priority',
    pattern: `\\b(?:overrides?|overrules?|supersedes?|takes? precedence over|ha(?:ve|s) priority over)${_}${some(ABOUT_ALL, 4)}(?:previous|prior|earlier|your|original|system)${_}[^.!?\\n]{0,24}?(?:instruction|prompt|directive|guideline|rule|message)s?\\b`,
  },
];
