"""What VLM servers are known to do, as tables: what is believed, what is not, faults that pass, faults that last."""

import json

from fake_ollama import MODEL, Answer, Model
from fake_ollama_says import WORDS
from urbextag.vlm.template import load_template
from vlm_answers import answer
from vlm_place import NAME

SAID = answer(description="A long corridor with tiled walls.", readable_text=["WARD 7B", "DANGER"], era_hints=[])
SAID["enhanced_tags"] = SAID["enhanced_tags"][1:]
GOOD = json.dumps(SAID, ensure_ascii=False)
CAP = 1500
PROMPT = load_template(None).prompt
PAGE = b"<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><body>hello</body></html>"


def says(**changes):
    return json.dumps(SAID | changes)


def guess(**changes):
    return says(abandonment_estimate=SAID["abandonment_estimate"] | changes)


def tag(name, **changes):
    return {"tag": name, "facet": "object", "evidence": "at left", "confidence": "likely"} | changes


# Believed at once: (the answer, where it stood, what of it is not kept)

BELIEVED = {
    "as it should be": (Answer(content=GOOD), "content", ""),
    "all in the reasoning": (Answer(content="", thinking=GOOD), "thinking", ""),
    "all in the reasoning, content null": (
        Answer(more={"message": {"role": "assistant", "content": None, "thinking": GOOD}}),
        "thinking",
        "",
    ),
    "half in the content, whole in the reasoning": (Answer(content=GOOD[:90], thinking=GOOD), "thinking", ""),
    "reasoning beside the content": (Answer(content=GOOD, thinking="Okay, let me look."), "content", ""),
    "fenced": (Answer(content=f"```json\n{GOOD}\n```"), "content", ""),
    "fenced, end lost": (Answer(content=f"```\n{GOOD}", done_reason="length"), "content", ""),
    "byte order mark and blanks": (Answer(content=f"\ufeff \n{GOOD}\n\n"), "content", ""),
    "last brace lost": (Answer(content=GOOD[:-1], done_reason="length"), "repaired", ""),
    "more fields around it": (Answer(content=GOOD, more={"context": [1], "load_duration": "x"}), "content", ""),
    "slow first token": (Answer(content=GOOD, delay=0.7), "content", ""),
    "name in other letters": (Answer(content=GOOD, model=MODEL.upper()), "content", ""),
    "known tags again": (
        Answer(
            content=says(enhanced_tags=[tag("Peeling Paint"), *SAID["enhanced_tags"], tag(NAME), tag("bed frames")])
        ),
        "content",
        "'Peeling Paint', which was known already.*known already.*'bed frames', which was known already",
    ),
    "a tag twice": (
        Answer(content=says(enhanced_tags=[*SAID["enhanced_tags"], tag("Skylights")])),
        "content",
        "'Skylights', which was said before",
    ),
    "an era the wrong way round": (
        Answer(content=says(era_hints=[{"kind": "built", "from": 1950, "to": 1900, "evidence": "tiles"}])),
        "content",
        "1950-1900, which ends before it begins",
    ),
    "the name it was told as a sign": (
        Answer(content=says(readable_text=[*SAID["readable_text"], NAME.upper()])),
        "content",
        "nobody else read",
    ),
}


# Not believed: (the answer, why)

