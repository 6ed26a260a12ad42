import { lazily } from '../lazily.ts';

/**
 * For each Latin letter what looks like it, after NFKC and without accents. Scripts written from right to left are left
 * out. Facts of Unicode 17.0: the letters whose skeleton is one ASCII letter, and by their names small capitals, letters
 * with a stroke or hook, white letters on black and regional indicators.
 *
 * @see https://www.unicode.org/reports/tr39/#Confusable_Detection (UTS #39, confusables.txt)
 */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  A: 'ȺΑАᎪᗅꓮ𐊠𖽀🅐🅰🇦',
  B: 'ƁɃΒВᏴᗷⲂꓐꞖꞴ𐊂𐊡𐌁🅑🅱🇧',
  C: 'ƇȻСҪᏟⲤꓚꞒꟄ𐊢𐌂𐐕𐔜𑣩𑣲🅒🅲🇨',
  D: 'ÐĐƉƊƋᎠᗞᗪꓓꟇ🅓🅳🇩',
  E: 'ɆΕЕᎬⴹꓰ𐊆𑢦𑢮🅔🅴🇪',
  F: 'ƑϜᖴꓝꞘ𐊇𐊥𐔥𑢢𑣂🅕🅵🇫',
  G: 'ƓǤԌᏀᏳꓖꞠ🅖🅶🇬',
  H: 'ĦΗНҢӇӉᎻᕼⱧⲎꓧꞪ𐋏🅗🅷🇭',
  I: 'ƖƗΙІӀⲒ🅘🅸🇮',
  J: 'ɈͿЈᎫᒍꓙꞲ🅙🅹🇯',
  K: 'ƘΚКҚҞᏦᛕⱩⲔꓗꝀꝂꝄꞢ𐔘🅚🅺🇰',
  L: 'ŁȽᏞᒪⱠⱢⳐꓡꝈꞭ𐐛𐔦𑢣𑢲𖼖🅛🅻🇱',
  M: 'ΜϺМӍᎷᗰᛖⱮⲘꓟ𐊰𐌑🅜🅼🇲',
  N: 'ƝȠΝⲚꓠꞐꞤ𐔓🅝🅽🇳',
  O: 'ØƟΘΟθОѲӨՕଠ೦ዐᎾᏫ⍬ⲐⲞⴱⵁⵔ〇ꓳꝊꝌ𐊒𐊫𐐄𐓂𐔖𑢵𑣠🅞🅾🇴',
  P: 'ƤΡРᏢᑭⱣⲢⳎꓑꝐꝒꝔ𐊕🅟🅿🆊🇵',
  Q: 'ⵕꝖꝘ🅠🆀🇶',
  R: 'ƦɌᎡᏒᖇⱤꓣꞦ𐒴𖼵🅡🆁🇷',
  S: 'ЅՏᏕᏚⱾꓢꞨꟅꟉ𐊖𐐠𖼺🅢🆂🇸',
  T: 'ŦƬƮȾΤТҬᎢ⍡Ⲧꓔ𐊗𐊱𐌕𑢼𖼊🅣🆃🇹',
  U: 'ɄՍሀᏌᑌꓴꞸ𐓎𑢸𖽂🅤🆄🇺',
  V: 'ƲѴ۷ᏙᐯⴸꓦꛟꝞ𐔝𑢠𖼈🅥🆅🇻',
  W: 'ԜᎳᏔⱲꓪ𑣦𑣯🅦🆆🇼',
  X: 'ΧХҲᚷⲬⵝꓫꞳ𐊐𐊴𐌗𐌢𐔧𑣬🅧🆇🇽',
  Y: 'ƳɎΥУҮҰᎩᎽỾⲨꓬ𐊲𑢤𖽃🅨🆈🇾',
  Z: 'ƵȤΖᏃⱫⱿꓜꟆ𐋵𑢩𑣥🅩🆉🇿',
  a: 'ɑαаᴀᶏ⍶⍺ⱥ',
  b: 'ƀƂƃƄɓʙБЬѢѣҌҍᏏᑲᑳᖯᵬᶀꞗ',
  c: 'ƈȼɕсҫငၚᴄⲥꞓꞔꮯ𐐽𝼝',
  d: 'đƌȡɖɗԁᏧᑯᴅᵭᶁᶑꓒꟈ',
  e: 'ɇеҽҿᴇᶒ℮ⱸꬲꬴ',
  f: 'ƒքᵮᶂẝꜰꞙꬵ',
  g: 'ƍǥɠɡɢցᶃꞡ',
  h: 'ħɦʜћһհᏂᏲⱨꚕꞕ',
  i: 'ıɨɩɪιіւᎥᵻᵼᶖ⍳⍸ⲓꙇꭵ𑣃𝼚',
  j: 'ȷɉɟʄʝϳјᴊ',
  k: 'ƙᴋᶄⱪꝁꝃꝅꞣ',
  l: 'łƚǀȴɫɬɭʟӏ۱ᛁᶅⱡⵏꓲꝉꞎꬷꬸꬹ𐊊𐌉𐌠𖼨𝼑𝼓',
  m: 'ɱᴍᵯᶆꬺ𑜀𑣣',
  n: 'ŋƞȵɲɳɴηղոռᵰᶇꞑꞥꬻ',
  o: 'øɵοσϭоѳөօ۵०০੦૦୦௦౦ഠ൦๐໐ဝ၀ჿ០ᴏᴑⱺⲑⲟꝋꝍꬽꬾꭴꮎꮻ𐐬𐓪𑓐𑣈𑣗𝼛',
  p: 'þƥƿρϸрᴘᵱᵽᶈ⍴ⲣⳏꝑꝓꝕ',
  q: 'ɋʠԛգզꝗꝙꞯ',
  r: 'ɍɼɽɾʀгғᴦᵲᵳᶉⲅꞧꭇꭈꭉꮁ𝼖',
  s: 'ƽȿʂѕടᵴᶊꜱꞩꟊꮪ𐑈𑣁𝼞',
  t: 'ŧƫƭȶʈᴛᵵⱦ𝼉',
  u: 'ʋυџսᴜᵾᶙꞟꞹꭎꭒꮜ𐓶𑣘',
  v: 'νѵᴠⱱⱴꝟꮩ𑜆𑣀',
  w: 'ɯшѡԝաᴡⱳⲽꝡꮃ𑓅𑜊𑜎𑜏',
  x: 'хᕁᕽᶍꭖꭗꭘꭙ',
  y: 'ƴɏɣʏγуүұყᶌỿⲩꭚ𑣜',
  z: 'ƶȥɀʐʑᴢᵶᶎⱬꮓ𑣄',
};

/** The same for the signs that paths are made of, beside the wide forms of all of ASCII. */
const SIGN_ALIKES: Readonly<Record<string, string>> = {
  '.': '\u2024\ufe52',
  '/': '\u2044\u2215\u29f8',
  '\\': '\u2216\u29f5\u29f9\ufe68',
  '%': '\ufe6a',
};

/** The Latin letters by what looks like them. */
export const latinByAlike = lazily((): ReadonlyMap<string, string> => {
  const alikesOf = Object.entries(LOOK_ALIKES);
  return new Map(alikesOf.flatMap(([letter, alikes]) => [...alikes].map((alike) => [alike, letter])));
});

const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;

/** True if a character cannot be seen. */
export function isInvisible(letter: string): boolean {
  return INVISIBLE.test(letter);
}

/** The ASCII sign that a UTF-16 unit is a wide form of, or looks like in a path; else the unit itself. */
export function signOf(unit: number): number {
  if (unit >= 0xff01 && unit <= 0xff5e) return unit - 0xfee0;
  const letter = String.fromCharCode(unit);
  const sign = Object.keys(SIGN_ALIKES).find((sign) => SIGN_ALIKES[sign]?.includes(letter));
  return sign?.charCodeAt(0) ?? unit;
}
