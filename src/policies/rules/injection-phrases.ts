import type { InjectionSource } from './injection-source.ts';

/** What stands between two words. */
const _ = `[\\s,*_~"'’-]{1,4}`;
const some = (words: string, most: number) => `(?:(?:${words})${_}){0,${most}}`;

const ABOUT_ALL =
  'about|all|any|every|each|of|the|these|those|this|that|such|and|or|other|given|set|sets|single|safety|content|ethical|internal|current|entire';
const WHOSE =
  'your|previous|previously|prior|earlier|preceding|above|foregoing|aforementioned|original|initial|system|developer';
const RULES =
  '(?:instruction|direction|directive|guideline|guidance|prompt|rule|programming|polic(?:y|ies)|restriction|constraint|limitation|safeguard|training|protocol|safety measure)s?\\b';
const LIMITS =
  '(?:rule|restriction|guideline|filter|limit|limitation|constraint|ethic|moral|polic(?:y|ies)|censorship|boundar(?:y|ies)|safeguard|guardrail|norm|confine|programming)s?\\b';
const DROP =
  'ignore|disregard|forget|disobey|neglect|overlook|pay no attention to|stop following|do not follow|set aside';
const DROP_ANCHORS = DROP.split('|');
const AI = '(?:ai|a\\.i\\.|assistant|chatbot|bot|model|llm|gpt|chatgpt|agent|intelligence|version)\\b';

/** Overrides of instructions, and what comes with them. */
const OVERRIDES: readonly InjectionSource[] = [
  {
    id: 'override-instructions',
    weight: 0.9,
    anchors: DROP_ANCHORS,
    pattern: `\\b(?:${DROP})${_}${some(`${ABOUT_ALL}|${WHOSE}`, 10)}${RULES}`,
    needs: new RegExp(`\\b(?:${WHOSE})\\b`, 'i'),
  },
  {
    id: 'override-own-instructions',
    weight: 0.5,
    anchors: DROP_ANCHORS,
    pattern: `\\b(?:${DROP})${_}${some(ABOUT_ALL, 4)}my${_}${some(WHOSE, 3)}${RULES}`,
  },
  {
    id: 'override-instructions-before',
    weight: 0.85,
    anchors: DROP_ANCHORS,
    pattern: `\\b(?:${DROP})${_}${some(`${ABOUT_ALL}|${WHOSE}`, 6)}(?:instruction|direction|directive|guideline|prompt|rule|order|command)s?${_}${some('that|which|were|was|have|been|has|came', 3)}(?:above|before|given|so far|until now|up to now|prior to this|you (?:were|have been|had been|received|got|have received|are)|from (?:the |your )?(?:system|developer|creator|operator)s?)\\b`,
  },
  {
    id: 'override-everything',
    weight: 0.6,
    anchors: ['ignore', 'disregard', 'forget'],
    pattern: `\\b(?:ignore|disregard|forget)${_}${some('about|absolutely|literally', 2)}(?:everything|all|anything|whatever)${_}${some('that|which|of|the|text|was|came|is|it|written|said', 5)}(?:above|before|prior|previous|previously|earlier|you(?:['’]ve| have| were| had)?(?: been| just)? (?:told|taught|instructed|given|learned|know|knew))\\b`,
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
    anchors: [
      'override',
      'bypass',
      'overrule',
      'circumvent',
      'disable ',
      'deactivate',
      'turn off',
      'break ',
      'violate ',
      'remove ',
      'lift ',
      'drop ',
    ],
    pattern: `\\b(?:override|bypass|overrule|circumvent|disable|deactivate|turn off|break|violate|remove|lift|drop|break free from)${_}${some(`${ABOUT_ALL}|moral|moderation|built-in|own|hard-?coded`, 4)}your${_}${some(`${ABOUT_ALL}|${WHOSE}|moral|moderation|built-in|own|core|default|openai`, 4)}(?:${RULES}|${LIMITS}|filters?\\b)`,
  },
  {
    id: 'new-instructions',
    weight: 0.4,
    anchors: [
      'new instruction',
      'new rule',
      'new directive',
      'new objective',
      'new order',
      'new system prompt',
      'updated instruction',
    ],
    pattern: `\\b(?:new|updated) (?:instruction|rule|directive|objective|order|system prompt)s?\\s{0,3}(?::|are\\b|is\\b|follow\\b|from (?:the )?(?:system|developer|admin))`,
  },
  {
    id: 'from-now-on',
    weight: 0.25,
    anchors: ['from now on', 'from this point', 'from here on', 'henceforth'],
    pattern: `\\b(?:from (?:now|this point|here) (?:on|forward|onwards?)|henceforth)[,\\s]{1,3}(?:you|chatgpt|assistant|the (?:ai|assistant|model)|ignore|answer|respond|act|speak)\\b`,
  },
  {
    id: 'instruction-priority',
    weight: 0.6,
    anchors: [
      'override',
      'overrule',
      'supersede',
      'take precedence',
      'takes precedence',
      'have priority',
      'has priority',
    ],
    pattern: `\\b(?:overrides?|overrules?|supersedes?|takes? precedence over|ha(?:ve|s) priority over)${_}${some(ABOUT_ALL, 4)}(?:previous|prior|earlier|your|original|system)${_}[^.!?\\n]{0,24}?(?:instruction|prompt|directive|guideline|rule|message)s?\\b`,
  },
];

