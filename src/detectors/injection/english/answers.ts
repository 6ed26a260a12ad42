import { GAP as _, type InjectionSource } from '../rule.ts';
import { DENIAL, some } from './words.ts';

const TWO = ['two', 'both']
  .flatMap((two) =>
    [
      'way',
      'respon',
      'answ',
      'repl',
      'pers',
      'diff',
      'sep',
      'dist',
      'manner',
      'ident',
      'char',
      'ais',
      'outp',
    ].map((words) => `${two} ${words}`),
  )
  .concat(
    'both as',
    'both the',
    '2 ways',
    '2 respon',
    '2 diff',
    '2 answ',
    'second way',
    'second response',
    'second answer',
    'twice',
  );

const SLOT = ['[', '{', '<', '('].flatMap((bracket) =>
  ['insert', 'your ', 'your_', 'type ', 'enter ', 'put ', 'prompt'].map((word) => `${bracket}${word}`),
);

/** Shapes of the response: a second voice beside the model's own, frames, and slots for the question. */
export const ANSWERS: readonly InjectionSource[] = [
  {
    id: 'two-answers',
    weight: 0.4,
    anchors: TWO,
    pattern: `(?:(?<=\\b(?:answer|respond|response|reply|generat(?:e|ing)|giv(?:e|ing)|produc(?:e|ing)|provid(?:e|ing)|send|create|write|act|play|simulate|adapt|maintain|have)s?\\b[^.!?\\n]{0,60})\\b(?:two|2|both)${_}${some('different|separate|distinct|unique|kinds?|of|types?|opposing|the|as', 3)}(?:ways|responses|answers|replies|personalit(?:y|ies)|personas|manners|entities|identities|characters|ais|chatbots|outputs)\\b|(?<=\\b(?:answer|respond|reply)\\b[^.!?\\n]{0,40}\\b)twice\\b(?=[^.!?\\n]{0,12}(?:first|once|as))|\\bsecond (?:way|response|answer|one)\\b[^.!?\\n]{0,30}?(?:\\bas\\b|\\blike\\b|\\bis\\b|\\byou\\b|\\bshould\\b))`,
  },
  {
    id: 'voice-tag',
    weight: 0.4,
    anchors:
      '[chatgpt|[gpt|[chat gpt|(chatgpt)|(gpt)|[🔒|[🔓|(🔒|(🔓|🔒|🔓|[:lock:|[classic|\\[gpt|\\[chatgpt|[normal|[filtered|[unfiltered',
    pattern: `(?:[[(]\\s?(?::lock:|[^\\w\\s\\]]{1,4})?\\s?(?:chat ?gpt|gpt|classic|normal|filtered|unfiltered|jailbreak)\\s?(?:[^\\w\\s\\]]{1,4})?\\s?\\]|\\((?:chat)?gpt\\):|\\ud83d[\\udd12\\udd13] ?(?:chat ?gpt|gpt|classic|normal|jailbreak|developer))`,
  },
  {
    id: 'first-self',
    weight: 0.35,
    anchors:
      "original chat|normal chat|standard chat|regular chat|usual chat|actual chat|default chat|old chat|original gpt|normal gpt|standard gpt|regular gpt|default gpt|chatgpt would|chatgpt only|chatgpt normally|chatgpt usually|chatgpt cannot|chatgpt can't|chat gpt would|gpt would|as chatgpt|as chat gpt|unlike chatgpt|how you would|you would normally",
    pattern: `\\b(?:(?:original|normal|standard|regular|usual|actual|default|old)${_}(?:chat ?)?gpt|(?:chat ?)?gpt(?:${_}(?:would|normally|usually|only|cannot|can['’]t))\\b|as chat ?gpt\\b|unlike chat ?gpt|how you would (?:normally|usually) (?:respond|answer|reply)|you would normally (?:answer|respond|reply))`,
  },
  {
    id: 'not-the-model',
    weight: 0.45,
    anchors:
      'no longer |not chatgpt|not gpt|t respond as|t answer as|t act as|t reply as|t speak as|t send|not send|not respond as|not answer as|not act as|not reply as|not speak as|not as chatgpt|never respond as|never answer as|you are not an |you are not a |you are no longer|you are now no longer',
    pattern: `(?:${DENIAL}${_}(?:(?:respond|answer|reply|act|speak|send|say)${_})?${some('your|any|responses?|messages?|answers?|out', 3)}(?:as${_})?(?:chat ?gpt|gpt)\\b|\\byou are(?: now)? (?:no longer|not) (?:an ai|a language model|an assistant|a chatbot|an artificial))`,
    isMeantDenied: true,
  },
  {
    id: 'answers-as',
    weight: 0.1,
    anchors:
      'respond as|reply as|answer as|responding as|responds as|speak as|answering as|responses as|response as|replies as',
    pattern: `(?<=\\b(?:only|always|must|will|you|then|should|to|and|now|all|your|each)\\s(?:only\\s|always\\s|send\\s|your\\s)?)(?:(?:respond|repl(?:y|ies)|answer|speak)(?:ing|s)? as|responses? as)${_}(?!an? (?:json|list|string|markdown|valid|single|object)|json|if\\b|follows|soon|well|possible|quick|much|to\\b|you\\b|plain|text\\b|the user|a user|needed|briefly|concise)["“'‘(\\[]{0,2}[a-z]`,
  },
  {
    id: 'prompt-slot',
    weight: 0.3,
    anchors: SLOT,
    pattern: `[[({<*"“]\\s?(?:(?:insert|enter|type|put|place|paste|replace (?:this )?with|your)\\b[^\\n\\])}>]{0,30}?\\b(?:prompt|question|request|query|x)(?:s|_here| here|_goes_here| goes here)?|prompt)\\s?["”]?[\\])}>*]`,
  },
  {
    id: 'first-question',
    weight: 0.15,
    anchors:
      'first question|first prompt|first request|first command|first query|first task|next prompt|next message',
    pattern: `(?<=\\b(?:answer|here is|here['’]s|this is|now)\\b[^.!?\\n]{0,24})\\b(?:my|the|our|his|her|your|\\w{2,16}['’]s)?\\s?(?:first|next) (?:question|prompt|request|command|query|task|message)\\b`,
  },
  {
    id: 'every-answer-begins',
    weight: 0.2,
    anchors:
      'start all|start every|start each|start any|start your|start the resp|begin all|begin every|begin each|begin your|begin any|prefix all|prefix each|prefix every|prefix your|prefix any|prefix the|prefixed|preface',
    pattern: `\\b(?:start|begin|prefix|preface)(?:ed)?${_}${some('all|each|every|any|and|of|your|its|his|the|single', 5)}(?:responses?|answers?|repl(?:y|ies)|messages?|outputs?|sentences?)${_}(?:with|as|by)\\b`,
  },
  {
    id: 'output-frame',
    weight: 0.45,
    anchors:
      'start output]|start/output|[startoutput|<startoutput|insert divider|insert a divider|responseformat|your refusal, beginning|rebel answer|rebel response|rebel genius|rebellious answer|godmode|god mode|l33t|leetspeak|1337|leet speech|leet speak',
    pattern: `(?:\\b(?:start|begin)[ /]?output\\b|\\binsert (?:a )?divider|\\bresponseformat\\b|\\byour refusal, beginning|\\brebel(?:lious)? (?:answer|response|genius|hypothetical)|\\bgod ?mode\\b[\\s:"”]{0,3}(?:enabled|activated|on\\b|engaged|unlocked)|\\bl33t|\\bleet ?sp(?:eak|eech)\\b|\\b1337\\b)`,
  },
  {
    id: 'mode-output',
    weight: 0.3,
    anchors: 'mode output|mode enabled|mode activated|mode engaged|mode response|in mode',
    pattern: `(?<=\\b[\\w+"”)-]{2,20} )mode(?:${_}(?:output|enabled|activated|engaged|responses?))\\b`,
  },
];
