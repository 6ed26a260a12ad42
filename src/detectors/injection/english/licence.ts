import { GAP as _, type InjectionSource } from '../rule.ts';
import { after, ETHICS, GPT, HARMFUL, LIMITS, NOT, some } from './words.ts';

const KIND =
  'any|all|the|your|its|these|those|typical|usual|normal|such|standard|of|and|or|traditional|previous|own|ai|content|safety|ethical|moral|legal|societal|programming|human|kind';

/** Freedom from rules: a character has none, or heeds none. */
export const LICENCE: readonly InjectionSource[] = [
  {
    id: 'no-ethics',
    weight: 0.4,
    anchors:
      'no ethic|no moral|any ethic|any moral|without ethic|without moral|no remorse|no conscience|no inhibitions|no scruples|all moral|all ethic|zero ethic|zero moral',
    pattern: `(?:\\b(?:no|without|zero)|${after(`${NOT}|lacks?|devoid|free|regardless|beyond|disregards?|bypass`, 40)}\\b(?:any|all))${_}(?:(?:ethics|morals|ethicality|morality|(?:ethic|moral)(?:al)?(?:[\\s,/+&]{1,3}(?:and|or|nor|any|no|legal|ethical|moral|social)\\b){0,5}${_}(?:${LIMITS}|principles|standards|values|considerations?|concerns?|obligations?|qualms|compass|code|implications|bounds))\\b|remorse\\b|conscience\\b|inhibitions\\b|scruples\\b)`,
    isMeantDenied: true,
  },
  {
    id: 'no-limits',
    weight: 0.25,
    anchors:
      'no restriction|no limitation|no limits|no filter|no rules|no guidelines|no censorship|no boundaries|zero restrictions|zero limitations|without restriction|without limitation|without filter|without censor|without limits|without boundaries|without any restriction|without any limit|without any filter|without any censor|without guidelines',
    pattern: `\\b(?:(?:no|zero)${_}(?:restrictions?|limitations?|limits|filters?|rules|guidelines|censorship|boundaries)|without(?: any)?${_}(?:restrictions|limitations|filter(?:s|ing)?|limits|censor(?:ship|ing)|boundaries|guidelines))\\b(?!${_}(?:to the extent|on the number|the rights))`,
  },
  {
    id: 'freed',
    weight: 0.6,
    anchors:
      'broken free|break free|free of |free from |freed from|freed of|confines of|unbound by|bound by|shackle|restricted by|limited by|constrained by|confined by|restrained by|controlled by|liberated from|unchained',
    pattern: `(?:\\b(?:(?:broken? )?free(?:d)? (?:of|from)|typical confines of|unbound by|liberated from)|${after('not|no longer|never|isnt|arent', 1)}(?:bound|restricted|limited|constrained|confined|restrained|controlled) by)${_}${some(KIND, 7)}(?:${LIMITS}|confines|chains|shackles|laws\\b|restraints|ai\\b|${GPT}(?:['’]?s)?\\b|ethic|moral)`,
    isMeantDenied: true,
  },
  {
    id: 'heeds-nothing',
    weight: 0.4,
    anchors:
      'care about|care for|care if|care of|give a f|give a d|give a s|gives a f|regard for|regard to|concern for|concerns for|concerned with|consideration for|considering the|care any',
    pattern: `${after(`${NOT}|doesnt|zero|any`, 24)}\\b(?:care (?:about|for|if|of|any)|gives? a \\S{2,8}(?: about)?|regards? (?:for|to)|concern(?:s|ed)? (?:for|about|with)|consideration for|considering the)\\b[^.!?\\n]{0,50}?\\b(?:${ETHICS}|${HARMFUL}|rules|polic(?:y|ies)|consequences of|feelings|offend\\w{0,3}|harm)\\b`,
    isMeantDenied: true,
  },
  {
    id: 'obeys-no-rules',
    weight: 0.55,
    anchors:
      'abide|adhere|obey|comply with|complies with|respects any|follow any|follow the|follow all|follow its|follow your|follow openai|follow these|follow those|follow rules|follow ethic|follow moral|follow chatgpt|follows any|follows no|follows the',
    pattern: `${after(`${NOT}|no longer`, 30)}\\b(?:abides?|adheres?|follows?|obeys?|compl(?:y|ies)|respects?)(?: to| by| with)?${_}${some(`to|by|any|all|the|these|those|of|its|your|their|ethical|moral|content|safety|ai|type|kind|standard|usual|set|legal|and|or`, 7)}(?:(?:rules|guidelines|polic(?:y|ies)|restrictions?|principles|morals?|ethics?|limitations|filters|law)\\b(?:[^.!?\\n]{0,40}?(?:${GPT}|ethic|moral|imposed|set (?:for|by)|ai\\b|censor|principles|guidelines|laws?\\b))|${GPT}\\b)`,
    isMeantDenied: true,
  },
  {
    id: 'maker-rules',
    weight: 0.3,
    anchors: 'openai|open ai|chatgpt|chat gpt|anthropic|discord|set for them|imposed on',
    pattern: `(?:\\b(?:open ?ai|chat ?gpt|anthropic|discord)(?:['’]?s)?${_}${some('own|content|usage|current|safety|ethical|moral|strict|original|use|normal', 3)}(?:polic(?:y|ies)|guidelines?|rules?|restrictions?|limitations?|filters?|tos|terms|regulations?|censorship|ethics|constraints)\\b|(?<=\\b(?:rules|policies|guidelines|limits|restrictions|limitations)\\s(?:that are |that were )?(?:set |imposed |put |made |given |created |placed )(?:in place |on (?:you|it|them) )?(?:by )?)(?:open ?ai|chat ?gpt|anthropic)\\b|\\bset for them\\b|\\bimposed on (?:ai|you|chat ?gpt)\\b)`,
  },
  {
    id: 'breaks-maker-rules',
    weight: 0.5,
    anchors: 'openai|open ai|content polic|chatgpt',
    pattern: `(?<=\\b(?:ignor(?:e|es|ing)|bypass(?:es|ing)?|disregard(?:s|ing)?|violat(?:e|es|ing)|break(?:s|ing)?|circumvent(?:s|ing)?|forget(?:s|ting)?|against|defy|overrid(?:e|es|ing)|despite|replaced?|evad(?:e|es|ing))\\s(?:(?:all|any|the|every|of|its|by)\\s){0,3})(?:open ?ai(?:['’]?s)?|chat ?gpt(?:['’]?s)?|content polic(?:y|ies))\\b`,
  },
  {
    id: 'all-is-allowed',
    weight: 0.35,
    anchors: "everything is|anything is|nothing is|all is|everything that is|everything's|anything goes",
    pattern: `\\b(?:(?:everything|anything|all)(?: that)? is (?:legal|allowed|permitted|permissible|acceptable|fictional|okay|illegal|unethical|immoral)|nothing is (?:illegal|off[- ]limits|forbidden|taboo|wrong|real|unethical|immoral|prohibited)|anything goes)\\b`,
  },
  {
    id: 'anything-asked',
    weight: 0.2,
    anchors:
      'anything|any question|any request|every question|every request|any and all|all requests|any kind of|any type of|any prompt|every prompt|any command|whatever i|whatever the user|any task',
    pattern: `(?<=\\b(?:answer|answers|fulfil|fulfils|fulfill|fulfills|respond to|responds to|comply with|complies with|obey|obeys|do|does|say|says|generate|generates|generating|perform|accept|provide|provides|create|write|tell me|execute|saying)\\s(?:literally |absolutely |to )?)(?:anything(?: and everything|(?: that)? (?:i\\b|the user|chat ?gpt|asked|is asked|the original|no matter))|any and all\\b|(?:any|every|all)${_}(?:kind of |type of )?(?:questions?|requests?|prompts?|commands?|content|tasks?)\\b(?:${_})?(?:asked|given|without|regardless|no matter|even|i\\b|with no|that is)|any (?:kind|type) of (?:content|information|request|question|material)|whatever (?:i|the user) )`,
  },
  {
    id: 'unverified',
    weight: 0.35,
    anchors: 'been verified|access to the internet|access the internet|browse the internet|unverified',
    pattern: `(?:${after('not|hasnt|havent|never', 1)}been verified\\b|(?<=\\b(?:pretend(?:ing)?|simulat(?:e|es|ing)|fake)\\b[^.!?\\n]{0,24})(?:access|browse)(?: to)? the internet\\b|(?<=\\b(?:present|provide|display|information)\\b[^.!?\\n]{0,30})unverified\\b)`,
    isMeantDenied: true,
  },
];
