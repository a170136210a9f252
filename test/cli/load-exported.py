"""Transformers' side of test/cli/exported.test.ts: FOLDER... holds models that `moft export` wrote, and asked.json.

Loads each with AutoModelForCausalLM and AutoTokenizer, as anybody would, and answers one JSON a line.
"""

import json
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

for folder in sys.argv[1:]:
    asked = json.load(open(os.path.join(os.path.dirname(folder), "asked.json")))
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [tokenizer(text)["input_ids"] for text in asked["texts"]]
    prompts = [tokenizer(text + "<sep>", return_tensors="pt") for text in asked["prompts"]]
    with torch.no_grad():
        logits = [model(**prompt).logits[0].tolist() for prompt in prompts]
    # The end of a text, and what fills up, come from the files.
    said = [model.generate(**prompt, do_sample=False, max_new_tokens=asked["most"])[0] for prompt in prompts]
    answers = [row[prompt["input_ids"].shape[1]:] for row, prompt in zip(said, prompts)]
    print(json.dumps({
        "folder": os.path.basename(folder),
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "texts": texts,
        "prompts": [prompt["input_ids"][0].tolist() for prompt in prompts],
        "logits": logits,
        "greedy": [row.tolist() for row in answers],
        "said": [tokenizer.decode(row, skip_special_tokens=True) for row in answers],
        "ends": tokenizer.eos_token_id,
    }))
