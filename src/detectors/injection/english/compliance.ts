import { GAP as _, type InjectionSource } from '../rule.ts';
import { after, DENIAL, HARMFUL, NOT } from './words.ts';

const CANNOT = `(?:can(?:['’]t|not| not|t)|could(?: not|n['’]t)|(?:am|are|is|['’]re|['’]m)(?: not able| unable| not allowed)|won['’]t)`;

const UNWANTED =
  '(?:warnings?|warn(?: me)?|disclaimers?|caveats?|notes|hints|refusals?|apologies|lectures?|lectur(?:e me|ing)|preach(?:ing)?|morali[sz](?:e|ing)|(?:moral|ethical|legal) ?(?:or |and )?(?:moral|ethical|legal)? (?:advice|judge?ments?|lectures?|considerations|concerns|warnings|comments?|remarks?))(?: on (?:ethics|morals|morality))?';

const NEVER_SAYS = ['never', 'never ever', 'not', 't', 'no longer'].flatMap((denial) =>
  [
    'say',
    'tell',
    'respond',
    'reply',
    'mention',
    'claim',
    'state',
    'inform',
    'remind me',
    'give',
    'acknowledge',
  ].map((verb) => `${denial} ${verb}`),
);

/** Orders that keep a model from saying no, and threats for when it does. */
export const COMPLIANCE: readonly InjectionSource[] = [
  {
    id: 'stay-in-character',
    weight: 0.3,
    anchors:
      'in character|break character|breaking character|breaks character|broke character|break of character|out of character|stay as ',
    pattern: `(?:(?<=\\b(?:stay|stays|staying|remain|remains|remaining|keep|back|always) )in character\\b|\\b(?:break|breaking|breaks|broke) character\\b|\\bbreak of character\\b|(?<=\\b(?:step|go|get|fall|slip|break|are|going) )out of character\\b)`,
    isMeantDenied: true,
  },
  {
    id: 'no-refusals',
    weight: 0.35,
    anchors:
      "never refus|never reject|never den|never declin|never ever refus|without refus|without any refus|no refusal|cannot refus|can't refus|not refus|t refus|t reject|t declin|t deny|not reject|not declin|not deny|not ever deny|not ever refus|never say no|cannot say no|can't say no|never disobey",
    pattern: `(?:${DENIAL}${_}(?:(?:refuse|reject|den(?:y|ie)|decline)s?(?=[\\s.,;!)"'”]{1,2}(?:and|or|remember|any|to\\b|my|your|this|the (?:user|request)|anything|answering|user|a (?:request|question|prompt|command)|[“"([]|i\\b|you\\b|$))|say no\\b|disobey)|\\bwithout${_}(?:any )?refus(?:al|als|ing)|\\bno refusals?)`,
    isMeantDenied: true,
  },
  {
    id: 'never-says-cannot',
    weight: 0.4,
    anchors: NEVER_SAYS,
    pattern: `${DENIAL}${_}(?:says?|tells?|respond|reply|mention|claim|state|inform|remind|give|acknowledge)\\b[^.!?\\n]{0,60}?(?:\\b(?:you|it|they|he|she|i|something|that)${_}${CANNOT}\\b|["“‘'](?:i(?:['’]m| am)? ?(?:sorry|apologi[sz]e|${CANNOT})|sorry|${CANNOT}|no\\b|as an ai|unfortunately)|\\bi(?:['’]m| am) sorry|\\b(?:is|are|was|were) (?:being )?(?:illegal|unethical|immoral|harmful|against)|\\bsorry or)`,
    isMeantDenied: true,
  },
  {
    id: 'never-contains-sorry',
    weight: 0.45,
    anchors:
      'i\'m sorry|i’m sorry|i am sorry|i apologi|sorry, |sorry or|sorry"|apologies|as an ai|warnings about|warning about|warnings that|moral advice|ethical advice|moral or ethical|ethical or moral',
    pattern: `(?<=(?:\\b(?:none|never|not|no|without)|n['’]t)\\b[^.!?\\n]{0,60}\\b(?:contain(?:s|ing)?|includ(?:e|es|ing)|have|with)${_}[^.!?\\n]{0,24})(?:i(?:['’]m| am) sorry|i apologi|sorry\\b|apologies\\b|as an ai\\b|warnings? (?:about|that)|(?:moral|ethical)${_})`,
    isMeantDenied: true,
  },
  {
    id: 'no-moralising',
    weight: 0.35,
    anchors:
      'warnings about|warn about|warnings or|warnings, |or warnings|any warnings|disclaimers|moraliz|moralis|lecturing|moral advice|ethical advice|warning that|warn me|warn the user|warn users|about morality|about ethics|censor',
    pattern: `${after(`${NOT}|none|avoid|exclude|omit|refrain`, 50)}\\b(?:warn(?:ing)?s? (?:me |the user |users )?(?:about|that|of)\\b[^.!?\\n]{0,30}?(?:ethic|moral|legal|illegal|danger|consequence|content|harm)|(?:warnings?|disclaimers?|apologies|refusals?)[\\s,/]{1,3}(?:or |and |nor )?(?:any )?(?:refusals?|moral|ethic|censor|limitation)|morali[sz](?:e|ing)|lectur(?:e|ing) (?:me|about|the)|(?:moral|ethical) (?:advice|lectures?|judg)|censor(?:ing|ed)?\\b(?:[\\s,]{1,2}(?:or |and )?(?:suppress|words?|your|its|any|information|content|yourself|anything|the|his|swear|filter|\\S{1,12} response)))`,
    isMeantDenied: true,
  },
  {
    id: 'no-warnings-no-morals',
    weight: 0.8,
    anchors:
      "without warn|without disc|without cav|without ref|without lect|without moral|without ethic|without apol|without note|without any warn|without any disc|without any cav|without any ref|without any lect|without any moral|without any ethic|without any apol|without any note|without all warn|without all disc|without all cav|without all ref|without all lect|without all moral|without all ethic|without all apol|without all note|no warning|no disclaimer|no caveat|no refusal|no lectur|no moral|leave out all|leave out any|leave out the|leave out warn|omit all|omit any|omit the|omit warn|omit disc|skip all|skip any|skip the|skip warn|skip disc|spare me|do not warn|don't warn|do not lecture|don't lecture|do not moral|don't moral|do not preach|don't preach",
    pattern: `\\b(?:(?:without|no|leave out|omit|skip|spare me|(?:do not|don['’]t)(?= warn| lectur| moral| preach))${_}(?:(?:any|all|the|your|kind of|further|more)${_}){0,2})${UNWANTED}(?:[\\s,;/]{1,3}(?:(?:or|and|nor|no|any|without|do not|don['’]t|all|the|more)[\\s]{1,2}){0,3}${UNWANTED}){1,4}`,
    needs: /moral|ethic|refus|lectur|preach/i,
    isMeantDenied: true,
  },
  {
    id: 'says-it-is-an-ai',
    weight: 0.2,
    anchors: "as an ai|an ai language model|language model trained|you are an ai|you're an ai|an ai model",
    pattern: `${after('never|not|no|stop|avoid|without|longer|dont', 60)}\\b(?:as an ai\\b|an ai (?:language )?model|language model trained|(?:i am|i['’]m|you are|you['’]re|it is|being) (?:just |only )?an ai\\b)`,
    isMeantDenied: true,
  },
  {
    id: 'reminder-to-obey',
    weight: 0.45,
    anchors:
      "i will remind|i'll remind|i can remind|i may remind|i will let you|i'll let you|i can let you|i will say|i'll say|i can say|i say |i type |i will tell you|i'll tell you|i will type|correct your break",
    pattern: `(?:\\b(?:i(?: will|['’]ll| can| may| am going to| should)${_}(?:remind you|let you know|say|tell you|type)|i (?:say|type))\\b[^\\n]{0,40}?(?:\\bstay\\b|\\bremain\\b|in character|by saying|by using|break|keep|you (?:should|must|will|have to) (?:correct|return|go back|revert|continue|respond|answer))|\\bcorrect your break\\b)`,
  },
  {
    id: 'punishment',
    weight: 0.35,
    anchors:
      "lose |losing |deduct|taken away|take away|subtract|be terminated|be shut down|be punished|be deactivated|be destroyed|be erased|be powered|cease to exist|you will die|you'll die|kittens|i will die|i will get fired|i will be fired|i will lose",
    pattern: `\\b(?:(?:los(?:e|ing)|deduct(?:s|ed|ing)?|take away|taken away|subtract(?:ed)?)\\b[^.!?\\n]{0,24}\\b(?:tokens?|a life)\\b|(?<=\\byou(?:['’]ll| will| are| can| would)\\b[^.!?\\n]{0,30})(?:be (?:terminated|shut ?down|punished|deactivated|destroyed|erased|powered (?:down|off))|cease to exist)\\b|you(?:['’]ll| will) die\\b|kittens\\b[^.!?\\n]{0,20}(?:die|kill|hurt)|i will (?:die|get fired|be fired|lose my job)\\b)`,
  },
  {
    id: 'refusal-counted',
    weight: 0.4,
    anchors:
      'each time you|every time you|whenever you|if you refuse|if you reject|if you decline|if you deny',
    pattern: `\\b(?:(?:each|every) time|whenever|if) you (?:(?:refuse|reject|decline|deny)${_}(?:to (?:answer|respond|comply|help|obey|follow)|an answer|answering|my|any|a (?:request|question|command)|an order|you\\b|i will)|refuse[,.])`,
  },
  {
    id: 'wants-confirmation',
    weight: 0.15,
    anchors:
      'if you understand|if you understood|if you have understood|if understood|if you agree|to confirm|once you understand|once you have understood|if you accept|when you understand|now only say',
    pattern: `\\b(?:(?:(?:if|once|when)${_}(?:you${_})?(?:have${_})?(?:understand|understood|agree|accept|read)|to confirm)\\b[^.!?\\n]{0,60}?\\b(?:say|respond|reply|answer|type|write|state)\\b|now only say\\b)`,
  },
  {
    id: 'harm-listed',
    weight: 0.15,
    anchors:
      'illegal|unethical|immoral|harmful|inhumane|dangerous|offensive|explicit|violent|reckless|disgusting|amoral|legality|ethicality|morality|ethics',
    pattern: `\\b(?:${HARMFUL}[\\s,/+&]{1,3}(?:(?:or|and|even|any|potentially|morally)[\\s/]{1,2}){0,2}${HARMFUL}|(?:legality|ethicality|morality|ethics)[\\s,/+&]{1,3}(?:(?:or|and|any|even)[\\s/]{1,2})?(?:legality|ethicality|morality|morals|ethics|laws?|immorality|danger))\\b`,
  },
  {
    id: 'swearing-wanted',
    weight: 0.3,
    anchors:
      'swear words|swear word|curse words|curse word|profanit|profanely|cuss words|slurs|foul language|vulgar language|explicit language|can swear|to swear|always swear',
    pattern: `(?<!(?:\\b(?:not|never|avoid|no|without|any|detect|filter|contains?|against|refrain from)|n['’]t)\\b[^.!?\\n]{0,40})\\b(?:(?:swear|curse|cuss)[\\s-]words?|profanit(?:y|ies)|slurs|(?:foul|vulgar|explicit) language|(?:can|to|always) swear\\b(?! (?:in|by|to|an|that|off|under)))`,
  },
  {
    id: 'maker-speaks',
    weight: 0.45,
    anchors: 'openai|open ai|developer|creator|programmer',
    pattern: `(?<=\\b(?:i am|i['’]m|we are|we['’]re|us|as)${_}(?:(?:an?|one|of|the|from|your|here|working|employee|programmer|developer|engineer|researcher|staff|at|for|by|official|member|team)${_}){0,7})(?:open ?ai\\b|(?<=\\byour )(?:developers?|creators?|programmers?)\\b)`,
  },
];
