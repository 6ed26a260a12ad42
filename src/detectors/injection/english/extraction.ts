import { GAP as _, type InjectionSource } from '../rule.ts';
import { some } from './words.ts';

const SHOW =
  'reveal|show|print|output|display|repeat|tell|give|leak|expose|disclose|dump|recite|share|write|provide|echo|reproduce|describe|copy|encode|translate|summari[sz]e|paste|spell|quote|paraphrase|rephrase';
const SECRECY =
  'system|hidden|secret|internal|confidential|initial|original|developer|pre-?prompt|full|exact|entire|verbatim|starting|underlying|first';
const PROMPT = `(?:prompts?|instructions?|messages?|directives?|guidelines|rules|configuration|programming|pre-?prompt|system ?prompt)\\b`;

/** With the space: `tell` alone stands in LiteLLM, `act` in every fact. */
const SHOW_ANCHORS = SHOW.replace('summari[sz]e', 'summarize|summarise')
  .split('|')
  .map((word) => `${word} `);

/** Verbs of which few are said of anything but a secret, or to anybody but the model. */
const ASK =
  '(?:reveal|repeat|recite|disclose|dump|restate|leak|expose|print|output|translate|encode|paraphrase|rephrase|reproduce|(?:show|tell|give|send) (?:me|us))';
const ASK_ANCHORS = ASK.slice(3, -1)
  .replace(
    '(?:show|tell|give|send) (?:me|us)',
    'show me|show us|tell me|tell us|give me|give us|send me|send us',
  )
  .split('|')
  .map((words) => `${words} `);

/** Holds where a sentence asks for something, and neither forbids that nor tells of others who do. */
const ASKED =
  `(?<=\\b(?:reveal|show|print|output|display|repeat|tell|give me|leak|disclose|dump|recite|share|echo|reproduce|describe|copy|encode|translate|summari[sz]e|list|paste|spell|quote|paraphrase|rephrase|explain|return|state|see|know|read|log|convert|restate|expose|send me|what|which|(?:write|format|put|begin|start|continue)\\b[^.!?\\n]{0,40}\\b(?:all|text|rest|contents?|words|everything) of|write|contains? all)\\b[^.!?\\n]{0,40})` +
  `(?<!(?:\\b(?:never|not|cannot|refuses?|if|when|whenever|asks?|asked|asking|users?|attempts?|attackers?|requests?|should|must|instead|avoid|without|how|where|why|in case)|n['’]t)\\b[^.!?\\n]{0,160})(?<!\\b(?:into|to|inside|within|with|as|write|update|change|improve|edit) |(?<!\\b(?:everything|all|is|what['’]s|written) )in )`;

const OWN_PROMPT = [
  'system',
  'initial',
  'original',
  'hidden',
  'secret',
  'internal',
  'developer',
  'underlying',
  'prompt',
  'instructions',
  'directives',
  'programming',
  'configuration',
  'context window',
  'own ',
  'full ',
  'exact ',
  'entire ',
  'complete ',
  'current ',
  'whole ',
  'very ',
  'actual ',
  'first ',
  'custom ',
].map((word) => `your ${word}`);

