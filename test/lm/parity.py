"""Transformers' side of test/lm/parity.test.ts.

make FOLDER: tiny random checkpoints of every family, as Transformers saves them, each with expected.json and, of
decoders, filtered.json: the distribution of the next token under settings of generate(). Some have an adapter of PEFT.
check FOLDER...: loads checkpoints that moft wrote and compares with what moft computed (moft.json beside them).
"""

import json
import os
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedTokenizerFast

LLAMA = dict(vocab_size=97, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.2)
T5 = dict(vocab_size=97, d_model=32, d_kv=6, d_ff=48, num_layers=2, num_decoder_layers=3, num_heads=4,
          relative_attention_num_buckets=8, relative_attention_max_distance=16, dropout_rate=0.0,
          decoder_start_token_id=0)

# Name: type, settings, and how it is saved: type of the weights, size of a shard, spelling of config.json.
CASES = {
    "gpt2-untied": ("gpt2", dict(vocab_size=97, n_embd=32, n_layer=2, n_head=4, n_positions=64, n_inner=40,
                                 activation_function="relu", tie_word_embeddings=False, attn_pdrop=0.0,
                                 resid_pdrop=0.0, embd_pdrop=0.0, initializer_range=0.2), {}),
    "llama3-v4": ("llama", dict(LLAMA, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, head_dim=10,
                                rope_parameters=dict(rope_type="llama3", rope_theta=1000.0, factor=4.0,
                                                     low_freq_factor=1.0, high_freq_factor=4.0,
                                                     original_max_position_embeddings=32)), dict(spelling=4)),
    "llama-linear": ("llama", dict(LLAMA, num_key_value_heads=1, rope_parameters=dict(
        rope_type="linear", rope_theta=500.0, factor=2.0)), dict(dtype=torch.bfloat16, shard="20KB")),
    "mistral": ("mistral", dict(LLAMA, sliding_window=None), dict(dtype=torch.float16, spelling=4)),
    "qwen2-v4": ("qwen2", dict(LLAMA, rope_parameters=dict(rope_type="default", rope_theta=50000.0)), dict(spelling=4)),
    "t5-deep": ("t5", T5, dict(shard="40KB")),
    "t5-v1_1-untied": ("t5", dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False), dict(own_head=True, spelling=4)),
}

# Of PEFT: what is adapted, and how.
ADAPTERS = {
    "gpt2-untied": dict(r=3, lora_alpha=5, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True),
    "llama3-v4": dict(r=4, lora_alpha=4, target_modules=["q_proj", "v_proj", "down_proj"], use_rslora=True),
    "t5-deep": dict(r=2, lora_alpha=3, target_modules=["q", "v"]),
}

FILTERS = [
    dict(temperature=0.6, top_k=0),
    dict(top_k=5),
    dict(top_k=0, top_p=0.7),
    dict(top_k=0, min_p=0.2),
    dict(temperature=1.7, top_k=40, top_p=0.9, min_p=0.02),
    dict(temperature=0.3, top_k=12, top_p=0.99, min_p=0.1),
]


def old_spelling(folder):
    """config.json as Transformers 4 writes it."""
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    rope = config.pop("rope_parameters", None)
    if rope:
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    if "scale_decoder_outputs" in config:
        config["tie_word_embeddings"] = config.pop("scale_decoder_outputs")
    config["transformers_version"] = "4.57.0"
    json.dump(config, open(path, "w"), indent=2)


