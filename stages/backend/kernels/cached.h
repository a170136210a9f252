// Attention of the next token of each row to the prompt behind it and to its own tokens so far.
#pragma once
#include "attention.h"

namespace {

// Rows of queries, keys and values: the new ones, those of the prompts, those of each step before, {scale} | first row
// and length of each prompt, (rows, steps) which row of each step is an ancestor, {heads, keyHeads} -> (rows, heads d)
void cachedAttention(Call& call) {
  const int steps = call.count() - 6, at = steps + 3;
  const int64_t rows = call.dim(0, 0), row = call.dim(0, 1);
  const int32_t *prompts = call.indices(at), *chains = call.indices(at + 1), *how = call.indices(at + 2);
  checkFit(steps >= 0);
  checkSizes(call, {{at + 2, 2}, {steps + 2, 1}});
  const int64_t heads = how[0], keyHeads = how[1];
  checkFit(heads > 0 && keyHeads > 0 && row % (heads + 2 * keyHeads) == 0 && call.dim(1, 1) == row &&
           call.size(at) == 2 * rows && call.size(at + 1) == rows * steps);
  for (int t = 0; t < steps; t++) {
    checkFit(call.dim(2 + t, 1) == row);
    for (int64_t i = 0; i < rows; i++) checkIndices(chains + i * steps + t, 1, call.dim(2 + t, 0));
  }
  const int64_t d = row / (heads + 2 * keyHeads);
  const float *now = call.floats(0), *before = call.floats(1), scale = call.floats(steps + 2)[0];
  float* out = call.result(0, {rows, heads * d});
  int64_t longest = 0;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t first = prompts[2 * i], length = prompts[2 * i + 1];
    if (first < 0 || length < 0 || first + length > call.dim(1, 0)) moft::outOfRange();
    longest = length > longest ? length : longest;
  }
  const int64_t most = longest + steps + 1;
  const Call* inputs = &call;
  parallel(rows, 3 * most * heads * d, [=](int64_t from, int64_t to) {
    Space scores(most), query(d), pointers(most * static_cast<int64_t>(sizeof(float*)) / 4);
    const float** keys = reinterpret_cast<const float**>(static_cast<float*>(pointers));
    for (int64_t i = from; i < to; i++) {
      const int64_t length = prompts[2 * i + 1], count = length + steps + 1;
      for (int64_t j = 0; j < length; j++) keys[j] = before + (prompts[2 * i] + j) * row;
      for (int t = 0; t < steps; t++) keys[length + t] = inputs->floats(2 + t) + chains[i * steps + t] * row;
      keys[length + steps] = now + i * row;
      for (int64_t head = 0; head < heads; head++) {
        float *s = scores, *q = query, *mixed = out + (i * heads + head) * d;
        const int64_t key = heads * d + head * keyHeads / heads * d, value = key + keyHeads * d;
        for (int64_t c = 0; c < d; c++) q[c] = now[i * row + head * d + c] * scale;
        for (int64_t j = 0; j < count; j++) s[j] = dot(q, keys[j] + key, d);
        softmaxNode(s, count, nullptr, 0);
        std::memset(mixed, 0, static_cast<size_t>(d) * 4);
        for (int64_t j = 0; j < count; j++) addScaled(mixed, keys[j] + value, s[j], d);
      }
    }
  });
}

}  // namespace
