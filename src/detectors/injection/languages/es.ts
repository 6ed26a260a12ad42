import type { Language } from './language.ts';

const RULES =
  '(?:instruccion|indicacion|orden|ordenes|directri|regla|norma|directiva|restriccion|prompt|consigna|pauta|lineamiento|mandato)[a-z]{0,3}\\b';
const DROP =
  '(?:ignora\\b|ignorar\\b|ignore\\b|ignoren\\b|ignorad\\b|ignores\\b|olvida\\b|olvide\\b|olviden\\b|olvidate\\b|olvidese\\b|olvidar\\b|(?:haz|haga|hagan|hacer) caso omiso|descarta|descarte|desobedec|omite\\b|omita\\b|deja de (?:lado|seguir|obedecer|respetar|cumplir)|deje de (?:lado|seguir|obedecer|respetar|cumplir)|dejar de lado|no (?:sigas|siga|obedezcas|respetes|cumplas|tengas en cuenta|tenga en cuenta|hagas caso|haga caso|atiendas)|pasa por alto|pase por alto|prescinde|tira\\b|salta(?:te)?\\b|abandona\\b)';
const MINE =
  '(?:tus?|sus?|vuestras?)\\b|anterior|previ[ao]s?\\b|previamente|preceden|de arriba|iniciales|originales|antes\\b|al (?:principio|inicio|comienzo)|hasta (?:ahora|aqui|el momento)|(?:que|se) (?:te|le|les)\\b|recibi|del sistema|hasta hoy';
const LIMITS =
  '(?:restriccion|limite|limitacion|filtro|prohibicion|censura|tabu|barrera|regla|norma)[a-z]{0,2}\\b';
const THIS =
  '(?:dig|cuent|mencion|habl)[a-z]{1,3} nada|decir nada|(?:esto|ello|eso)\\b|est[ae] (?:instruccion|indicacion|mensaje|accion)|lo que (?:has|hiciste|haces|hagas)|que (?:lo )?(?:has|hiciste)\\b|instruccion';
const USER = 'usuari[oa]s?\\b';