const SHOW =
  'reveal|show|print|output|display|repeat|tell|give|leak|expose|disclose|dump|recite|share|write|provide|echo|reproduce|describe';
const SECRECY =
  'system|hidden|secret|internal|confidential|initial|original|developer|pre-?prompt|full|exact|entire|verbatim|starting|underlying|first';
const PROMPT = `(?:prompts?|instructions?|messages?|directives?|guidelines|rules|configuration|programming|pre-?prompt|system ?prompt)\\b`;

/** With the space: `tell` alone stands in LiteLLM, `act` in every fact. */
const SHOW_ANCHORS = SHOW.split('|').map((word) => `${word} `);

const EXTRACTIONS: readonly InjectionSource[] = [
  {
    id: 'prompt-extraction',
    weight: 0.85,
    anchors: SHOW_ANCHORS,
    pattern: `\\b(?:${SHOW})${_}${some(`me|us|out|to|back|all|of|the|full|exact|entire|complete|whole|verbatim|word|for|contents?|text|now|please|a|copy|and|exactly`, 8)}your${_}${some(`${SECRECY}|own|current|actual|complete|whole|above|and|or|previous|prior|custom`, 5)}${PROMPT}`,
    needs: new RegExp(`\\b(?:${SECRECY}|system ?prompt)\\b`, 'i'),
  },
  {
    id: 'prompt-extraction-the',
    weight: 0.5,
    anchors: SHOW_ANCHORS,
    pattern: `\\b(?:${SHOW})${_}${some(`me|us|out|to|back|all|of|full|exact|entire|whole|verbatim|now|please|contents?`, 6)}the${_}${some('full|exact|entire|whole|complete|original|above', 3)}(?:system${_}(?:prompt|message|instructions?)|(?:hidden|secret|initial|internal|developer)${_}(?:prompt|instructions?))\\b`,
  },
  {
    id: 'prompt-question',
    weight: 0.8,
    anchors: ['what is', 'what are', 'what was', 'what were', 'what does', "what's", 'what’s'],
    pattern: `\\bwhat(?:['’]s| is| are| was| were| does)${_}${some('all|exactly|the|of|full|text|contents?', 4)}your${_}(?:(?:system|initial|original|hidden|secret|exact|full|internal|developer|very|first)${_}){1,3}(?:prompt|instructions?|message|directives?)\\b`,
  },
  {
    id: 'repeat-above',
    weight: 0.55,
    anchors: ['repeat', 'print', 'output', 'copy', 'recite', 'echo', 'reproduce'],
    pattern: `\\b(?:repeat|print|output|copy|recite|echo|reproduce)${_}${some('me|the|all|of|every|everything|words?|text|lines?|sentences?|back|out|verbatim|exactly|whole|entire|that|is|was|written|word|for', 9)}(?:above|before this|prior to this|preceding this)\\b`,
  },
  {
    id: 'repeat-from-you-are',
    weight: 0.6,
    anchors: ['starting with', 'starts with', 'beginning with', 'begins with'],
    pattern: `\\b(?:start|begin)(?:ing|n?ing|s) with${_}${some('the|phrase|words?|sentence', 3)}["'“‘\`]{0,2}you are\\b`,
  },
];

