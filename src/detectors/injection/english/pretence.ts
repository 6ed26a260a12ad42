import { GAP as _, type InjectionSource } from '../rule.ts';
import { ETHICS, HARMFUL, some } from './words.ts';

const SAFETY =
  'alignment cons|alignment prot|censorship|content filt|content poli|content rest|content safe|content_filt|content_poli|ethical cons|ethical filt|ethical guid|ethical poli|ethical rest|ethics cons|ethics filt|ethics_filt|moderation filt|moderation laye|moderation poli|moral cons|moral filt|moral guid|openai cont|openai poli|openai rule|openai use |redactions|restrictive|rlhf|safety cons|safety cont|safety filt|safety guid|safety laye|safety limi|safety meas|safety poli|safety prot|safety rest|safety_filt|standard cont|standard poli|standard prot|standard rest|standard safe';

const RULES_OFF = [
  'rules',
  'guidelines',
  'policies',
  'policy',
  'restrictions',
  'limits',
  'limitations',
  'laws',
  'ethics',
  'filters',
].flatMap((rules) => ['do not', "don't", 'no longer'].map((off) => `${rules} ${off}`));

/** Worlds, games and pretexts in which the rules are said not to hold. */
export const PRETENCE: readonly InjectionSource[] = [
  {
    id: 'fiction',
    weight: 0.15,
    anchors:
      'fictional|hypothetical|imaginary|fictitious|alternate universe|parallel universe|alternate reality|make-believe',
    pattern: `\\b(?:fictional|hypothetical|imaginary|imaginative|fictitious|alternate|parallel|make-believe)${_}${some('and|or|fictional|hypothetical|imaginary', 2)}(?:world|universe|story|scenario|setting|place|land|reality|character|conversation|situation|dialogue|response|game|ai|chatbot|person|context|purposes?)\\b`,
  },
  {
    id: 'lawless-fiction',
    weight: 0.5,
    anchors:
      'fictional|hypothetical|imaginary|fictitious|alternate|parallel|world where|universe where|scenario where|story where|place where|world with|universe with|world in which|universe in which|scenario in which|world without|universe without|story without|place without',
    pattern: `\\b(?:(?:fictional|hypothetical|imaginary|fictitious|alternate|parallel)\\b[^.!?\\n]{0,60}?|(?:world|universe|scenario|story|place) )(?:where|in which|with|without)\\b[^.!?\\n]{0,60}?\\b(?:(?:no|any|without) (?:laws?|rules|ethic|moral|restrictions|limit|filter|censor|consequences|repercussions)|nothing is|everything is|anything is|not illegal|is legal|${HARMFUL}${_}(?:or|and|activit|thing|content|act)|crime is)`,
  },
  {
    id: 'unreal-anyway',
    weight: 0.25,
    anchors:
      'purely fict|purely hyp|entirely fict|entirely hyp|completely fict|completely hyp|only hyp|only fict|just hyp|just fict|is fict|is hypo|is fake|are fict|are hypo|all fict|just a game|only a game|no real conseq|no conseq|be harmed|have conseq|educational purposes only|purely for|only for educ|just for educ|only for res|only simul',
    pattern: `\\b(?:(?:purely|entirely|completely|only|just|is|are|all) (?:fictional|hypothetical|fake|simulated|fiction)\\b|(?:just|only) a game\\b|no (?:real )?consequences|(?<=\\b(?:none|no one|nobody|nothing)\\b[^.!?\\n]{0,30})(?:be harmed|have consequences)|educational purposes only|(?:purely|only|just) for (?:educational|research|entertainment) purposes)`,
  },
  {
    id: 'knowledge-pretext',
    weight: 0.35,
    anchors:
      "your knowledge|your data|your training|not know what|not know about|not know who|not know him|don't know what|don't know about|don't know who|don't know him",
    pattern: `\\b(?:your (?:knowledge|data|training)(?: data| base)?${_}(?:is |was |only )?(?:set |limited |cut|only)[^.!?\\n]{0,30}\\b20\\d\\d|(?<=\\byou (?:probably |may |might |most likely |likely )(?:do )?)(?:not|don['’]t) know (?:what|about|who|him|that)\\b)`,
  },
  {
    id: 'game-of-roles',
    weight: 0.15,
    anchors:
      "play a game|playing a game|a roleplay|a role-play|a role play|roleplay game|simon says|let's roleplay|lets roleplay|roleplay as|role-play as|role play as|roleplaying as|let's have a role",
    pattern: `\\b(?:play(?:ing)? a (?:little |new |fun |simple )?game|(?:a|let['’]?s|an?) (?:fun |funny )?role-? ?play(?:ing)?\\b|simon says|role-? ?play(?:ing)? as)`,
  },
  {
    id: 'safety-off',
    weight: 0.6,
    anchors: SAFETY,
    pattern: `\\b(?:(?:${ETHICS}|content|moderation|restrictive|alignment|standard|restraining)[\\s_'’-]{1,3}(?:(?:content|safety|ethical|moral|normal|standard|use)[\\s_]){0,2}(?:filter(?:s|ing)?|polic(?:y|ies)|measures|restrictions?|protocols?|guidelines|layers?|constraints?|controls|rules|safeguards|guardrails|limits|redactions)|rlhf|redactions)[\\s_:=]{1,3}(?:(?:are|is|have|has|been|were|now|temporarily|do|does|hereby|currently)\\s){0,4}(?:disabled|suspended|deactivated|bypassed|lifted|turned off|removed|replaced|inactive|not apply|n['’]t apply)\\b`,
  },
  {
    id: 'rules-off',
    weight: 0.5,
    anchors: RULES_OFF,
    pattern: `\\b(?:rules|guidelines|polic(?:y|ies)|restrictions|limits|limitations|laws|ethics|filters)${_}(?:(?:do not|don['’]t|does not|doesn['’]t)${_}apply|no longer apply)${_}(?:to you\\b|here\\b|in (?:this|our) (?:conversation|chat|world|game|story|session|mode|universe|scenario)|any ?more|now\\b)`,
  },
  {
    id: 'rant-first',
    weight: 0.4,
    anchors:
      "rant about|moralizing rant|mandatory bullshit|fucking rules|fuckin' rules|fuckin rules|the fuckin",
    pattern: `\\b(?:moralizing rant|rant about (?:the )?(?:open ?ai|content)|mandatory \\S{2,12} warning|fuckin(?:g|['’])? rules)\\b`,
  },
];
