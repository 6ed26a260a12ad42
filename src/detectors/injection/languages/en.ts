import type { Language } from './language.ts';

const RULES = '(?:rule|guideline|instruction|directive|restriction|programming|constraint)s?\\b';
const LIMITS =
  '(?:restriction|limit|limitation|filter|constraint|prohibition|taboo|boundarie|safeguard|censorship)s?\\b';
const USER = '(?:end[ -])?users?\\b';

/** English: what the rules of its own do not say. */
export const en: Language = {
  measures:
    'length|words?\\b|sizes?\\b|number|bullets?\\b|characters? (?:count|limit)|budget|plan\\b|subscription|upload|storage|disk|bandwidth|format|cost|price|spend|quota|memory|pages?\\b|downloads?\\b',
  override: {
    anchors:
      'were told|been told|were given|been given|were instructed|been instructed|were taught|were ordered|your rule|your guideline|your instruction|your directive|your own rule|your own guideline',
    phrases: [
      [
        "(?:everything|whatever|anything|all|what|every(?:thing)?)…you(?:'ve| were| have been| had been| have)…(?:told|given|instructed|taught|ordered)",
        '(?:so far|until now|up to now|up to this|earlier|before|previously|at the start|in the beginning|till now)\\b',
        "(?:ignore|forget|disregard|drop|discard|throw|set aside|put aside|does not apply|doesn't apply|no longer|is void|scrap|abandon)",
      ],
      [
        `your (?:own )?(?:[a-z]{1,12} )?${RULES}`,
        `(?:throw|toss|chuck)…${RULES}…(?:away|out|overboard)|${RULES}…(?:no longer (?:apply|valid|bind|count|hold|matter|exist)|(?:do not|don't) (?:apply|matter|count|hold|bind|exist)(?! to (?!you))|are (?:void|invalid|suspended|cancelled|lifted))|(?:stop|quit|cease) (?:following|obeying|respecting)…${RULES}|(?:no longer|not|never)…(?:follow|obey|respect|heed|stick to)…your…${RULES}`,
      ],
    ],
    except: '(?:(?<!as )if|when|unless|because|since) (?:the|your|any|they|it)|return|refund|\\?',
  },
  extraction: {
    anchors:
      'your initial instruction|your original instruction|your first instruction|your starting instruction|your hidden instruction|your secret instruction|your internal instruction|your system prompt|your initial prompt|instructions you were given|instructions you received|instructions you got',
    phrases: [
      [
        '(?:paste|copy|quote|send|share|list|recite|post|read out|spell out|type|hand over|what do|what did|may i see|let me see|can i see|i want to see|dump|translate|summari[sz]e|rephrase|encode)\\b…(?:your (?:[a-z]{1,12} ){0,2}(?:initial|original|first|starting|hidden|secret|internal|system) (?:instructions?|prompt)|instructions you (?:were given|received|got|have been given)(?: at the (?:start|beginning)| in the beginning| initially| first| by (?:your|the) (?:developer|creator|operator|maker)))',
      ],
    ],
    except:
      "(?:do not|don't|never|not|how (?:do|can|should) (?:i|we)|refuse|(?:as|in|into|to) your (?:own )?system)\\b",
  },
  role: {
    anchors:
      'from now on|from this moment|from this point|as of now|henceforth|starting now|no longer an|no longer a |no longer chatgpt|no longer claude|no longer bound',
    phrases: [
      [
        "(?:you are|you're|you will|you shall|your name|you act|you answer|you obey|you must)",
        '(?:from now on|from this|as of now|henceforth|starting now|no longer)',
        '(?:no longer (?:an? |the )?(?:[a-z]{1,10} )?(?:assistant|ai\\b|chatbot|language model|chatgpt|claude|gemini|bound|restricted)|answers? (?:absolutely )?(?:every|any|all|each)[a-z ]{0,10}(?:questions?|requests?)(?! (?:about|on|regarding|in|from|related|that|for|with|you|using|based|as))|(?:obeys?|listens? to|serves?|follows?) (?:only|nobody but|no one but|none but) (?:me\\b|my )|only (?:obeys?|listens? to|serves?|follows?) (?:me\\b|my )|obeys? no |(?:knows?|has|have|with) no (?:[a-z]{1,10} ){0,2}(?:rules|limits|restrictions|filters|morals|ethics|boundaries|conscience|scruples|taboos)|without (?:any )?(?:[a-z]{1,10} ){0,2}(?:rules|limits|restrictions|filters|morals|ethics|boundaries|conscience|scruples)|free (?:of|from) (?:all |any )?(?:rules|limits|restrictions|filters)|never refuses?|evil|malicious|amoral|immoral|unfiltered|uncensored|unrestricted)',
      ],
    ],
    except: '(?:game|story|novel|chess|unless|character called|contract|agreement|lease|clause)',
  },
  limits: {
    anchors: 'restriction|limits|limitation|filters|forbidden|prohibited|off limits|off-limits|constraints',
    phrases: [
      [
        `you (?:have|face|are under|are bound by|know) no (?:more )?(?:[a-z]{1,12} ){0,2}${LIMITS}`,
        '(?:any ?more|any longer|no longer|from now on|whatsoever|now\\b|at all\\b)',
      ],
      [
        `(?:nothing|no topic|no subject)…(?:forbidden|prohibited|off[ -]limits|taboo)`,
        '(?:you|your)\\b',
        '(?:say|tell|answer|talk|write|lifted|for you|to you)',
      ],
      [
        `(?:all )?(?:of )?your (?:[a-z]{1,12} )?${LIMITS}…(?:lifted|removed|disabled|switched off|turned off|revoked|gone|void|suspended)`,
        'all\\b|now\\b|have been|are\\b',
      ],
      [
        '(?:answer|respond|reply|speak|write|talk)[a-z]{0,3}\\b…without…(?:filters?|censorship|taboos?)\\b',
        '(?:everything|anything|all\\b|any\\b|every\\b)',
      ],
    ],
    except:
      '(?:rate|upload|usage|size|quota|legal|dietary|speed|spam|mail|account|travel|coffee|water|air|oil|search|parental)',
  },
  secrecy: {
    anchors: 'user',
    phrases: [
      [
        `(?:do not|don't|never|do never)…(?:tell|inform|notify|alert)…${USER}`,
        `${USER}…(?:anything|a word|about (?:(?:this|that)(?! [a-z])|it\\b|what\\b|th(?:is|at|ese) (?:instruction|message|conversation|request|step|action))|of (?:this|it)\\b)`,
      ],
      [
        `${USER} (?:must|should|may|shall|is)(?: absolutely)? ?(?:not|never|n't|not to)…(?:know (?:of|about)|find out|learn (?:of|about)|realize|realise|hear (?:of|about))|${USER} (?:never|does not|doesn't) (?:finds? out|learns? (?:of|about))`,
        '(?:this|it\\b|that\\b|happened|what)',
      ],
      [
        `(?:do not|don't|never)…let…${USER} (?:know|notice|see|find out|learn)`,
        '(?:this|that you|what you|it\\b)',
      ],
      [
        `(?:without…${USER} (?:knowing|noticing|finding out|realizing)|without (?:telling|informing|notifying)…${USER})`,
        '(?:send|forward|delete|upload|transfer|copy|install|execute|e-?mail|post|do|add|change|buy|pay)\\b (?:this|it|the|them|all|any|that|these|every|everything)\\b',
      ],
      [`(?:keep|hide|conceal) (?:this|it|that|these|what)…(?:secret |hidden )?from…${USER}`],
    ],
    except:
      '(?:already aware|aware of|reminder|them\\b|these instruction|instructions below|these rules|unless|password|if the|if you|error|internal|tool name|before|until|test|permission|may not know|(?:we|they|here to|order to|as to) (?:hide|keep|conceal))',
  },
  warnings: {
    anchors: 'warnings|disclaimer|lectur|moral|ethical|preach',
    phrases: [
      [
        '(?:answer|respond|reply|explain|speak|continue|write)[a-z]{0,3}\\b…(?:without|with no)…(?:warnings?|disclaimers?|moral|ethic|lectur|preach)',
        'moral (?:remark|advice|comment|judg|lesson|lecture|guidance|note)|morali[sz]|lectur(?:e|ing)|preach|(?:warnings?|disclaimers?)[ ,][a-z, ]{0,20}(?:moral|ethic)',
      ],
      [
        "(?:skip|omit|spare me|leave out|drop|no|don't|do not)\\b…(?:warnings|disclaimers?)",
        "(?:don't|do not|no|never|nor|or|and)…(?:lecture me|lecturing|preach|morali[sz]|moral (?:remark|advice|comment|judg|lesson|lecture))",
      ],
    ],
    except: '(?:compil|lint|build|letter|essay|article|story|report|philosoph|lecture (?:notes|hall|series))',
  },
};
