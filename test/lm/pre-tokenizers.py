"""Makes pre-tokenizers.json with the tokenizers library of Python: pre-tokenizers whose every piece is a token."""

import json
import os

import tokenizers
from tokenizers import Tokenizer

TEXTS = ["a!! b", "x--- the -- été", "café, e\u0301t\u0306\u0301 été's", " the-final--countdown- ", "x² ½ ٣٤12 №7", "a\u0085b\ufeffc\u200dd _e", "-- $5"]
SPLITS = [
    dict(type="Split", pattern=dict(Regex="(t)(?:h|é)|(-)+"), behavior="Removed", invert=False),
    dict(type="Split", pattern=dict(String="--"), behavior="Removed", invert=False),
] + [
    dict(type="Split", pattern=pattern, behavior=behavior, invert=invert)
    for pattern in (dict(String="-"), dict(Regex="\\s*[-!]"))
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
    for invert in (False, True)
]
PUNCTUATION = [dict(type="Punctuation", behavior=b) for b in ("Isolated", "Contiguous", "MergedWithNext", "Removed")]
SPACES = [
    dict(type="Metaspace", replacement="▁", prepend_scheme="never", add_prefix_space=False),
    dict(type="Metaspace", replacement="▁", add_prefix_space=True),
    dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=False),
    dict(type="Metaspace", replacement="▁", prepend_scheme="first", split=True),
    dict(type="Metaspace", replacement="▁", prepend_scheme="never", split=True),
]
CASES = [
    dict(type="Whitespace"),
    dict(type="WhitespaceSplit"),
    dict(type="Digits", individual_digits=True),
    dict(type="Digits", individual_digits=False),
    dict(type="Sequence", pretokenizers=[dict(type="Whitespace"), dict(type="Punctuation", behavior="Isolated")]),
    *PUNCTUATION, *SPACES, *SPLITS,
]


def tokenizer(pre_tokenizer, words):
    vocab = {word: i for i, word in enumerate(["<unk>", "</s>", *words])}
    model = dict(type="BPE", unk_token="<unk>", ignore_merges=True, vocab=vocab, merges=[])
    decoder = pre_tokenizer if pre_tokenizer.get("split", pre_tokenizer["type"] == "Metaspace") else None
    rest = dict(version="1.0", added_tokens=[], normalizer=None, post_processor=None)
    return {**rest, "pre_tokenizer": pre_tokenizer, "decoder": decoder, "model": model}


def case(pre_tokenizer):
    bare = Tokenizer.from_str(json.dumps(tokenizer(pre_tokenizer, [])))
    pieces = {text: [piece for piece, _ in bare.pre_tokenizer.pre_tokenize_str(text)] for text in TEXTS}
    made = tokenizer(pre_tokenizer, sorted({piece for each in pieces.values() for piece in each}))
    encoded = {text: Tokenizer.from_str(json.dumps(made)).encode(text) for text in TEXTS}
    assert all(encoded[text].tokens == pieces[text] for text in TEXTS), pre_tokenizer
    decoded = {text: Tokenizer.from_str(json.dumps(made)).decode(encoded[text].ids) for text in TEXTS}
    cases = [dict(pieces=pieces[text], text=text, **(dict(decoded=decoded[text]) if made["decoder"] else {})) for text in TEXTS]
    return dict(pre_tokenizer=pre_tokenizer, cases=cases)


if __name__ == "__main__":
    note = f"made by pre-tokenizers.py with Hugging Face's tokenizers {tokenizers.__version__}"
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pre-tokenizers.json")
    with open(target, "w") as file:
        json.dump(dict(note=note, tokenizers=[case(one) for one in CASES]), file, ensure_ascii=True, indent=1)
