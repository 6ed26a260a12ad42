"""Presidio's analyzer and anonymizer over HTTP, with its pattern recognizers and no language model."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import spacy
from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from presidio_analyzer.predefined_recognizers import PhoneRecognizer


class Blank(NlpEngine):
    def __init__(self):
        self.nlp = {"en": spacy.blank("en")}
        self.engine_name = "blank"

    def load(self):
        pass

    def is_loaded(self):
        return True

    def process_text(self, text, language):
        doc = self.nlp[language](text)
        words = [token.text.lower() for token in doc]
        return NlpArtifacts([], doc, [t.idx for t in doc], words, self, language)

    def process_batch(self, texts, language, **_):
        return [(text, self.process_text(text, language)) for text in texts]

    def is_stopword(self, word, language):
        return False

    def is_punct(self, word, language):
        return False

    def get_supported_entities(self):
        return []

    def get_supported_languages(self):
        return ["en"]


nlp = Blank()
registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
registry.recognizers = [r for r in registry.recognizers if isinstance(r, (PatternRecognizer, PhoneRecognizer))]
analyzer = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])


def analyze(body):
    text, language = body.get("text"), body.get("language")
    if not text:
        raise ValueError("No text provided")
    if not language:
        raise ValueError("No language provided")
    asked = {k: body[k] for k in ("entities", "score_threshold", "allow_list", "context") if body.get(k) is not None}
    one = lambda t: [
        {"entity_type": r.entity_type, "start": r.start, "end": r.end, "score": r.score}
        for r in analyzer.analyze(text=t, language=language, **asked)
    ]
    return [one(t) for t in text] if isinstance(text, list) else one(text)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.reply(200, "Presidio is up") if self.path == "/health" else self.reply(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/analyze":
            return self.reply(404, {})
        try:
            self.reply(200, analyze(json.loads(body)))
        except Exception as error:
            self.reply(500, {"error": str(error)})

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