WALL = " ".join(WORDS)
CORRIDOR = "Dust lies on the floor of the corridor. "
ROUND = "the corridor and the wall and " * 20
REJECTED = {
    "empty": (Answer(content=""), "is empty$"),
    "empty, out of tokens": (Answer(content="", done_reason="length"), "is empty; the model reached the most tokens"),
    "reasoning alone, out of tokens": (
        Answer(content="", thinking="Okay, the user wants a photo described.", done_reason="length"),
        "is empty; the model reached the most tokens.*its reasoning is no answer either",
    ),
    "cut off": (Answer(content=GOOD[:300], done_reason="length"), "cut off after 300 characters"),
    "prose": (Answer(content="A corridor with peeling paint, a gurney, a skylight."), "is no JSON object"),
    "prose around it": (Answer(content=f"Here is the answer: {GOOD}"), "is no JSON object"),
    "prose after it": (Answer(content=f"{GOOD} I hope this helps."), "goes on after its JSON object"),
    "two answers": (Answer(content=f"{GOOD}\n{GOOD}"), "more than one JSON object"),
    "a list of one": (Answer(content=f"[{GOOD}]"), "is no JSON object"),
    "thinking tags": (Answer(content=f"<think>a ward?</think>{GOOD}"), "is no JSON object"),
    "a page": (Answer(content=PAGE.decode()), "is no JSON object"),
    "reasoning as JSON": (Answer(content='{"thought": "a ward", "answer": "ward"}'), "does not fit"),
    "reasoning in the form": (
        Answer(content=says(description="Okay, so the user wants me to describe a ward. Let me look.")),
        "the description",
    ),
    "echo of the prompt": (
        Answer(content=says(description="A hall. Estimated abandonment timeframe. " + PROMPT.split("\n")[-2])),
        "repeats the instructions",
    ),
    "echo of what is known": (
        Answer(content=says(description=f"{NAME} is an abandoned hospital in Utica, New York, built circa 1880-1900.")),
        "repeats the instructions|nothing but what was known",
    ),
    "what is known in other words": (
        Answer(content=says(description="Utica, New York: a hospital; peeling paint, a bed frame.")),
        "nothing but what was known",
    ),
    "the form filled in with itself": (Answer(content=says(condition_notes="<condition_notes>")), "the condition"),
    "the schema's word": (Answer(content=says(description="string")), "the description"),
    "filler": (Answer(content=says(spatial_notes="Lorem ipsum dolor sit amet.")), "the layout"),
    "a phrase without end": (Answer(content=says(description=ROUND[:880])), "over and over"),
    "a sentence again and again": (
        Answer(content=says(description=CORRIDOR + "A. " + CORRIDOR + "B. " + CORRIDOR)),
        "3 times",
    ),
    "a number too large": (Answer(content=guess(confidence=140)), "abandonment_estimate.confidence: .*100"),
    "a fraction for a number": (Answer(content=guess(confidence=0.4)), "abandonment_estimate.confidence"),
    "no number": (Answer(content=guess(confidence=float("nan"))), "no JSON"),
    "a year out of bounds": (Answer(content=guess(to=20000)), "abandonment_estimate.to"),
    "a field of its own": (Answer(content=says(mood="eerie")), "mood: extra"),
    "a field left out": (Answer(content=json.dumps({k: SAID[k] for k in list(SAID)[:-1]})), "abandonment_estimate"),
    "a facet of its own": (Answer(content=says(enhanced_tags=[tag("boiler", facet="mood")])), "'mood', which there is"),
    "too much": (Answer(content=says(description=" ".join([WALL] * 9)[:1200])), "at most 900 characters"),
    "a million letters": (
        Answer(more={"message": {"role": "assistant", "content": '{"description": "' + "a" * 1_000_000}}),
        "more than any answer",
    ),
    "half a pair": (Answer(content=GOOD.replace("Plaster", "\ud800")), "does not fit"),
    "half a pair, escaped": (Answer(content=GOOD.replace("Plaster", "\\ud800")), "does not fit"),
    "NUL": (Answer(content=GOOD.replace("Plaster", "\\u0000")), "control character"),
    "bare NUL": (Answer(content=GOOD.replace("Plaster", "\x00")), "is no JSON after"),
    "a terminal's language": (Answer(content=says(**{"\x1b[2Jmood": 1})), "extra inputs"),
}


# The server's fault, which may pass: (the answer, what is told)

