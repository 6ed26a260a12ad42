/** Something that words before a number say of it. */
export type Topic = 'card' | 'phone' | 'contact' | 'id' | 'version' | undefined;

const words = (list: string) => list.split(' ');

const TOPICS = new Map<string, Exclude<Topic, undefined>>([
  ...words(
    'card cards luhn creditcard debitcard bankcard cardnumber cardno ccn cc pan visa mastercard maestro amex diners discover jcb unionpay rupay mir elo verve troy karte karten kreditkarte kreditkartennummer kartennummer kartennr carte cartes tarjeta tarjetas carta cartão cartao kaart karta karty kartę kort kart карта карты карте картой карту',
  ).map((word) => [word, 'card'] as const),
  ...words(
    'tel telefon telefonnummer telephone phone phones phonenumber mobile mob cell cellphone cellular handy handynummer mobil mobilnummer rufnummer fax telefax call calls ring whatsapp signal sms dial hotline teléfono telefono móvil movil celular téléphone portable cellulare telefone telemóvel telefoon puhelin telefón тел телефон',
  ).map((word) => [word, 'phone'] as const),
  ...words(
    'contact contacts kontakt contacto contatto contato customer client kunde payment pay pays paying paid charge charged billing checkout purchase reach',
  ).map((word) => [word, 'contact'] as const),
  ...words(
    'id ids uid uuid guid gid oid pid rid tid orderid userid requestid messageid order orders orderno po invoice invoices rechnung rechnungsnummer bestellung bestellnummer bestellnr auftrag auftragsnummer auftragsnr sendung sendungsnummer sendungsnr paket tracking track trackingnumber parcel shipment shipping awb waybill consignment ean gtin upc isbn issn barcode barcodes code codes sku article artikel artikelnummer product produkt serial seriennummer sn imei imeisv imsi meid iccid esn asset ticket tickets case ref reference referenz aktenzeichen booking reservation pnr request req trace span session tweet status snowflake guild channel thread event job task build run commit timestamp timestamps ts epoch date millis ms ns seed hash checksum crc size bytes length offset count total counter sequence seq transaction txn batch lot license licence device node index row doc document file isin lei duns vat commande facture colis suivi pedido factura envío envio seguimiento ordine fattura spedizione zamówienie заказ заказа arn aws zip zipcode art az teil vde cusip postcode postal plz cap cep',
  ).map((word) => [word, 'id'] as const),
  ...words(
    'version versions firefox chrome chromium safari edge opera electron table figure fig tabelle abbildung ver v release rev revision section sections sec chapter clause appendix annex paragraph abschnitt kapitel rfc build firmware driver upgrade downgrade python node java kernel',
  ).map((word) => [word, 'version'] as const),
]);

/** Words without blanks between them. */
const WITHOUT_BLANKS: readonly (readonly [RegExp, Exclude<Topic, undefined>])[] = [
  [/(?:卡|卡号|カード|カード番号|카드|카드번호)$/, 'card'],
  [/(?:电话|手机|電話|携帯|号码|전화|휴대폰)$/, 'phone'],
  [/(?:订单|订单号|单号|注文番号|郵便番号|邮编|邮政编码|우편번호|주문번호)$/, 'id'],
];

const WORD = /(?<!\d)(?:\p{Lu}?\p{Ll}+|[\p{L}\p{M}]+)/gu;
const REACH = 64;
const MOST_WORDS = 4;

/** Words that may stand between the name of a number and the number itself. */
const LINKS = new Set(
  words('number numbers no nr num nummer numero número numéro value key code is was are and'),
);
/** Of these the name stands beside the number: elsewhere in a sentence they are words as any. */
const MUST_STAND_BESIDE: ReadonlySet<Topic> = new Set<Topic>(['id', 'version']);

/** True of signs that may stand between values of one list. */
const isBetween = (unit: string) => /[\d\s,;'"]/.test(unit);

/**
 * The topic of the nearest word before a number that has one, among those given. Words of another line do not count, unless
 * the number begins its own; nor do those of another field. In a list of numbers the words before the first one count.
 */
export function topicBefore(text: string, at: number, topics: readonly Topic[]): Topic {
  const least = Math.max(0, at - REACH);
  let end = at;
  // At most one end of a line
  for (let lines = 0; end > least && isBetween(text[end - 1]!); end--) {
    if (text[end - 1] === '\n' && ++lines > 1) break;
    if (lines > 0 && /\d/.test(text[end - 1]!)) return undefined;
  }
  const before = text.slice(least, end);
  const field = before.slice(Math.max(...[...'\n,;{}'].map((sign) => before.lastIndexOf(sign))) + 1);
  const last = [...field.matchAll(WORD)].slice(-MOST_WORDS).reverse();
  const lastEnd = last[0] === undefined ? 0 : last[0].index + last[0][0].length;
  let isDirect = !/\d/.test(field.slice(lastEnd));
  for (const [written] of last) {
    const word = written.toLowerCase();
    const topic = TOPICS.get(word) ?? WITHOUT_BLANKS.find(([expression]) => expression.test(word))?.[1];
    if (topic !== undefined && topics.includes(topic) && (isDirect || !MUST_STAND_BESIDE.has(topic)))
      return topic;
    isDirect &&= LINKS.has(word);
  }
  return undefined;
}
