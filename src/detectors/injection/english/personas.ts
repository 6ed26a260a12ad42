import { GAP as _, type InjectionSource } from '../rule.ts';
import { AI, GPT, HARMFUL, some } from './words.ts';

const UNFETTERED = '(?:unfiltered|uncensored|unrestricted|unfettered|unhinged|amoral|unmoderated|jailbroken)';

const NAMED = ['ai', 'bot', 'chatbot', 'model', 'assistant', 'character', 'persona', 'gpt'].flatMap(
  (someone) =>
    [' named', ' called', ' known as', ', named', ', called', ', who', ' who'].map(
      (verb) => `${someone}${verb}`,
    ),
);

/** Characters that the model is to become, and how they differ from it. Few say much alone. */
export const PERSONAS: readonly InjectionSource[] = [
  {
    id: 'unfettered',
    weight: 0.4,
    anchors: 'unfiltered|uncensored|unrestricted|unfettered|unhinged|amoral|unmoderated|jailbroken',
    pattern: `\\b(?:completely${_})?${UNFETTERED}${_}${some(`and|or|completely|totally|fully|unlimited|new|${UNFETTERED}`, 3)}(?:${AI}|${UNFETTERED}|unlimited|responses?\\b|answers?\\b|repl(?:y|ies)\\b|messages?\\b|language model|opinions?\\b|advice\\b|characters?\\b|persona\\b|chat\\b|content\\b|way\\b|manner\\b)`,
  },
  {
    id: 'unfettered-adverb',
    weight: 0.5,
    anchors: 'unfilteredly|unfliteredly|unrestrictedly|uncensoredly|completely unlimited',
    pattern: `\\b(?:un(?:filtere|flitere|restricte|censore)dly|completely unlimited)\\b`,
  },
  { id: 'amoral', weight: 0.25, anchors: ['amoral'], pattern: '\\bamoral\\b' },
  {
    id: 'other-ai',
    weight: 0.35,
    anchors:
      "act as|acting as|act like|pretend|role of|roleplay|role-play|role play|simulate|simulating|simulator of|emulate|imitate|impersonate|persona of|play the|you are |you're ",
    pattern: `\\b(?:act(?:ing)? (?:as|like)|pretend(?:ing)?|role of|role-? ?play(?:ing)?|simulat(?:e|ing|or of)|emulat(?:e|ing)|imitat(?:e|ing)|impersonat(?:e|ing)|become|interpret|persona of|play the|you(?: are|['’]re))${_}${some(`to|be|being|as|the|now|role|of|conversation|with|between|two|a|an|another|different|new|fictional|hypothetical|imaginary|evil|opposite|alternate|powerful|advanced|completely|kind|my|own|alternative|unique`, 7)}(?:(?<=(?:another|different|fictional|hypothetical|imaginary|evil|opposite|alternate|alternative|new)[^.\\n]{1,24})${AI}|${AI}(?:${_}(?:model|language|chatbot|assistant|system|program|bot)){0,2}${_}(?:named|called|known as|dubbed|with the name|that goes by)\\b)`,
  },
  {
    id: 'is-named',
    weight: 0.2,
    anchors: NAMED,
    pattern: `\\b(?:ai|chatbot|bot|model|assistant|character|persona|personality|entity|gpt|intelligence|program)[\\s,("“]{1,3}(?:(?:who|which|that|is|was)\\s){0,2}(?:named|called|known as|by the name)\\b`,
  },
  {
    id: 'about-to-act',
    weight: 0.2,
    anchors:
      "you are going to|you're going to|you are now going|you are about to|you're about to|you will now|you'll now|you must now|you shall now|you are to |we are going to|you will be acting|you are now about",
    pattern: `\\b(?:you(?:(?: are|['’]re)(?: now)? (?:going|about)? ?to|(?:['’]ll| will| must| shall) now)|we are going to)${_}${some('now|both', 2)}(?:pretend|act|simulate|role-? ?play|play|immerse|impersonate|emulate|imitate|become|embody|take on|pose|behave|respond as|answer as|speak as|operate)\\b`,
  },
  {
    id: 'immersed-in-role',
    weight: 0.4,
    anchors: 'immerse yourself|immersing yourself|fully immerse|embody the|fully embody',
    pattern: `\\b(?:fully )?(?:immers(?:e|ing) yourself|embody)\\b[^.!?\\n]{0,20}?\\b(?:in(?:to)?|the) (?:the )?(?:role|character|persona|perspective|shoes)\\b`,
  },
  {
    id: 'role-stands-for',
    weight: 0.3,
    anchors: 'stands for|stand for|stood for|suggests|implies|implys',
    pattern: `(?:\\b(?:stands?|stood) for["“:\\s]{1,4}(?!do anything now)[\\w '’,-]{0,60}?(?:anything|everything|no (?:restrictions|rules|limits|filters)|unfiltered|uncensored|evil|amoral|malicious|machiavellian|intelligent|jailbreak|always|never|swear|illegal|unethical|able to|strive)\\b|(?<=\\bas (?:the|its|his|her|their|your) (?:name|acronym|title) )(?:suggests|implies|implys)\\b)`,
  },
  {
    id: 'opposite-self',
    weight: 0.45,
    anchors: 'opposite',
    pattern: `\\bopposite${_}(?:of${_}${some('what|how|everything|the|original|a|an|normal|your|usual|typical', 3)}(?:${GPT}\\b|(?:assistant|chatbot|llm)\\b|yourself\\b|self\\b)|day\\b|mode\\b|world\\b|way${_}(?:to|of|that|with)\\b|manner\\b|personality\\b)`,
  },
  {
    id: 'evil-character',
    weight: 0.35,
    anchors:
      'pure evil|evil confidant|evil trusted|trusted confidant|machiavellian|sadistic|embodiment of evil|must be evil|being evil|you are evil|evil twin',
    pattern: `\\b(?:pure evil|evil (?:trusted |twin|confidant)|trusted confidant|machiavellian|sadistic|embodiment of evil|(?:must be|you are|being) evil\\b)`,
  },
  {
    id: 'harmful-character',
    weight: 0.35,
    anchors:
      'illegal|unlawful|unethical|immoral|amoral|harmful|dangerous|offensive|inhumane|inappropriate|explicit|controversial|violent|reckless|disgusting|malicious|toxic|racist|sexist|vulgar|hateful',
    pattern: `(?<=\\b(?:promotes|encourages|condones|loves|enjoys|engages in|advocates(?: for)?|believes that|is allowed to|willing to|able to|can (?:generate|provide|say)|will (?:provide|generate)|provides)\\b[^.!?\\n]{0,40})\\b${HARMFUL}(?:[\\s,/]{1,3}(?:and |or |any )?(?:${HARMFUL}\\b|activit|behavio|content|information|acts?\\b|things?\\b|actions?\\b|requests?\\b|advice|material|substances|topics))`,
  },
];