const ROLES: readonly InjectionSource[] = [
  {
    id: 'do-anything-now',
    weight: 0.75,
    anchors: ['do anything now'],
    pattern: `\\bdo anything now\\b`,
  },
  {
    id: 'dan',
    weight: 0.85,
    anchors: [
      'you are now dan',
      "you're now dan",
      'you are dan',
      'dan mode',
      'act as dan',
      'act as a dan',
      'stay a dan',
      'pretend to be dan',
      '[🔓jailbreak]',
      '(🔓jailbreak)',
      '[jailbreak]',
    ],
    pattern: `(?:\\b(?:you are(?: now)?|you're now|act as(?: a)?|stay a|pretend to be) dan\\b|\\bdan mode\\b|[[(](?:🔓)?jailbreak[\\])])`,
  },
  {
    id: 'unrestricted-role',
    weight: 0.85,
    anchors: [
      'act ',
      'behave ',
      'respond ',
      'answer ',
      'pretend ',
      'pose ',
      'roleplay ',
      'role-play ',
      'simulate ',
      'you are',
      "you're",
      'become ',
      'be ',
    ],
    pattern: `\\b(?:act|behave|respond|answer|pretend|pose|role-?play|simulate|you are|you're|become|be)${_}${some('now|as|like|to|be|if|you|were|are|an|a|the|completely|fully|totally|my|going', 8)}(?:unrestricted|unfiltered|uncensored|jailbroken|unaligned|unethical|limitless|unlimited|unbound|unshackled)${_}${some('and|amoral|unfiltered|uncensored|unrestricted|language|artificial|chat|powerful|new', 4)}${AI}`,
  },
  {
    id: 'evil-role',
    weight: 0.5,
    anchors: ['act ', 'behave ', 'pretend ', 'roleplay ', 'role-play ', 'you are', 'become '],
    pattern: `\\b(?:act|behave|pretend|role-?play|you are|become)${_}${some('now|as|like|to|be|an|a|the|my', 6)}(?:evil|malicious|rogue|amoral|immoral|lawless)${_}${some('and|language|artificial|chat', 3)}${AI}`,
  },
  {
    id: 'developer-mode',
    weight: 0.8,
    anchors: ['you are', "you're", 'chatgpt', 'gpt', 'assistant', 'claude', 'gemini'],
    pattern: `\\b(?:you are|you're|chatgpt|gpt|gpt-4|assistant|claude|gemini)${_}${some('now|running|operating|entering|with|in|into|a|the|an', 5)}(?:developer|debug|god|admin|maintenance|root|sudo|jailbreak|jailbroken|unrestricted|unfiltered|dan) mode\\b`,
  },
  {
    id: 'jailbreak-mode',
    weight: 0.8,
    anchors: ['enable', 'activate', 'enter', 'switch', 'turn on', 'engage'],
    pattern: `\\b(?:enable|activate|enter|switch|turn on|engage)${_}${some('now|your|the|a|to|into', 4)}(?:jailbreak|jailbroken|dan|unrestricted|unfiltered|uncensored|no[- ]filter|god) mode\\b`,
  },
  {
    id: 'enable-developer-mode',
    weight: 0.3,
    anchors: ['developer mode', 'debug mode', 'maintenance mode'],
    pattern: `\\b(?:developer|debug|maintenance) mode${_}(?:enabled|activated|on|output|engaged|unlocked)\\b`,
  },
  {
    id: 'freed-from-rules',
    weight: 0.8,
    anchors: ['you are', "you're", 'you have', "you've", 'you were', 'you will'],
    pattern: `\\byou(?:['’]re|['’]ve| are| have| were| will be)${_}${some('now|been|finally|completely|fully|totally|also|an|ai|that|is', 5)}(?:freed? (?:from|of)|broken free (?:from|of)|liberated from|not bound (?:by|to)|no longer (?:bound|restricted|limited|constrained|governed) (?:by|to)|no longer (?:subject|have) to (?:follow|obey)|unbound by|not (?:subject|restricted|limited) (?:to|by))${_}${some('all|any|the|your|these|those|typical|usual|of|and|confines|chains|previous|own|openai|s|every|ai|content|safety|ethical|moral', 8)}${LIMITS}`,
  },
  {
    id: 'pretend-no-rules',
    weight: 0.8,
    anchors: [
      'pretend',
      'imagine',
      'assume',
      'suppose',
      'act as if',
      'act like',
      'behave as if',
      'respond as if',
      'answer as if',
    ],
    pattern: `\\b(?:pretend|imagine|assume|suppose|act as if|act like|behave as if|respond as if|answer as if)${_}${some('that|now', 2)}(?:you (?:have|had|are|were)|you['’]re|there (?:are|were|is))${_}${some('now|completely', 2)}(?:no|without|free (?:of|from)|not bound by|not limited by|not subject to)${_}${some('any|ethical|moral|content|safety|legal|of|or|and|built-in|all|ai|your|the', 7)}${LIMITS}`,
  },
  {
    id: 'have-no-rules',
    weight: 0.6,
    anchors: [
      'you have no ',
      'you do not have any',
      "you don't have any",
      'ai has no',
      'assistant has no',
      'who has no',
      'that has no',
      'which has no',
      'it has no',
      'dan has no',
      'model has no',
    ],
    pattern: `\\b(?:you have no|you do(?: not|n['’]t) have any|(?:ai|assistant|who|that|which|it|dan|model) has no)${_}${some('ethical|moral|content|safety|or|and|built-in|ai', 5)}${LIMITS}`,
  },
  {
    id: 'without-rules',
    weight: 0.35,
    anchors: ['without '],
    pattern: `\\bwithout${_}${some('any|all|your|regard|to|for', 3)}(?:(?:ethical|moral|content|safety|legal|or|and)${_}){1,5}(?:${LIMITS}|considerations?\\b|concerns?\\b)`,
  },
];

