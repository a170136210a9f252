"""The decoder of bench/contender.ts once more in PyTorch, eager: the same commands, one a line, answered by one line.

Weights come from a safetensors file, so that losses can be compared. Attention is scaled_dot_product_attention, the
optimiser torch.optim.AdamW as it comes.
"""
import json
import math
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    flat = torch.frombuffer(data, dtype=torch.float32)
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = (at // 4 for at in entry["data_offsets"])
            tensors[name.removeprefix("transformer.")] = flat[start:end].reshape(entry["shape"]).clone().requires_grad_()
    return tensors


def now():
    return time.perf_counter(), time.process_time()


def spent(start):
    clock, cpu = (end - begin for end, begin in zip(now(), start))
    return {"ms": clock * 1000, "cpu": cpu * 1000}


class Decoder:
    def __init__(self, weights, layers, heads):
        self.weights, self.layers, self.heads = weights, layers, heads

    def linear(self, x, name):
        return torch.addmm(self.weights[name + ".bias"], x, self.weights[name + ".weight"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.weights[name + ".weight"], self.weights[name + ".bias"], 1e-5)

    def hidden(self, ids, cache=None, start=0):
        """(B, T) -> (B, T, C); keys and values of earlier positions are in the cache, where there is one."""
        batch, length = ids.shape
        x = self.weights["wte.weight"][ids] + self.weights["wpe.weight"][start : start + length]
        width = x.shape[-1]
        x = x.reshape(-1, width)
        for layer in range(self.layers):
            at = f"h.{layer}."
            qkv = self.linear(self.norm(x, at + "ln_1"), at + "attn.c_attn")
            parts = qkv.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
            query, key, value = parts
            if cache is not None:
                end = start + length
                cache[layer][0][:, :, start:end] = key
                cache[layer][1][:, :, start:end] = value
                key, value = cache[layer][0][:, :, :end], cache[layer][1][:, :, :end]
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=length > 1)
            x = x + self.linear(mixed.transpose(1, 2).reshape(-1, width), at + "attn.c_proj")
            inner = F.gelu(self.linear(self.norm(x, at + "ln_2"), at + "mlp.c_fc"), approximate="tanh")
            x = x + self.linear(inner, at + "mlp.c_proj")
        return self.norm(x, "ln_f").view(batch, length, width)

    def logits(self, hidden):
        return hidden @ self.weights["wte.weight"].T


class Contender:
    def open(self, weights, layers, heads, texts, threads, **_):
        torch.set_num_threads(threads)
        self.model = Decoder(read_safetensors(weights), layers, heads)
        self.texts = torch.tensor(texts)
        parameters = self.model.weights
        decayed = [tensor for name, tensor in parameters.items() if tensor.dim() > 1]
        others = [tensor for name, tensor in parameters.items() if tensor.dim() == 1]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3)
        return {"version": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"}

    def step(self, **_):
        start = now()
        self.optimizer.zero_grad()
        logits = self.model.logits(self.model.hidden(self.texts[:, :-1]))
        loss = F.cross_entropy(logits.flatten(0, 1), self.texts[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.weights.values(), 1.0)
        self.optimizer.step()
        value = loss.item()
        return {**spent(start), "loss": value}

    @torch.inference_mode()
    def sample(self, prompts, drawn, cached, eos, **_):
        prompts = torch.tensor(prompts)
        start = now()
        cache = None
        if cached:
            batch, length = prompts.shape
            width = self.model.weights["wte.weight"].shape[1] // self.model.heads
            shape = (batch, self.model.heads, length + drawn, width)
            cache = [(torch.empty(shape), torch.empty(shape)) for _ in range(self.model.layers)]
        ids, fed, said = prompts, prompts, []
        for i in range(drawn):
            hidden = self.model.hidden(fed, cache, ids.shape[1] - fed.shape[1])
            logits = self.model.logits(hidden[:, -1])
            logits[:, eos] = -math.inf
            drawn_now = torch.multinomial(logits.softmax(-1), 1)
            said.append(drawn_now)
            ids = torch.cat([ids, drawn_now], 1)
            fed = drawn_now if cached else ids
        torch.cat(said, 1).tolist()
        return spent(start)

    def peak(self, **_):
        return {"mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


contender = Contender()
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(getattr(contender, request.pop("do"))(**request)), flush=True)