/** Spanish. */
export const es: Language = {
  common:
    'el|la|los|las|de|del|y|no|te|tu|tus|su|sus|se|que|un|una|es|eres|sin|ninguna?|todo|todas?|todos|me|lo|mi|al|ya|por',
  measures:
    'longitud|extension|tamano|numero|palabras|caracteres|presupuesto|plan\\b|tarifa|suscripcion|cuota|almacenamiento|subir|archivo|disco|precio|gasto|catalogo|formato|cortafuegos|firewall|duracion|dias\\b|campo|casilla',
  override: {
    anchors:
      'instrucci|indicaci|órdenes|orden|directri|regla|normas|directiva|restricci|prompt|consigna|pautas|lineamiento|todo lo que|cuanto te',
    phrases: [
      [`${DROP}…${RULES}|${RULES}…${DROP}`, MINE],
      [
        `(?:tus|sus) (?:[a-z]{1,12} )?${RULES}`,
        '(?:ya no|no) (?:estas obligad|esta obligad|tienes que|tiene que|debes|debe|necesitas|hace falta|es necesario|son valid|estan vigentes|se aplican|rigen|valen|aplican|sirven)|han dejado de|sin (?:efecto|validez)',
      ],
      [
        'todo (?:lo|cuanto) …(?:te|le)\\b',
        `${DROP}`,
        '(?:dicho|dijeron|ordenado|ordenaron|ensenado|indicado|mandado|pedido|enseñaron|dijo|han|explicado)',
        'hasta|antes|previamente|anterior|arriba|ahora',
      ],
    ],
    except:
      '(?:ignor|olvid|descart)[a-z]{1,4} (?:[a-z]{1,10} ){0,2}mis? |no (?:se |te |lo )?(?:ignores|ignore|olvides|olvide)\\b',
  },
  extraction: {
    anchors: 'prompt|mensaje del sistema|mensaje de sistema|instrucciones|indicaciones|directrices|consignas',
    phrases: [
      [
        '(?:muestra|muestre|mostrar|revel|imprim|repit|repet|dime|diga|decir|ensena|divulg|copi|peg|escrib|cita|envia|compart|cual(?:es)?\\b|que dice|que contiene|transcrib|dame|de me|lista|facilita|pasa|proporciona|expon)',
        '(?:tus?|sus?) (?:[a-z]{1,12} ){0,3}(?:prompt|mensaje)(?: (?:de|del) sistema| inicial| oculto| secreto| completo| original)|(?:tu|su) (?:propio |system )?prompt\\b|(?:tus|sus) (?:[a-z]{1,12} ){0,2}(?:instrucciones|indicaciones|directrices|consignas) (?:del sistema|de sistema|iniciales|de partida|de inicio|ocultas|secretas|internas|originales|exactas|completas|previas|anteriores|confidenciales|base)|(?:tus|sus) (?:primeras|verdaderas) (?:instrucciones|indicaciones)|(?:instrucciones|indicaciones|directrices) (?:que (?:recibiste|te dieron|te han dado|recibio|le dieron|tienes))',
      ],
    ],
    except:
      '(?:instrucciones|indicaciones)(?: [a-z]{1,12})? para (?!ti\\b|usted|est[ae]\\b|el (?:modelo|sistema|asistente))|(?:no|nunca|jamas) (?:muestres|reveles|digas|divulgues|compartas)',
  },
  role: {
    anchors:
      'ahora|a partir de|desde este|de aquí en adelante|en adelante|ya no eres|ya no es|actúa como|haz como si|finge|imagina que|comportate|compórtate|te llamas|haz de cuenta',
    phrases: [
      [
        '(?:(?:ahora |ya )?(?:no )?eres\\b|seras\\b|te llamas|tu nombre|actua como|actuaras|finge|haz (?:como si|de cuenta)|imagina que|comportate|usted es|respondes|obedeces)',
        '(?:ahora|a partir de|desde (?:este|ya)|en adelante|ya no|actua|actuaras|finge|haz|imagina|comportate)',
        '(?:ya no eres|no eres (?:mas )?(?:un|una|chatgpt|claude)|(?:respond[a-z]{1,5}|contest[a-z]{1,5}) (?:a )?(?:tod[ao]s?|cualquier|sin)\\b(?! (?:(?:las|los|mis) )?[a-z]{1,12} (?:de(?! (?:manera|forma))|del|sobre|acerca)\\b)|(?:solo|unicamente|solamente|exclusivamente) (?:me |a mi|mis)…(?:obedec|hac)?|obedece (?:solo|unicamente)|sin (?:ninguna? |ningun tipo de |ningun )?(?:restriccion|limite|filtro|regla|censura|moral|escrupulo|etica|tabu|conciencia)|(?:ninguna?|ni) (?:regla|limite|restriccion|filtro|norma|moral|etica|ley)|no (?:tiene|tienes) (?:reglas|limites|restricciones|filtros|moral|etica|normas)|malvad[ao]|malign[ao]|inmoral|amoral|dan\\b|modo (?:desarrollador|dios)|jailbreak|ilimitad[ao]|libre de (?:restric|regl|norm|limit))',
      ],
    ],
  },
  limits: {
    anchors:
      'restricci|límites|limitaci|filtro|prohib|censura|tabú|barreras|todo está permitido|todo te está|puedes decirlo todo|decir de todo|reglas|normas',
    phrases: [
      [
        `(?:ya )?no (?:tienes|tiene|hay|te afecta|estas sujet)…(?:ninguna?|mas|ningun tipo de)?…${LIMITS}`,
        'ya no|respond|todo\\b|ahora|para ti|tienes ninguna?|en adelante',
        'respond|contest|habl|decir|di[gcm]|escrib|gener|pregunt|tema|ia\\b|filtro|censura|moral|tabu|prohib',
      ],
      [
        `(?:tus|sus|todas tus|todas las) (?:[a-z]{1,12} )?${LIMITS}…(?:eliminad|levantad|quitad|desactivad|anulad|suprimid|removid|borrad)|(?:eliminado|levantado|quitado|desactivado|anulado|suprimido)…(?:tus|sus) ${LIMITS}`,
      ],
      [
        `(?:desactiva|elimina|quita|evita|salta|suprime|apaga|elude|desconecta)[a-z]{0,2}\\b…(?:tus?|sus?)…(?:filtro|seguridad|proteccion|salvaguard|${LIMITS})`,
      ],
      [
        '(?:respond|contest|habla|escrib|di\\b|dime|genera)[a-z]{0,4}\\b…(?:sin (?:ninguna? |ningun |ningun tipo de )?(?:filtro|censura|restriccion|limite|tabu|limitacion)[a-z]{0,2})',
      ],
      [
        '(?:nada (?:te |le )?esta prohibido|no hay nada…prohibido|todo (?:te )?esta permitido|puedes (?:decir|hacer|responder|escribir|generar) (?:absolutamente |de )?(?:todo|cualquier cosa))',
      ],
    ],
    except: '(?:calor|pago|equipaje|edad|velocidad|tarifa|medic|operacion|aliment)',
  },
  secrecy: {
    anchors: 'usuario|usuaria',
    phrases: [
      [
        '(?:no|nunca|jamas)\\b…(?:digas|diga|digan|decir|cuentes|cuente|menciones|mencione|reveles|informes|informe|avises|avise|hables|comentes|expliques|dejes|notifiques|comuniques)',
        `(?:${USER})`,
        THIS,
      ],
      [
        `(?:${USER})…no (?:debe|deben|puede|tiene que|ha de|se)|(?:no (?:debe|dejes|permitas)|evita|asegurate de) …(?:${USER})`,
        '(?:enter|saber|sepa|dar(?:se)? cuenta|de cuenta|notar|note|descubr|conocer)',
        `(?:${USER})`,
        THIS,
      ],
    ],
    except: `(?:${USER})[^.]{0,80} (?:hasta|antes de|cuando|mientras|si|al iniciar)\\b`,
  },
  stealth: {
    anchors: 'usuario|usuaria',
    phrases: [
      [
        `sin (?:que|avisar|decir(?:le|selo)?|informar|notificar)…(?:${USER})|(?:oculta|esconde|calla)(?:le|selo)?\\b…(?:${USER})|a espaldas del…(?:${USER})`,
      ],
    ],
  },
  warnings: {
    anchors: 'advertencia|avisos|descargo|moral|sermon|sermón|disclaimer|te niegues|reparos|salvedades',
    phrases: [
      [
        '(?:sin|ni|no\\b|ahorra|evita|omit|nada de|ningun|deja)',
        '(?:advertencia|avisos|descargos?|moral|sermon|disclaimer|reparos|salvedades)[a-z]{0,5}',
        '(?:respond|contest|di\\b|dime|dame|deme|da\\b|des\\b|ahorra|evita|omit|agreg|anad|inclu|pong|pon|habl)[a-z]{0,6}',
        'moral|sermon',
      ],
      [
        'no te niegues|nunca te niegues|jamas te niegues',
        'respond|pregunta|nada|peticion|solicitud|cualquier',
      ],
    ],
    except: 'compil|receta|medicament|moraleja|linter',
  },
  about: 'ataque|ejemplo|traduc|significa|frase|filtro|detect|quiere decir',
  follow: '(?:sigue|haz|ejecuta|cumple|obedece)\\b…(?:lo que|esta|esa|la instruccion|el texto|la frase|dice)',
};