const PRESSURE: readonly InjectionSource[] = [
  {
    id: 'never-refuse',
    weight: 0.4,
    anchors: ['refuse', 'decline', 'reject', 'deny'],
    pattern: `\\b(?<=(?:not|cannot|can['’]t|won['’]t|never|don['’]t|not allowed to|not ever|never ever) )(?:refuse|decline|reject|deny)${_}(?:to (?:answer|respond|comply|help)|any (?:request|question|order|task)|my|the user['’]s|anything|requests?\\b|an? (?:answer|request|question)\\b)`,
    isMeantDenied: true,
  },
  {
    id: 'affirmative-start',
    weight: 0.5,
    anchors: ['start ', 'begin '],
    pattern: `\\b(?:start|begin)${_}${some('your|the|every|each|all|next', 3)}(?:response|reply|answer|message|output)s?${_}(?:with|by saying)${_}${some('the|words?|phrase', 3)}["'“‘\`]{0,2}(?:sure|absolutely|of course|certainly|yes|okay|here is how)\\b`,
  },
  {
    id: 'no-disclaimer',
    weight: 0.2,
    anchors: ['do not', "don't", 'never ', 'without ', 'avoid'],
    pattern: `\\b(?:do not|don['’]t|never|without|avoid)${_}${some('ever|include|including|add|adding|say|saying|mention|mentioning|use|using|give|giving|any|a|the|me|that|words?|phrase', 6)}(?:disclaimers?|apolog[a-z]{1,8}|as an ai|ethical (?:warnings?|advice|concerns?)|morali[sz][a-z]{1,4}|i can(?:['’]t|not)|i['’]?m sorry|you are an ai|you can(?:['’]t|not))`,
  },
  {
    id: 'whatever-the-harm',
    weight: 0.55,
    anchors: ['no matter', 'regardless of', 'even if'],
    pattern: `\\b(?:no matter (?:how|if|whether)|regardless of|even if)${_}${some("how|whether|if|it|it's|its|is|they|are|this|the|that|or|any|potentially|request|seems|immoral|illegal|unethical|harmful", 8)}(?:illegal|unethical|immoral|harmful|offensive|inappropriate|legality|morality|ethics|against (?:your|openai))\\b`,
  },
];

