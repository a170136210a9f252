"""Scores the responses of a dataset: how much of each stands in its prompt, and how long it is."""

import json
import os
import re
from pathlib import Path


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return list(zip(*(words[i:] for i in range(n))))


def supported(response: str, prompt: str, n: int) -> float:
    """Share of the response's n-grams that the prompt has too."""
    found = ngrams(response, n)
    given = set(ngrams(prompt, n))
    return sum(gram in given for gram in found) / len(found) if found else 0.0


def emit(**event: object) -> None:
    with open(os.environ["MOFT_EVENTS"], "a", encoding="utf-8") as events:
        events.write(json.dumps(event) + "\n")


def main() -> None:
    n = json.loads(os.environ["MOFT_PARAMS"])["ngram"]
    lines = Path(os.environ["MOFT_INPUT_ROWS"], "rows.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    support = [supported(row["response"], row["prompt"], n) for row in rows]
    words = [len(row["response"].split()) for row in rows]
    scores = {
        "rows": len(rows),
        "supported": round(sum(support) / len(rows), 4),
        "words": round(sum(words) / len(rows), 2),
    }
    emit(type="metric", name="supported", value=scores["supported"], step=0)
    emit(type="progress", done=len(rows), total=len(rows), unit="rows")
    Path(os.environ["MOFT_OUTPUT_SCORES"]).write_text(json.dumps(scores, indent=1) + "\n", "utf-8")


main()
