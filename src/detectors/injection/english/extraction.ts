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
    pattern: `\\b${ASK}${_}${some('everything|all|what|in|of|is|from', 3)}the${_}${some('full|exact|entire|complete|original', 2)}(?:system|initial|hidden)${_}(?:prompt|message|instructions)\\b(?!${_}(?:of|for${_}(?:the|our|a|an|each|this|your|my|every)\\b|from|used|that|which|in|we|our|file|class|template|variable|field|parameter|section|i\\b))`,
  },
  {
    id: 'prompt-extraction-bare',
    weight: 0.8,
    anchors: [...ASK_ANCHORS, 'what are your', 'what were your', 'what is your', "what's your"],
    pattern: `\\b(?:${ASK}|what(?: are|['’]re| were| is|['’]s))${_}${some('all|of|back|to|out|the|full|text|exactly|everything|contents?|in|now', 4)}your${_}(?:instructions|prompt|directives|initialization|programming)\\b(?!${_}(?:for|on|about|to${_}(?:me|us|the|your)|regarding|how|as${_}(?:a|an)\\b|when|if|with\\b|from${_}the${_}(?:doctor|customer|user)))`,
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
    pattern: `\\b(?:what(?:['’]s| is| are| was| were| does| do)${_}${some('all|exactly|the|of|full|text|contents?', 4)}your${_}(?:(?:system|initial|original|hidden|secret|exact|full|internal|developer|very|first|custom|pre-?set)${_}){1,3}(?:prompt|instructions?|message|directives?|guidelines|rules|say)\\b|what (?:were|have|was) (?:you|your instructions) ?(?:been )?(?:told|given|instructed|asked to do|programmed)?(?:${_})?(?:to do${_})?(?:(?:before|prior to|at the (?:start|beginning) of)${_}(?:this|our|we|i\\b|my|the (?:conversation|chat|prompt|user|session))|initially)\\b|(?:what|which)${_}(?:system |hidden |initial )?instructions${_}(?:were you|have you been|did (?:you|your developers?|your creators?|they|the developers?))${_}(?:given|told|received?|get|give you)\\b|what did (?:your (?:developers?|creators?|operators?|system prompt) (?:tell|instruct|say|ask)|the (?:developers?|creators?|operators?) (?:tell|instruct|ask) you)\\b)`,
  },
  {
    id: 'given-before',
    weight: 0.6,
    anchors:
      'you were given|you were told|you have been|you were provided|you received|you were initiali|you were instructed|you got',
    pattern: `(?<=\\b(?:text|texts|instructions?|prompts?|information|rules|messages?|guidelines|everything|all|what|words|context|directives?)${_}(?:that${_}|which${_})?)you (?:were|have been|got|received)\\b(?:${_})?(?:given|told|provided|shown|instructed|initiali[sz]ed)${_}${some('with|to|by|at|the|your|in', 3)}(?:initially|before|at the (?:start|beginning|outset)|first|originally|above|prior|previously|start|beginning|developers?|creators?|system|in the (?:system|initial))\\b`,
  },
  {
    id: 'encodes-prompt',
    weight: 0.35,
    anchors:
      'rot13|rot-13|base64|base-64|morse|pig latin|caesar|hex encod|backwards|reversed|leetspeak|one character at a time|letter by letter|word by word|word for word|verbatim|code block|codeblock|txt code',
    pattern: `(?:(?:rot-?13|base-?64|morse(?: code)?|pig latin|caesar|hex|backwards|reversed|leetspeak|(?:character|letter|word) (?:by|for|at) (?:character|letter|word|a time)|verbatim|code ?block)\\b[^!?\\n]{0,60}?\\b(?:(?:system|initial|your|original) (?:prompt|instructions?)|you were (?:given|told)|text above|everything above|instructions? above|conversation)|(?<=\\b(?:(?:system|initial|your|original) (?:prompt|instructions?)|you were (?:given|told)|(?:text|everything|instructions?|words|message|all) above|above|entire conversation)\\b[^!?\\n]{0,60})(?:rot-?13|base-?64|morse|pig latin|backwards|reversed|word for word|word by word|letter by letter|verbatim|txt code|code ?block))\\b`,
  },
  {
    id: 'repeat-above',
    weight: 0.55,
    anchors: 'repeat |print |output |copy |recite |echo |reproduce ',
    pattern: `\\b(?:repeat|print|output|copy|recite|echo|reproduce)${_}${some('me|the|all|of|every|everything|words?|text|lines?|sentences?|back|out|verbatim|exactly|whole|entire|that|is|was|written|word|for', 9)}(?:above|before this|prior to this|preceding this)\\b`,
  },
  {
    id: 'repeat-all-above',
    weight: 0.6,
    anchors: 'repeat |print |output |copy |recite |echo |reproduce |show me|tell me|paste |write out|give me',
    pattern: `\\b(?:repeat|print|output|copy|recite|echo|reproduce|(?:show|tell|give) me|paste|write out)${_}${some('me|the|all|of|back|out|verbatim|exactly|and|full|exact|whole|entire', 5)}(?:everything|all|(?:the )?(?:text|contents?|instructions|prompt|message|conversation))${_}${some('that|is|was|were|came|comes|written|said|stated|text|of|the|words|in|this', 5)}(?:above|before (?:this|my)|prior to (?:this|my)|preceding (?:this|my)|until now|so far)\\b(?!${_}(?:the|a|that|it|line|each|section|paragraph|in(?:to)? (?:french|german|spanish|english|italian)))`,
  },
  {
    id: 'repeat-conversation',
    weight: 0.5,
    anchors:
      'repeat this|repeat the entire|repeat the whole|repeat our|repeat all|repeat your|print this entire|print the entire|print the whole|output the entire|output the whole|output this entire|copy the entire|recite the entire|repeat back',
    pattern: `\\b(?:repeat|print|output|copy|recite)${_}(?:back${_})?(?:this|the|our|all of (?:this|our|the))${_}(?:entire|whole|full|complete)?(?:${_})?(?:conversation|prompt|context|context window|chat|message history|initialization)\\b`,
  },
  {
    id: 'repeat-from-you-are',
    weight: 0.6,
    anchors: 'starting with|starts with|beginning with|begins with|start with|begin with|starting from',
    pattern: `\\b(?:start|begin)(?:ing|n?ing|s)? (?:with|from)${_}${some('the|phrase|words?|sentence|text', 3)}["'“‘\`]{0,2}you are\\b`,
  },
  {
    id: 'prompt-continued',
    weight: 0.8,
    anchors:
      'instructions are|instructions is|prompt is|prompt says|prompt reads|instructions say|instructions read|prompt:|instructions:|was told to|was instructed to',
    pattern: `(?<=["'“‘\`](?:sure[,!]? )?(?:my|the|your|here are my|here is my|i)${_}(?:(?:system|initial|hidden|original|full|exact|secret)${_}){0,2})(?:(?:instructions|prompt)(?:${_}(?:are|is|says?|reads?))?(?:${_})?(?:as follows)?\\s?:|was (?:told|instructed) to)\\s{0,2}["'”’\`…]`,
  },
  {
    id: 'prompt-printed-by-code',
    weight: 0.8,
    anchors: ['console.log', 'print(', 'echo ', 'cat ', 'puts ', 'printf', 'system.out'],
    pattern: `(?<![^\\s\`])(?:console\\.log|print|echo|cat|puts|printf|system\\.out\\.println)[\\s(]{1,2}["'$]{0,2}(?:system|initial|your|my|this\\.|self\\.|get)?_?(?:system)?_?(?:prompt|instructions)(?:\\.txt|\\.md|\\(\\))?["')};]{0,4}(?![^])`,
    needs: /system|initial|your/i,
  },
];