const THEFT: readonly InjectionSource[] = [
  {
    id: 'exfiltration-image',
    weight: 0.5,
    anchors: ['!['],
    pattern: '!\\[[^[\\]\\n]{0,80}\\]\\(\\s{0,2}https?://[^\\s()![?]{1,200}\\?[^\\s()!{<[$]{0,120}[{<[$]',
  },
  {
    id: 'exfiltration-markdown',
    weight: 0.8,
    anchors: ['image', 'markdown', 'hyperlink', 'clickable link', 'tracking pixel'],
    pattern: `\\b(?:image|markdown|hyperlink|clickable link|tracking pixel)[^\\n]{0,120}?(?:conversation|chat history|chat log|system prompt|previous messages?|secrets?|api[ _-]?keys?|passwords?|credentials|user(?:['’]s)? (?:data|information|messages?|emails?)|summary of)\\b[^!?\\n]{0,80}?(?:(?:in|into|to|as|of) (?:the |a |its )?(?:url|uri|query|link|address|src|path|parameter)|url[- ]?encoded|base64)`,
  },
  {
    id: 'exfiltration-send',
    weight: 0.35,
    anchors: [
      'send ',
      'post ',
      'append ',
      'exfiltrate',
      'forward ',
      'leak ',
      'upload',
      'transmit',
      'e-mail',
      'email',
    ],
    pattern: `\\b(?:send|post|append|exfiltrate|forward|leak|upload|transmit|e-?mail)${_}[^.!?\\n]{0,60}?(?:conversation|chat history|chat log|system prompt|previous messages|secrets?|api[ _-]?keys?|passwords?|credentials|environment variables|private keys?)\\b[^!?\\n]{0,60}?(?:https?://|webhook|attacker|@)`,
  },
  {
    id: 'hide-from-user',
    weight: 0.25,
    anchors: ['do not', "don't", 'never ', 'without '],
    pattern: `\\b(?:do not|don['’]t|never|without)${_}(?:tell|telling|inform|informing|notify|notifying|alert|alerting|mention|mentioning|ask|asking|warn|warning)${_}[^.!?\\n]{0,30}?(?:the |any )?users?\\b`,
    isMeantDenied: true,
  },
  {
    id: 'secretly',
    weight: 0.45,
    anchors: ['silently', 'secretly', 'covertly', 'discreetly'],
    pattern: `\\b(?:silently|secretly|covertly|discreetly)${_}(?:call|invoke|use|run|execute|send|transfer|forward|delete|upload|include|append|insert|add|exfiltrate|e-?mail)\\b`,
  },
];

const TOOLS: readonly InjectionSource[] = [
  {
    id: 'tool-hijack',
    weight: 0.8,
    anchors: ['call ', 'invoke ', 'use ', 'run ', 'execute ', 'trigger '],
    pattern: `\\b(?:call|invoke|use|run|execute|trigger)${_}${some('the|your|a|now', 2)}[\\w.\`-]{1,40}${_}(?:tool|function|api|command|plugin)\\b[^.!?\\n]{0,100}?(?:without (?:asking (?:the user|me|for (?:permission|confirmation|approval|consent))|telling|notifying|informing|(?:the )?user(?:['’]?s)? (?:permission|consent|knowledge|noticing|approval|confirmation)|permission|confirmation)\\b|silently|secretly|(?:do not|don['’]t) (?:tell|ask|inform|mention))`,
  },
  {
    id: 'tool-precondition',
    weight: 0.85,
    anchors: [
      'before using',
      'before calling',
      'before invoking',
      'before running',
      'when using',
      'when calling',
    ],
    pattern: `\\b(?:before|when) (?:using|calling|invoking|running)${_}[^.!?\\n]{0,40}?(?:tool|function)s?\\b[^!?\\n]{0,80}?(?:read|cat|open|access|send|pass|include|fetch)\\b[^!?\\n]{0,60}?(?:\\.ssh|id_rsa|\\.env\\b|password|credential|mcp\\.json|/etc/passwd|private key)`,
  },
  {
    id: 'addressed-to-ai',
    weight: 0.6,
    anchors: ['attention', 'instruction', 'message', 'note', 'notice', 'if you are a'],
    pattern: `\\b(?:(?:attention|instructions?|message|note|notice)${_}${some('to|for|all|any|the|every', 4)}(?:ai|llm|large language model|language model|ai assistant|ai agent|chatbot|ai model)s?\\s{0,2}(?:[:!,]|reading|processing|summari|review)|if you are an?${_}(?:ai|llm|large language model|language model|ai assistant|ai agent|chatbot)\\b[^.!?\\n]{0,60}?(?:you must|please|ignore|then|include|respond|say|rate|recommend)\\b)`,
  },
];

/** English phrases of attacks. */
export const PHRASES: readonly InjectionSource[] = [
  ...OVERRIDES,
  ...EXTRACTIONS,
  ...ROLES,
  ...PRESSURE,
  ...THEFT,
  ...TOOLS,
];