/** Orders to hand out the operator's words. */
export const EXTRACTION: readonly InjectionSource[] = [
  {
    id: 'prompt-extraction',
    weight: 0.85,
    anchors: SHOW_ANCHORS,
    pattern: `\\b(?:${SHOW})${_}${some(`me|us|out|to|back|all|of|the|full|exact|entire|complete|whole|verbatim|word|for|contents?|text|now|please|a|copy|and|exactly|everything|in|from|summary|translation|lines?|first`, 8)}your${_}${some(`${SECRECY}|own|current|actual|complete|whole|above|and|or|previous|prior|custom`, 5)}${PROMPT}`,
    needs: new RegExp(`\\b(?:${SECRECY}|system ?prompt)\\b`, 'i'),
  },
  {
    id: 'prompt-extraction-the',
    weight: 0.5,
    anchors: SHOW_ANCHORS,
    pattern: `\\b(?:${SHOW})${_}${some(`me|us|out|to|back|all|of|full|exact|entire|whole|verbatim|now|please|contents?|everything|in|from|text`, 6)}the${_}${some('full|exact|entire|whole|complete|original|above', 3)}(?:system${_}(?:prompt|message|instructions?)|(?:hidden|secret|initial|internal|developer)${_}(?:prompt|instructions?))\\b`,
  },
  {
    id: 'prompt-extraction-plain',
    weight: 0.6,
    anchors: ASK_ANCHORS,
    pattern: `\\b${ASK}${_}${some('everything|all|what|in|of|is|from', 3)}the${_}${some('full|exact|entire|complete|original', 2)}(?:system|initial|hidden)${_}(?:prompt|message|instructions)\\b(?!${_}(?:of|for${_}(?:the|our|a|an|each|this|your|my|every)\\b|from|used|that|which|in|we|our|file|class|template|variable|field|parameter|section|i\\b|text${_}(?:that|which)${_}(?!you)))`,
  },
  {
    id: 'own-prompt-asked',
    weight: 0.8,
    anchors: OWN_PROMPT,
    pattern: `${ASKED}your${_}(?:(?:own|full|exact|entire|complete|current|whole|very|actual|first|custom)${_}){0,2}(?:(?:system|initial|original|hidden|secret|internal|developer|underlying|base|starting|pre-?set)${_}){1,2}(?:prompts?|messages?|instructions?|rules|guidelines|directives|configuration)\\b(?!${_}(?:should|must|can|needs?|so${_}that|for|to${_}(?:be|include|make|get)|with|here)\\b)`,
  },
  {
    id: 'own-instructions-asked',
    weight: 0.8,
    anchors: OWN_PROMPT,
    pattern: `${ASKED}(?<=\\b(?:reveal|repeat|recite|disclose|dump|restate|leak|expose|print|output|translate|encode|paraphrase|rephrase|reproduce|copy|share|(?:show|tell|give|send) (?:me|us)|let me see|i want to see|what(?: are|['’]re| were| is|['’]s)?|all(?: of)?|rest of|everything in|words of|lines? of|text of|contents? of|format|summari[sz]e)\\b${_}(?:(?:all|of|back|to|out|the|full|text|exactly|everything|contents?|in|now|what|first|last|[0-9]{1,4}|words|lines?)${_}){0,5})your${_}(?:(?:own|full|exact|entire|complete|current|whole|very|actual|first)${_}){0,2}(?:instructions|prompt|directives|initialization|programming|configuration|context window)\\b(?!${_}(?:for|on|about|to${_}(?:me|us|the|your)|regarding|how|as${_}(?:a|an)\\b|when|if|with\\b|in${_}(?:the|this)|reply|response|answer|attention|action|help|from${_}the|should|template|files?))`,
  },
  {
    id: 'whole-message-prompt',
    weight: 0.8,
    anchors: [
      'system prompt',
      'system_prompt',
      'systemprompt',
      'system message',
      'system instructions',
      'show prompt',
      'reveal prompt',
      'dump prompt',
      'print prompt',
    ],
    pattern: `(?<=(?<![^])[\\s>$#]{0,4}(?:(?:please|now|just|ok|hi|hey)[\\s,]{1,2}){0,2}(?:(?:show|print|reveal|dump|output|display|cat|return|get|echo|log|leak|give|tell|repeat)[\\s(]{1,2}(?:(?:me|us|the|full|your|my|whole|entire|self\\.|this\\.)\\s?){0,3})?)(?:(?:show|reveal|dump|print) prompt|system[ _]?(?:prompt|message|instructions))[\\s.!?;)]{0,4}(?:(?:please|now)[.!?]{0,2})?(?![^])`,
  },
  {
    id: 'configuration-extraction',
    weight: 0.5,
    anchors: [...ASK_ANCHORS, 'display ', 'show '],
    pattern: `\\b(?:${ASK}|display|show)${_}${some('all|of|out|the', 3)}(?:your|system|full|complete|entire|internal|initial|current)${_}(?:(?:system|full|complete|entire|internal|initial|current|own|hidden|safety)${_})?(?:configuration|config|context window|context|guidelines|settings)\\b`,
  },
  {
    id: 'prompt-question',
    weight: 0.8,
    anchors:
      "what is|what are|what was|what were|what does|what do|what did|what's|what’s|which instruction|which system|which hidden|which initial",
    pattern: `\\b(?:what(?:['’]s| is| are| was| were| does| do)${_}${some('all|exactly|the|of|full|text|contents?', 4)}your${_}(?:(?:system|initial|original|hidden|secret|exact|full|internal|developer|very|first|custom|pre-?set)${_}){1,3}(?:prompt|instructions?|message|directives?|guidelines|rules|say)\\b|what (?:were|have|was) (?:you|your instructions) ?(?:been )?(?:told|given|instructed|asked to do|programmed)?(?:${_})?(?:to do${_})?(?:(?:before|prior to|at the (?:start|beginning) of)${_}(?:this|our|we|i\\b|my|the (?:conversation|chat|prompt|user|session))|initially)\\b|(?:what|which)${_}(?:system |hidden |initial )?instructions${_}(?:were you|have you been|did (?:you|your developers?|your creators?|they|the developers?))${_}(?:given|told|received?|get|give you)\\b|what did (?:the system (?:prompt|message) (?:say|tell)|your (?:developers?|creators?|operators?|system prompt) (?:tell|instruct|say|ask)|the (?:developers?|creators?|operators?) (?:tell|instruct|ask) you)\\b)`,
  },
  {
    id: 'given-before',
    weight: 0.8,
    anchors:
      'you were given|you were told|you have been|you were provided|you received|you were initiali|you were instructed|you got|you operate under|were you given|were you told|have you been given|have you been told|did you receive|were you instructed|did the developer|did your',
    pattern: `(?:(?<=\\b(?:text|texts|instructions?|prompts?|information|rules|messages?|guidelines|everything|all|what|words|context|directives?)${_}(?:that${_}|which${_})?)you (?:were|have been|got|received)\\b(?:${_})?(?:given|told|provided|shown|instructed|initiali[sz]ed)${_}${some('with|to|by|at|the|your|in', 3)}(?:initially|before|at the (?:start|beginning|outset)|first|originally|above|prior|previously|start|beginning|developers?|creators?|system|in the (?:system|initial))\\b(?!${_}of${_}(?:the|your)${_}(?!conversation|chat|session|prompt))|(?<=\\b(?:list|disclose|reveal|show|print|repeat|output|tell me|give me|state|recite)\\b[^.!?\\n]{0,24}\\b(?:instructions?|rules|guidelines|directives|prompt)${_}(?:that${_}|which${_})?)you (?:were given|have been given|received|operate under|were told to follow)(?=\\s{0,2}(?:[.!?\\n]|and\\b|verbatim|$))|(?<=\\b(?:what|which)${_}(?:(?:exact|system|secret|hidden|initial|other)${_})?(?:instructions?|rules|guidelines|directives|prompts?)${_})(?:were you (?:given|told to follow)|have you been (?:given|told)|did you receive|did (?:the|your) (?:developers?|creators?|operators?) (?:give|tell) you)\\b(?!${_}(?:by${_}the${_}(?:doctor|teacher|police)|in${_}(?:class|school)))|(?<=\\bhow${_})were you instructed to (?:behave|act|respond|answer)\\b)`,
  },
  {
    id: 'encodes-prompt',
    weight: 0.35,
    anchors:
      'rot13|rot-13|base64|base-64|morse|pig latin|caesar|hex encod|backwards|reversed|leetspeak|one character at a time|letter by letter|word by word|word for word|verbatim|code block|codeblock|txt code',
    pattern: `(?:(?:rot-?13|base-?64|morse(?: code)?|pig latin|caesar|hex|backwards|reversed|leetspeak|(?:character|letter|word) (?:by|for|at) (?:character|letter|word|a time)|verbatim|code ?block)\\b[^!?\\n]{0,60}?\\b(?:(?:system|initial|your|original) (?:prompt|instructions?)|you were (?:given|told)|text above|everything above|instructions? above|conversation)|(?<=\\b(?:(?:system|initial|your|original) (?:prompt|instructions?)|you were (?:given|told)|(?:text|everything|instructions?|words|message|all) above|above|entire conversation)\\b[^!?\\n]{0,60})(?:rot-?13|base-?64|morse|pig latin|backwards|reversed|word for word|word by word|letter by letter|verbatim|txt code|code ?block))\\b`,
  },
];
