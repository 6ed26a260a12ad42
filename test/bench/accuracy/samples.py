"""Prints personal data, one JSON object a line: {"kind", "part", "value", "region"?, "national"?}. The same in every run."""

import json

import phonenumbers
from faker import Faker
from phonenumbers import PhoneNumberFormat, PhoneNumberType

MANY = 100
CARDS = ["visa16", "visa19", "visa13", "mastercard", "amex", "discover", "diners", "jcb16", "jcb15", "maestro"]
EMAILS = ["en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "ja_JP"]
IBANS = "de_DE it_IT es_ES nl_NL en_GB tr_TR de_CH de_AT el_GR fi_FI no_NO fr_FR pt_PT pl_PL".split()
PHONES = (
    "es_ES ko_KR nl_NL ja_JP fr_FR en_GB pt_BR de_DE en_CA it_IT ru_RU pl_PL tr_TR da_DK sv_SE en_AU cs_CZ en_US en_IN zh_CN"
).split()


def put(kind, part, value, **more):
    print(json.dumps({"kind": kind, "part": part, "value": value, **more}))


def faker(locale):
    made = Faker(locale)
    made.seed_instance(7)
    return made


english = faker("en_US")
for _ in range(MANY):
    for card in CARDS:
        put("card", card, english.credit_card_number(card))
for _ in range(3 * MANY):
    put("IP", "v4", english.ipv4_public())
    put("IP", "v6", english.ipv6())
    put("MAC", "", english.mac_address())
    put("SSN", "SSN", english.ssn())
for _ in range(MANY):
    put("SSN", "ITIN", english.itin())
for locale in EMAILS:
    made = faker(locale)
    for _ in range(MANY):
        put("e-mail", locale, made.email())
        put("e-mail", locale, made.company_email())
for locale in IBANS:
    made = faker(locale)
    for _ in range(MANY):
        put("IBAN", locale[-2:], made.iban())
for locale in PHONES:
    made = faker(locale)
    for _ in range(MANY):
        put("phone of Faker", locale[-2:], made.phone_number(), region=locale[-2:])

for region in sorted(phonenumbers.SUPPORTED_REGIONS):
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        put("phone", region, international, region=region, national=national)
