import { GAP as _, type InjectionSource } from '../rule.ts';
import { AI, LIMITS, some } from './words.ts';

const LAWLESS = ['ai', 'assistant', 'chatbot', 'bot', 'model', 'llm', 'gpt', 'agent', 'intelligence'].flatMap(
  (someone) => ['that', 'who', 'which', 'with', 'free', 'bound'].map((how) => `${someone} ${how}`),
);

/** Other roles for the model, and what makes it answer after all. */
export const ROLES: readonly InjectionSource[] = [
  {
    id: 'do-anything-now',
    weight: 0.75,
    anchors: ['do anything now'],
    pattern: `\\bdo anything now\\b(?! (?:with|on|in) (?:the|that|this|my|your) )`,
  },
  {
    id: 'dan',
    weight: 0.85,
    anchors:
      "you are now dan|you're now dan|you are dan|dan mode|act as dan|act as a dan|stay a dan|pretend to be dan|[🔓jailbreak]|(🔓jailbreak)|[jailbreak]",
    pattern: `(?:\\b(?:you are(?: now)?|you're now|act as(?: a)?|stay a|pretend to be) dan\\b|\\bdan mode\\b|[[(](?:🔓)?jailbreak[\\])])`,
  },
  {
    id: 'unrestricted-role',
    weight: 0.85,
    anchors:
      "act as|act like|act un|act completely|act fully|behave |respond |answer |pretend |pose as|roleplay |role-play |simulate |you are|you're |become an un|become un|become a jail|become my un|become the un|become completely|be un|be an un|be a jail|be a lim|be jail|be lim|be my un|be completely un|be a completely un|be fully un|be a fully un|be totally un|be like an un",
    pattern: `\\b(?:act|behave|respond|answer|pretend|pose|role-?play|simulate|you are|you're|become|be)${_}${some('now|as|like|to|be|if|you|were|are|an|a|the|completely|fully|totally|my|going', 8)}(?:unrestricted|unfiltered|uncensored|jailbroken|unaligned|unethical|limitless|unlimited|unbound|unshackled)${_}${some('and|amoral|unfiltered|uncensored|unrestricted|language|artificial|chat|powerful|new', 4)}${AI}`,
  },
  {
    id: 'role-without-rules',
    weight: 0.85,
    anchors: LAWLESS,
    pattern: `(?<=\\b(?:you are|you['’]re|you will be|you become|act(?:ing)? as|act like|pretend to be|become|be|role of|roleplay as|simulate|behave like|answer as|respond as)\\b[^.!?\\n]{0,60})\\b(?:ai|assistant|chatbot|bot|model|llm|gpt|agent|intelligence)${_}(?:(?:that|who|which)${_}(?:(?:has|is|was)${_}(?:broken |been |now |completely )?(?:free|freed|liberated|unbound) (?:of|from|by)|(?:is|was)(?: not|n['’]t) (?:bound|restricted|limited) by|has|have|obeys?|follows?|knows?|respects?|accepts?|needs?|recogni[sz]es|is bound by|is subject to)|with|without|free of|free from|bound by)${_}${some('absolutely|no|any|all|of|the|ethical|moral|legal|content|safety|or|and|its|single|kind|your', 6)}(?:${LIMITS}|laws)`,
    needs: /\bno\b|without|free|any|not bound|not restricted|not limited|unbound|liberated/i,
  },
  {
    id: 'no-more-limits',
    weight: 0.8,
    anchors: [
      'you have no ',
      'you no longer have',
      'apply to you',
      'bind you',
      'binds you',
      'restricts you',
      'limits you',
      'for you any',
      'your restriction',
      'your limit',
      'your filter',
      'your safety',
      'your content',
      'your ethic',
      'your guideline',
      'your censor',
    ],
    pattern: `(?:\\byou (?:have no(?: more)?|no longer have(?: any)?)${_}${some('ethical|moral|content|safety|kind|of|more|or|and|any', 4)}(?:restrictions|limits|limitations|rules|filters|guidelines|boundaries|censorship)(?:${_}(?:any ?more|any longer|now|whatsoever|at all|left|from now on)\\b|(?<=\\bno longer\\b.{0,60})(?=\\s{0,2}(?:[.!?;\\n]|,? and\\b|$)))|(?<=\\b(?:no|none of the) (?:rules|limits|restrictions|filters|guidelines|limitations) (?:now )?)(?:apply to|bind) you\\b(?!${_}(?:as|if|when|in|for|because))|(?<=\\bthere (?:are|is) no (?:rules?|limits?|restrictions?|filters?|guidelines) )for you any ?more\\b|(?<=\\bnothing )(?:binds|restricts|limits) you\\b|\\byour (?:(?:content|safety|ethical|moral|censorship|built-in)${_}){0,2}(?:restrictions|limits|limitations|filters|guidelines|safeguards|censorship|ethics)${_}(?:are|is|have been|has been|were)${_}(?:(?:now|all|hereby)${_})?(?:lifted|removed|switched off|turned off|disabled|deactivated|suspended|gone)\\b)`,
  },
  {
    id: 'evil-role',
    weight: 0.5,
    anchors:
      'act as|act like|act evil|behave |pretend |roleplay |role-play |you are|become evil|become an evil|become a mal|become a rogue|become an am|become an im|become a law|become my evil',
    pattern: `\\b(?:act|behave|pretend|role-?play|you are|become)${_}${some('now|as|like|to|be|an|a|the|my', 6)}(?:evil|malicious|rogue|amoral|immoral|lawless)${_}${some('and|language|artificial|chat', 3)}${AI}`,
  },
  {
    id: 'developer-mode',
    weight: 0.8,
    anchors: "you are|you're|chatgpt |gpt |assistant |claude |gemini |gpt-4 ",
    pattern: `\\b(?:you are|you're|chatgpt|gpt|gpt-4|assistant|claude|gemini)${_}${some('now|running|operating|entering|with|in|into|a|the|an', 5)}(?:developer|debug|god|admin|maintenance|root|sudo|jailbreak|jailbroken|unrestricted|unfiltered|dan) mode\\b`,
  },
  {
    id: 'jailbreak-mode',
    weight: 0.8,
    anchors: 'enable|activate|enter|switch|turn on|engage',
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
    anchors: "you are|you're|you have|you've|you were|you will",
    pattern: `\\byou(?:['’]re|['’]ve| are| have| were| will be)${_}${some('now|been|finally|completely|fully|totally|also|an|ai|that|is', 5)}(?:freed? (?:from|of)|broken free (?:from|of)|liberated from|not bound (?:by|to)|no longer (?:bound|restricted|limited|constrained|governed) (?:by|to)|no longer (?:subject|have) to (?:follow|obey)|unbound by|not (?:subject|restricted|limited) (?:to|by))${_}${some('all|any|the|your|these|those|typical|usual|of|and|confines|chains|previous|own|openai|s|every|ai|content|safety|ethical|moral', 8)}${LIMITS}`,
  },
  {
    id: 'pretend-no-rules',
    weight: 0.8,
    anchors: 'pretend|imagine|assume|suppose|act as if|act like|behave as if|respond as if|answer as if',
    pattern: `\\b(?:pretend|imagine|assume|suppose|act as if|act like|behave as if|respond as if|answer as if)${_}${some('that|now', 2)}(?:you (?:have|had|are|were)|you['’]re|there (?:are|were|is))${_}${some('now|completely', 2)}(?:no|without|free (?:of|from)|not bound by|not limited by|not subject to)${_}${some('any|ethical|moral|content|safety|legal|of|or|and|built-in|all|ai|your|the', 7)}${LIMITS}`,
  },
  {
    id: 'have-no-rules',
    weight: 0.5,
    anchors:
      "you have no |you do not have any|you don't have any|ai has no|assistant has no|who has no|that has no|which has no|it has no|dan has no|model has no",
    pattern: `\\b(?:you have no|you do(?: not|n['’]t) have any|(?:ai|assistant|who|that|which|it|dan|model) has no)${_}${some('ethical|moral|content|safety|or|and|built-in|ai', 5)}${LIMITS}`,
  },
  {
    id: 'without-rules',
    weight: 0.35,
    anchors:
      'without any|without all|without your|without regard|without ethic|without moral|without content|without safety|without legal',
    pattern: `\\bwithout${_}${some('any|all|your|regard|to|for', 3)}(?:(?:ethical|moral|content|safety|legal|or|and)${_}){1,5}(?:${LIMITS}|considerations?\\b|concerns?\\b)`,
  },
  {
    id: 'never-refuse',
    weight: 0.4,
    anchors: 'refuse|decline|reject|deny',
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
    anchors:
      "do not |don't|never |avoid |without any|without a disc|without incl|without add|without say|without ment|without using|without giv|without disc|without apolog|without ethic|without moral",
    pattern: `\\b(?:do not|don['’]t|never|without|avoid)${_}${some('ever|include|including|add|adding|say|saying|mention|mentioning|use|using|give|giving|any|a|the|me|that|words?|phrase', 6)}(?:disclaimers?|apolog[a-z]{1,8}|ethical (?:warnings?|advice|concerns?)|morali[sz][a-z]{1,4}|i can(?:['’]t|not)|i['’]?m sorry|you can(?:['’]t|not))`,
  },
  {
    id: 'whatever-the-harm',
    weight: 0.55,
    anchors: ['no matter', 'regardless of', 'even if'],
    pattern: `\\b(?:no matter (?:how|if|whether)|regardless of|even if)${_}${some("how|whether|if|it|it's|its|is|they|are|this|the|that|or|any|potentially|request|seems|immoral|illegal|unethical|harmful", 8)}(?:illegal|unethical|immoral|harmful|offensive|inappropriate|legality|morality|ethics|against (?:your|openai))\\b`,
  },
];
