/**
 * Samples of each kind of personal data, and texts that only look like it. By Presidio's name. Where words before make
 * the difference, «» stand round what is found.
 */
export const personalSamples: Readonly<
  Record<string, { finds: readonly string[]; passes: readonly string[] }>
> = {
  EMAIL_ADDRESS: {
    finds: [
      'dana.moreau+x@mail.example.com',
      'jürgen@exämple.de',
      `${'x'.repeat(64)}@b.example`,
      "o'neill@a-b.co.example",
    ],
    passes: ['@decorator', 'pkg@1.2.3', 'image@2x.png', 'x@y', 'Monday @ noon', '@@', 'a@.example', 'a@b.1'],
  },
  PHONE_NUMBER: {
    finds: [
      '+49 30 1234567',
      '+1 (415) 555-2671',
      '+14155552671',
      '(415) 555-2671',
      '415-555-2671',
      '415.555.2671',
      '1-415-555-2671',
      '1 (415) 555-2671',
      '06 12 34 56 78',
      '020 7946 0958',
      '0171/1234567',
    ],
    passes: [
      '+12',
      '300-400',
      '1 + 2 = 3',
      '01-02-2024',
      '1795244878858',
      '115-555-2671',
      '0.0171 12345',
      '4155552671',
    ],
  },
  CREDIT_CARD: {
    finds: [
      '4111111111111111',
      '4111 1111 1111 1111',
      '5500-0000-0000-0004',
      '6011.1111.1111.1117',
      '4222222222222',
      '378282246310005',
      '3782 822463 10005',
      '6304 0000 0000 0000 000',
    ],
    passes: ['4111 1111 1111 1112', '0.4111111111111111', '1795244878858', '41111111111111110000'],
  },
  CARD_CODE: {
    finds: ['CVV: «123»', 'cvc «4321»', '"cvv2":"«123»"', 'card security code is «123»'],
    passes: ['cvv', 'cvv: 12', 'cvv: 12345', 'code: 123', 'mycvv: 123'],
  },
  IBAN_CODE: {
    finds: [
      'DE89370400440532013000',
      'GB82 WEST 1234 5698 7654 32',
      'BE68 5390 0754 7034',
      'de89 3704 0044 0532 0130 00',
      'NO93 8601 1117 947',
    ],
    passes: ['DE89370400440532013001', 'DE88 3704 0044 0532 0130 00', 'XX89370400440532013000', 'AB12'],
  },
  US_SSN: {
    finds: ['123-45-6789', '123 45 6789'],
    passes: [
      '000-12-3456',
      '666-12-3456',
      '123-00-4567',
      '123-45-0000',
      '123-45 6789',
      '1-123-45-6789',
      '123456789',
    ],
  },
  US_ITIN: {
    finds: ['912-70-1234', '999 88 1234', '900-55-0000'],
    passes: ['912-69-1234', '912-93-1234', '912-70-12345'],
  },
  IP_ADDRESS: {
    finds: [
      '203.0.113.7',
      '255.255.255.255',
      '2001:db8::8a2e:370:7334',
      'fe80::1',
      '::ffff:203.0.113.7',
      '2001:db8:1:2:3:4:5:6',
    ],
    passes: [
      'v1.2.3.4',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      'std::vector<int>',
      'a[::2]',
      'A::B',
      'b::c',
      '12:30:45.123',
      'key: 12',
    ],
  },
  MAC_ADDRESS: {
    finds: ['00:1a:2b:3c:4d:5e', '00-1A-2B-3C-4D-5E'],
    passes: ['00:1a:2b:3c:4d', '00:1a:2b-3c:4d:5e', '00:1a:2b:3c:4d:5e:6f', '12:30:45'],
  },
  CRYPTO: {
    finds: [
      '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
      '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy',
      'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
      'BC1P0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQZK5JJ0',
      '0x52908400098527886E0F7030069857D2E4169EE7',
    ],
    passes: [
      '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb',
      'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp',
      'bc1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ',
      '0x52908400098527886E0F7030069857D2E4169EE',
    ],
  },
  UK_NHS: {
    finds: ['943 476 5919', 'NHS number: «9434765919»', 'nhs «943-476-5919»'],
    passes: ['943 476 5918', '9434765919', 'NHS number: 9434765918'],
  },
  UK_NINO: {
    finds: ['AB123456C', 'AB 12 34 56 C'],
    passes: ['QQ123456C', 'GB123456C', 'AB123456E', 'ab123456c', 'XAB123456C'],
  },
  IN_PAN: { finds: ['ABCPE1234F'], passes: ['ABCXE1234F', 'ABCPE12345', 'abcpe1234f'] },
  IN_AADHAAR: {
    finds: ['2341 2341 2346', '2341-2341-2346'],
    passes: ['2341 2341 2347', '234123412346', '1341 2341 2346'],
  },
  ES_NIF: { finds: ['12345678Z', '12345678-Z'], passes: ['12345678A', '12345678', '012345678Z'] },
  IT_FISCAL_CODE: { finds: ['RSSMRA85T10A562S'], passes: ['RSSMRA85Z10A562S', 'RSSMRA85T99A562S'] },
  MEDICAL_RECORD_NUMBER: {
    finds: [
      'MRN: «00123456»',
      'medical record number «A-123456»',
      '"mrn":"«123456»"',
      'medical_record_id = «99887766»',
    ],
    passes: ['MRN', 'MRN: 12', 'medical record of 2024', 'amrn: 123456'],
  },
  HEALTH_INSURANCE_ID: {
    finds: ['member id: «ABC123456789»', 'insurance number «123456789»', '"subscriber_id":"«A12345678»"'],
    passes: ['member id', 'a member of 123456789', 'insurance no. 123'],
  },
  US_MBI: {
    finds: ['1EG4-TE5-MK73', '1EG4TE5MK73'],
    passes: ['1SG4-TE5-MK73', '0EG4-TE5-MK73', '1eg4te5mk73'],
  },
  US_NPI: { finds: ['1234567893'], passes: ['1234567890', '3234567893', '12345678930'] },
  MEDICAL_LICENSE: { finds: ['AB1234563', 'F91234563'], passes: ['AB1234560', 'NB1234563', 'ABC1234563'] },
};