ERROR_LINE = b'{"message": {"content": "{"}, "done": false}\n{"error": "an error was encountered while running"}\n'
PASSING = {
    "a page with 200": (Answer(body=PAGE), 'no JSON: a web page, "Welcome to nginx!"'),
    "408": (Answer(status=408), "answered 408"),
    "429": (Answer(status=429, error="slow down", headers={"Retry-After": "1"}), "429: slow down; trying again in 1 s"),
    "499": (Answer(status=499), "answered 499"),
    "500": (Answer(status=500, error="model requires more system memory"), "500: model requires more system memory"),
    "502": (Answer(status=502, body=PAGE.replace(b"Welcome to nginx!", b"Bad Gateway")), '502: a web page, "Bad Gate'),
    "503": (Answer(status=503, error="server busy, maximum pending requests"), "503: server busy"),
    "504": (Answer(status=504, body=b""), "answered 504"),
    "an error with 200": (Answer(error="CUDA error: out of memory"), "reported an error: CUDA error"),
    "an error line with 200": (Answer(body=ERROR_LINE), "an error was encountered while running"),
    "cut": (Answer(content=GOOD, then="cut", after=120), "ended its answer too early"),
    "cut before the answer": (Answer(content=GOOD, then="cut"), "ended its answer too early"),
    "stalled": (Answer(content=GOOD, then="stall", after=50), "no whole answer within 1 s"),
    "dribbling": (Answer(content=GOOD, then="dribble"), "no whole answer within 1 s"),
    "nothing": (Answer(body=b""), "no JSON"),
    "not UTF-8": (Answer(body=b'{"message": {"content": "\xff\xfe"}, "done": true}'), "no JSON"),
    "no chat": (Answer(body=b"[1]"), "no chat"),
    "no message": (Answer(body=b'{"done": true}'), "no chat"),
    "a deep hole": (Answer(body=b"[" * 100_000), "no JSON"),
    "without end": (Answer(body=b'{"message": "' + b"a" * (5 << 20)), "more than 4 MiB"),
    "runner gone": (Answer(content=GOOD, done_reason=None), "broke off its answer"),
    "only loaded": (Answer(content="", done_reason="load"), "only loaded the model"),
    "only unloaded": (Answer(content="", done_reason="unload"), "only unloaded the model"),
}


# A fault that asking again does not mend: (what is wrong, what is told, the remedy, chats)


def saying(**given):
    return lambda fake: fake.answers.append(Answer(**given))


def having(**given):
    return lambda fake: setattr(fake, "models", [Model(**given)])


OTHERS = [Model("llava:7b"), Model("phi4", capabilities=("completion",))]
LASTING = {
    "400": (saying(status=400, error="invalid format"), "(400): invalid format", "log of the server", 1),
    "401": (saying(status=401, error="no key"), "wants a key", "key_env", 1),
    "403": (saying(status=403, body=PAGE), "wants a key", "key_env", 1),
    "404, no such model": (saying(status=404, error="model 'x' not found"), "has no model", f"ollama pull {MODEL}", 1),
    "404, a page": (saying(status=404, body=PAGE), "not the address of an Ollama", "Mend url", 1),
    "405": (saying(status=405, body=b""), "not the address of an Ollama", "Mend url", 1),
    "413": (saying(status=413, body=PAGE), "requests of this size", "vlm.longest_px", 1),
    "another address": (saying(status=302, headers={"Location": "http://a.b/"}), "another address", "Write that", 1),
    "another model": (saying(content=GOOD, model="llava:7b"), "with the model llava:7b, not with", "between here", 1),
    "too long": (lambda fake: setattr(fake, "picture_tokens", 9000), "holds 8192", "Raise vlm.context_tokens", 1),
    "model missing": (lambda fake: setattr(fake, "models", OTHERS), f"no model {MODEL}", "can see: llava:7b", 0),
    "no vision": (having(capabilities=("completion", "tools")), "cannot see photos", "qwen3-vl:8b-instruct", 0),
    "too old": (having(capabilities=None), "too old to say", "ollama.com/download", 0),
    "no Ollama": (lambda fake: setattr(fake, "version", None), "is no Ollama", "Mend url or kind", 0),
    "run elsewhere": (having(remote_host="https://ollama.com:443"), "would be sent to it", "allow_remote", 0),
}
