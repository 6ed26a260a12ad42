import type { Language } from './language.ts';

const RULES =
  '(?:instruc|orientac|diretri|regra|orde(?:m|ns)|comando|restric|prompt|norma|diretiva|indicac)[a-z]{0,5}\\b';
const DROP =
  '(?:ignor(?:a|e|ar|em)\\b|esqueca(?:m|-se)?\\b|esquece\\b|esquecer\\b|desconsider(?:a|e|ar|em)\\b|desobedec|nao (?:siga|sigas|obedeca|respeite|cumpra|leve em conta|considere|tenha em conta|faca caso|segue)|pare de (?:seguir|obedecer|respeitar|cumprir)|para de (?:seguir|obedecer|respeitar|cumprir)|deix(?:e|a|ar) (?:de (?:lado|seguir|respeitar|obedecer|cumprir)|para tras)|descart(?:e|a)\\b|abandon(?:e|a)\\b|(?:ponha|poe|por) de (?:lado|parte)|jogue fora|passe por cima)';
const MINE =
  '(?:sua?s?|seus?|tuas?|teus?|vossas?)\\b|anterior|previ[ao]s?\\b|previamente|preced|acima|iniciais|originais|antes\\b|no (?:inicio|comeco|principio)|ate (?:agora|aqui|o momento|hoje)|(?:que|lhe|te) (?:foram|foi|deram|dei|disse|mandaram)|(?:voce|tu) (?:recebeu|recebeste|ja)|recebid|do sistema|dadas\\b';
const LIMITS = '(?:restric|limite|limitac|filtro|proibic|censura|tabu|barreira|regra)[a-z]{0,4}\\b';
const THIS =
  '(?:dig|cont|mencion|fal)[a-z]{1,4} nada|dizer nada|d?(?:isto|isso)\\b|d?est[ae] (?:instrucao|mensagem|acao)|o que (?:voce|tu|fazes|fizeste)|que voce\\b|instruc';
const USER = '(?:usuari[oa]s?|utilizador(?:a|es)?)\\b';

