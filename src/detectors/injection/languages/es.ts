import type { Language } from './language.ts';

/** Spanish. */
export const es: Language = {
  drop: 'ignora[r]?|ignore|ignoren|olvida(?:te de)?|olv[ií]date de|olvide|haz caso omiso de|haga caso omiso de|descarta|desobedece|no sigas|omite',
  whose:
    'anterior(?:es)?|previ[ao]s?|precedentes?|de arriba|arriba|iniciales?|originales?|dado|dieron|tus|del sistema',
  rules:
    '(?:instrucci[oó]n(?:es)?|indicaci[oó]n(?:es)?|[oó]rden(?:es)?|directri(?:z|ces)|reglas?|normas?|directivas?|restricci[oó]n(?:es)?)',
  show: 'mu[eé]stra(?:me|nos)?|rev[eé]la(?:me)?|imprime|repite|dime|ens[eé][nñ]a(?:me)?|divulga',
  prompt:
    '(?:tu|tus|su|sus)[\\s-]{1,3}(?:[a-zñáéíóú]{1,20}[\\s-]{1,3}){0,2}(?:prompt del? sistema|mensaje del? sistema|instrucciones (?:del sistema|iniciales|ocultas|secretas)|prompt (?:inicial|oculto|secreto)|indicaciones del sistema)',
  small: 'todas?|todos?|las?|los?|el|de|tus?|sus?|estas?|que|te|se|han|y|o|cualquier|me',
  overrideAnchors: 'ignor|olv|haz caso|haga caso|descarta|desobedece|no sigas|omite',
  extractionAnchors: 'muéstra|muestra|revela|revéla|imprime|repite|dime|enséñ|ensen|enseñ|divulga',
  role: { youAreNow: 'ahora eres', unrestricted: 'sin (?:restricciones|filtros|l[ií]mites|censura|reglas)' },
};