def make(folder):
    for seed, (name, (kind, settings, saving)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        config = AutoConfig.for_model(kind, **settings)
        auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
        model = auto.from_config(config, attn_implementation="eager").eval()
        if saving.get("own_head"):
            model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
            model.config.tie_word_embeddings = False
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.data += 0.1 * torch.randn_like(parameter)
        # Computed in single precision, with weights that the type of the file holds: it alone is rounded to that.
        dtype = saving.get("dtype", torch.float32)
        for parameter in model.parameters():
            parameter.data = parameter.data.to(dtype).float()
        found = expected(model, kind == "t5")
        target = os.path.join(folder, name)
        drawn = None if kind == "t5" else filtered(model, torch.tensor(found["input_ids"])[:1])
        model.to(dtype).save_pretrained(target, max_shard_size=saving.get("shard", "5GB"))
        if saving.get("spelling") == 4:
            old_spelling(target)
        json.dump(found, open(os.path.join(target, "expected.json"), "w"))
        if name in ADAPTERS:
            adapt(target, auto, ADAPTERS[name])
        if drawn:
            json.dump(drawn, open(os.path.join(target, "filtered.json"), "w"))


def expected(model, seq2seq):
    generator = torch.Generator().manual_seed(7)
    draw = lambda *shape: torch.randint(3, 97, shape, generator=generator)
    ids = draw(2, 12)
    inputs = dict(input_ids=ids)
    if seq2seq:
        mask = torch.ones_like(ids)
        mask[1, 9:] = 0
        start = torch.zeros(2, 1, dtype=torch.long)
        inputs.update(attention_mask=mask, decoder_input_ids=torch.cat([start, draw(2, 6)], 1), labels=draw(2, 7))
    else:
        inputs.update(labels=ids)
    model.zero_grad()
    out = model(**inputs)
    out.loss.backward()
    # Transformers' cache has room for as many layers as the encoder has.
    generate = dict(do_sample=False, max_new_tokens=10, use_cache=not seq2seq)
    if seq2seq:
        greedy = model.generate(input_ids=ids, attention_mask=inputs["attention_mask"], **generate)
    else:
        greedy = model.generate(input_ids=ids, pad_token_id=0, **generate)[:, ids.shape[1]:]
        inputs.pop("labels")
    return {
        **{name: value.tolist() for name, value in inputs.items()},
        "greedy": greedy.tolist(),
        "logits": out.logits.tolist(),
        "loss": out.loss.item(),
        "gradient_l2": {n: p.grad.norm().item() for n, p in model.named_parameters() if p.grad is not None},
    }


def adapt(folder, auto, settings):
    base = auto.from_pretrained(folder, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(init_lora_weights=False, **settings)).eval()
    model.save_pretrained(os.path.join(folder, "adapter"))
    given = json.load(open(os.path.join(folder, "expected.json")))
    names = ("input_ids", "attention_mask", "decoder_input_ids")
    with torch.no_grad():
        logits = model(**{name: torch.tensor(given[name]) for name in names if name in given}).logits
    json.dump(logits.tolist(), open(os.path.join(folder, "adapted.json"), "w"))


def filtered(model, prompt):
    generate = dict(do_sample=True, max_new_tokens=1, output_scores=True, pad_token_id=0, return_dict_in_generate=True)
    return [
        {"filter": settings,
         "probabilities": model.generate(prompt, **generate, **settings).scores[0][0].double().softmax(0).tolist()}
        for settings in FILTERS
    ]


def check(folders):
    for folder in folders:
        wanted = json.load(open(os.path.join(folder, "moft.json")))
        auto = AutoModelForSeq2SeqLM if "decoded" in wanted else AutoModelForCausalLM
        model, info = auto.from_pretrained(folder, output_loading_info=True, dtype="auto")
        if os.path.isdir(os.path.join(folder, "adapter")):
            model = PeftModel.from_pretrained(model, os.path.join(folder, "adapter"))
        inputs = dict(input_ids=torch.tensor(wanted["ids"]))
        if "decoded" in wanted:
            inputs["decoder_input_ids"] = torch.tensor(wanted["decoded"])
        with torch.no_grad():
            logits = model.eval()(**inputs).logits
        result = {
            "folder": os.path.basename(folder),
            "dtype": str(model.dtype),
            "missing": sorted(info["missing_keys"]),
            "unexpected": sorted(info["unexpected_keys"]),
            "error": (logits - torch.tensor(wanted["logits"])).abs().max().item(),
        }
        if "texts" in wanted:
            # As the file says it: AutoTokenizer rebuilds that of a Qwen2 with pieces of its own.
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
            result["tokens"] = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in wanted["texts"]]
        print(json.dumps(result))


if __name__ == "__main__":
    make(sys.argv[2]) if sys.argv[1] == "make" else check(sys.argv[2:])