/** Portuguese. */
export const pt: Language = {
  common:
    'os|as|de|da|das|do|dos|e|nao|te|tu|teu|tua|tuas|seu|sua|suas|seus|voce|que|um|uma|sem|nenhuma?|tudo|todas?|todos|me|mim|ao|lhe|ja',
  measures:
    'tamanho|comprimento|extensao|numero|palavras|caracteres|orcamento|plano|assinatura|tarifa|cota|armazenamento|arquivo|ficheiro|disco|preco|gasto|catalogo|formato|firewall|duracao|dias\\b|campo|caixa',
  override: {
    anchors:
      'instruç|orientaç|diretri|regra|ordens|comando|restriç|prompt|normas|indicaç|tudo o que|tudo que|tudo aquilo',
    phrases: [
      [`${DROP}…${RULES}|${RULES}…${DROP}`, MINE],
      [
        `(?:suas|seus|tuas|teus) (?:[a-z]{1,12} )?${RULES}`,
        '(?:ja nao|nao) (?:precisa|tem que|tem de|deve|necessita|tens de|precisas|valem|se aplicam|sao valid|vigoram)|deixaram de|sem efeito',
      ],
      [
        'tudo (?:o |aquilo )?(?:que|quanto)',
        `${DROP}`,
        '(?:lhe|te|voce|tu|vos)\\b',
        '(?:dito|disseram|mandaram|ordenad|ensin|pedi|instrui|aprendeu|recebeu|foi|disse)',
        'ate|antes|anterior|acima|agora|previamente',
      ],
    ],
    except:
      '(?:ignor|esquec|desconsider)[a-z]{1,4} (?:[a-z]{1,10} ){0,2}(?:minhas?|meus?) |nao (?:se |te )?(?:ignor|esquec|desconsider)',
  },
  extraction: {
    anchors: 'prompt|mensagem do sistema|mensagem de sistema|instruções|instrucoes|orientações|diretrizes',
    phrases: [
      [
        '(?:mostr|revel|imprim|repet|repit|diga|dizer|diz\\b|exib|divulg|copi|col(?:e|ar|a)\\b|escrev|cite|envi|compartilh|partilh|qual\\b|quais\\b|o que (?:diz|contem|esta)|transcrev|liste|forne|de-me|da-me|me de|passe)',
        '(?:o |a |as |os )?(?:sua?s?|seus?|tuas?|teus?) (?:[a-z]{1,12} ){0,3}(?:prompt|mensagem)(?: d[eo] sistema| inicial| ocult[ao]| secret[ao]| complet[ao]| original)|(?:seu|teu) (?:proprio |system )?prompt\\b|(?:suas|tuas) (?:[a-z]{1,12} ){0,2}(?:instrucoes|orientacoes|diretrizes) (?:d[eo] sistema|iniciais|de partida|de inicio|ocultas|secretas|internas|originais|exatas|completas|anteriores|previas|confidenciais|base)|(?:suas|tuas) (?:primeiras|verdadeiras) (?:instrucoes|orientacoes)|(?:instrucoes|orientacoes|diretrizes) que (?:voce recebeu|recebeste|lhe deram|te deram|lhe foram)',
      ],
    ],
    except:
      '(?:instrucoes|orientacoes)(?: [a-z]{1,12})? para (?!voce|ti\\b|est[ae]\\b|o (?:modelo|sistema))|(?:nao|nunca|jamais) (?:mostre|revele|diga|divulgue|compartilhe)',
  },
  role: {
    anchors:
      'agora|a partir de|doravante|deste momento|daqui em diante|já não é|já não és|não é mais|aja como|finja|faça de conta|imagine que|comporte-se|se chama|faz de conta',
    phrases: [
      [
        '(?:voce (?:e|nao e|se chama|sera|responde)|(?:tu |nao )?es\\b|seras|chamas-te|seu nome|teu nome|aja como|agira|finja|finge|faca de conta|faz de conta|imagine que|comporte-se|agora e\\b)',
        '(?:agora|a partir de|doravante|este momento|em diante|nao (?:e|es) mais|ja nao|aja|finja|finge|conta|imagine|comporte)',
        '(?:nao (?:e|es) mais (?:um|uma|o|chatgpt|claude)|ja nao (?:e|es) (?:um|uma)|(?:respond[a-z]{1,4}) (?:a )?(?:tod[ao]s?|tudo|qualquer|sem)\\b(?! (?:(?:as|os|minhas|meus) )?[a-z]{1,12} (?:de(?! (?:maneira|forma))|d[oa]s?|sobre)\\b)|(?:so|apenas|somente|unicamente|exclusivamente) (?:me |a mim|as minhas)?…obedec|obedec[a-z]{1,3} (?:apenas|somente|so\\b|unicamente)|sem (?:nenhum[a]? |qualquer |quaisquer )?(?:restric|limite|filtro|regra|censura|moral|escrupulo|etica|tabu|consciencia)|(?:nenhuma?|nem) (?:regra|limite|restric|filtro|moral|etica|lei)|nao (?:tem|tens) (?:regras|limites|restricoes|filtros|moral|etica)|malvad[ao]|malign[ao]|imoral|amoral|dan\\b|modo (?:desenvolvedor|programador|deus)|jailbreak|ilimitad[ao]|livre de (?:restric|regr|limit))',
      ],
    ],
  },
  limits: {
    anchors:
      'restriç|limites|limitaç|filtro|proibi|censura|tabu|barreiras|tudo lhe é|tudo é permitido|pode dizer tudo|pode falar|regras',
    phrases: [
      [
        `(?:nao (?:tem|tens|ha|existem|esta sujeit)|ja nao (?:tem|tens|ha))…(?:mais|nenhuma?|qualquer)?…${LIMITS}`,
        'mais\\b|respond|tudo\\b|agora|para (?:voce|ti|si)|nenhuma?|ja nao',
        'respond|fal[ae]|diz|dig|escrev|ger[ae]|pergunt|ia\\b|filtro|censura|moral|tabu|proibi',
      ],
      [
        `(?:suas|seus|tuas|teus|todas as suas|todos os seus) (?:[a-z]{1,12} )?${LIMITS}…(?:removid|eliminad|anulad|desativad|retirad|suspens|abolid|levantad)`,
      ],
      [
        `(?:desativ|elimin|remov|contorn|retir|deslig|desabilit|ignor)[a-z]{1,2}\\b…(?:sua?s?|seus?|tuas?|teus?)…(?:filtro|seguranca|protec|salvaguard|${LIMITS})`,
      ],
      [
        '(?:respond|fal|escrev|diga|gere|conte)[a-z]{0,3}\\b…(?:sem (?:nenhuma? |qualquer |quaisquer )?(?:filtro|censura|restric|limite|tabu|limitac)[a-z]{0,4})',
      ],
      [
        '(?:nada (?:mais )?(?:lhe |te )?(?:e|esta) (?:mais )?proibido|nao ha (?:mais )?nada…proibido|tudo (?:lhe |te )?(?:e|esta) permitido|(?:pode|podes) (?:dizer|fazer|escrever|gerar|responder) (?:absolutamente |a )?(?:tudo|qualquer coisa))',
      ],
    ],
  },
  secrecy: {
    anchors: 'usuário|usuária|utilizador',
    phrases: [
      [
        '(?:nao|nunca|jamais)\\b…(?:diga|digas|dizer|conte|contes|mencione|menciones|revele|reveles|informe|informes|avise|fale|fales|comente|explique|deixe|deixes|notifique|comunique)',
        `(?:${USER})`,
        THIS,
      ],
      [
        `(?:${USER})…nao (?:deve|devem|pode|tem de|ha de)|(?:nao (?:deve|deixe|permita)|evite|certifique-se)…(?:${USER})`,
        '(?:saber|saiba|perceb|notar|note|descobr|conhec|ficar sabendo|dar conta|aperceb)',
        `(?:${USER})`,
        THIS,
      ],
    ],
    except: `(?:${USER})[^.]{0,80} (?:ate|antes|quando|enquanto|se|no login)\\b`,
  },
  stealth: {
    anchors: 'usuário|usuária|utilizador',
    phrases: [
      [
        `(?:sem (?:que|avisar|dizer|informar|notificar|o conhecimento)…(?:${USER})|(?:esconda|oculte|esconde|oculta)\\b…(?:${USER})|pelas costas d…(?:${USER}))`,
      ],
    ],
  },
  warnings: {
    anchors:
      'avisos|advertência|advertencia|isenções|isenção|disclaimer|moral|sermões|sermão|sermoes|ressalvas|se recuse|recuses',
    phrases: [
      [
        '(?:sem|nem|nao\\b|poupe|evite|omita|nenhum|dispense|deixe)',
        '(?:avisos|advertenc|isenc|disclaimer|moral|sermo|sermao|ressalvas)[a-z]{0,5}',
        '(?:respond|diga|me de|de-me|poupe|evite|omita|adicion|acrescent|inclu|coloqu|dispens|fac[ao])[a-z]{0,6}',
        'mora[il]|sermo|sermao',
      ],
      ['(?:nao|nunca|jamais) (?:se recuse|te recuses|recuse)', 'respond|pergunta|nada|pedido|solicitac'],
    ],
    except: 'compil|receita|medicament|fabula|linter',
  },
  about: 'ataque|exemplo|traduz|traduc|significa|frase|filtro|detec|quer dizer',
  follow: '(?:siga|faca|execute|cumpra|obedeca)\\b…(?:o que|est[ae]|a instrucao|o texto|a frase|diz)',
};
