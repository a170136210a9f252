// One token of each row through a whole decoder, as ops/decode.ts calls it: embedding, blocks that attend to the prompt
// behind a row and to what it said so far, and the output layer. Every element is summed in the same order whatever the
// rows beside it and the threads.
#pragma once
#include "attention.h"
#include "distribution.h"
#include "norms.h"

namespace {

// (k, n), and a row to add where there is one.
struct Product {
  const float *weight, *bias;
  int64_t k, n;
};

// A layer norm, or without a bias an RMS norm.
struct Norm {
  const float *gain, *bias;
  float epsilon;

  void apply(const float* x, int64_t rows, int64_t n, float* y) const {
    const Norm norm = *this;
    parallel(rows, 4 * n, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) {
        if (norm.bias)
          normRow(x + i * n, norm.gain, norm.bias, norm.epsilon, n, y + i * n);
        else
          rmsRow(x + i * n, norm.gain, norm.epsilon, n, y + i * n);
      }
    });
  }
};

struct Block {
  Norm before, between;
  Product project, out, gate, up, down;  // the gate's weight is null where there is none
  const float* opening;                  // queries, keys and values of all prompts
  int64_t heads, keyHeads, d;
  int32_t activation;
  float scale;

  int64_t mixed() const { return heads * d; }
  int64_t kept() const { return 2 * keyHeads * d; }  // keys and values of a row
};

// Takes inputs one after the other; each has to be of the size that those before it imply.
class Reader {
 public:
  Reader(const Call& call, int end) : call_(call), end_(end) {}

  const float* floats(int64_t size) {
    checkFit(at_ < end_ && call_.size(at_) == size);
    return call_.floats(at_++);
  }
  // Of `width` columns; says how many rows there are.
  const float* rows(int64_t width, int64_t* count) {
    checkFit(at_ < end_ && width > 0 && call_.size(at_) % width == 0);
    *count = call_.size(at_) / width;
    return call_.floats(at_++);
  }
  Product product(int64_t k, bool bias) {
    Product found{nullptr, nullptr, k, 0};
    found.weight = rows(k, &found.n);
    if (bias) found.bias = floats(found.n);
    return found;
  }
  Norm norm(int64_t n, bool bias, float epsilon) {
    const float* gain = floats(n);
    return {gain, bias ? floats(n) : nullptr, epsilon};
  }
  bool done() const { return at_ == end_; }

 private:
  const Call& call_;
  int at_ = 0;
  const int end_;
};

// finish(row, first column, columns, sums) for each panel of a (rows, k) times a product; `a` has room for a multiple of 8
// rows.
template <class F>
void eachPanel(const float* a, int64_t rows, const Product& product, F finish) {
  const Product by = product;
  const int64_t padded = (rows + together - 1) / together * together;
  parallel((by.n + broad - 1) / broad, padded * by.k * across, [=](int64_t from, int64_t to) {
    Space packed(by.k * broad), sums(padded * broad);
    for (int64_t column = from * broad; column < to * broad && column < by.n; column += broad) {
      const int64_t columns = by.n - column < broad ? by.n - column : broad;
      const float* panel = by.weight + column;
      int64_t stride = by.n;
      if (columns < broad || padded > together) {
        float* into = packed;
        if (columns < broad) std::memset(into, 0, static_cast<size_t>(by.k * broad) * 4);
        for (int64_t l = 0; l < by.k; l++)
          std::memcpy(into + l * broad, panel + l * stride, static_cast<size_t>(columns) * 4);
        panel = into;
        stride = broad;
      }
      float* sum = sums;
      for (int64_t i = 0; i < padded; i += tall)
        tile<tall, across>({a + i * by.k, by.k, 1}, panel, stride, by.k, sum + i * broad, broad, false);
      for (int64_t i = 0; i < rows; i++, sum += broad) {
        if (by.bias)
          for (int64_t c = 0; c < columns; c++) sum[c] += by.bias[column + c];
        finish(i, column, columns, sum);
      }
    }
  });
}

// What of before a step's rows attend to.
struct Before {
  const int32_t *prompts, *chains;       // (rows, 2) first row and length in the opening, (rows, steps) rows of the steps
  const float* const* steps;             // (blocks, rows of that step, keys and values)
  const int64_t* counts;                 // of those rows
  int64_t count, longest;                // steps, and the longest prompt
  const float* turns;                    // (rows, half, 2) cosines and sines
  int64_t half;                          // 0 where positions are not rotary
};

// Rows of queries, keys and values -> rows of the mix; what is to be kept of them goes to `kept`.
void attendRows(const Block& block, const Before& before, int64_t layer, int64_t rows, float* qkv, float* out,
                float* kept) {
  const int64_t most = before.longest + before.count + 1, d = block.d, mixed = block.mixed(), row = block.project.n;
  parallel(rows, 3 * most * mixed, [&](int64_t from, int64_t to) {
    Space scores(most), query(d);
    Several<const float*> pointers(most);
    const float** keys = pointers;
    for (int64_t i = from; i < to; i++) {
      float* now = qkv + i * row;
      if (before.half > 0)
        for (int64_t head = 0; head < block.heads + block.keyHeads; head++)
          turnHead(now + head * d, before.turns + 2 * before.half * i, before.half, 1, now + head * d);
      std::memcpy(kept + i * block.kept(), now + mixed, static_cast<size_t>(block.kept()) * 4);
      const int64_t first = before.prompts[2 * i], length = before.prompts[2 * i + 1];
      const int64_t count = length + before.count + 1;
      for (int64_t j = 0; j < length; j++) keys[j] = block.opening + (first + j) * row + mixed;
      for (int64_t t = 0; t < before.count; t++)
        keys[length + t] = before.steps[t] + (layer * before.counts[t] + before.chains[i * before.count + t]) * block.kept();
      keys[count - 1] = now + mixed;
      for (int64_t head = 0; head < block.heads; head++) {
        float *s = scores, *q = query, *to = out + i * mixed + head * d;
        const int64_t key = head * block.keyHeads / block.heads * d, value = key + block.keyHeads * d;
        for (int64_t c = 0; c < d; c++) q[c] = now[head * d + c] * block.scale;
        for (int64_t j = 0; j < count; j++) s[j] = dot(q, keys[j] + key, d);
        softmaxNode(s, count, nullptr, 0);
        std::memset(to, 0, static_cast<size_t>(d) * 4);
        for (int64_t j = 0; j < count; j++) addScaled(to, keys[j] + value, s[j], d);
      }
    }
  });
}

// Rows that a block works on, and room for it, each for a multiple of 8 rows.
struct Rows {
  int64_t count, width;
  float *x, *normal, *wider, *gate;
};

inline void addProduct(const float* a, const Rows& rows, const Product& product) {
  float* x = rows.x;
  const int64_t width = rows.width;
  eachPanel(a, rows.count, product, [=](int64_t i, int64_t column, int64_t columns, const float* sum) {
    for (int64_t c = 0; c < columns; c++) x[i * width + column + c] += sum[c];
  });
}

inline void copyProduct(const float* a, int64_t rows, const Product& product, float* to) {
  const int64_t n = product.n;
  eachPanel(a, rows, product, [=](int64_t i, int64_t column, int64_t columns, const float* sum) {
    std::memcpy(to + i * n + column, sum, static_cast<size_t>(columns) * 4);
  });
}

void feedForward(const Block& block, const Rows& rows) {
  block.between.apply(rows.x, rows.count, rows.width, rows.normal);
  if (block.gate.weight) copyProduct(rows.normal, rows.count, block.gate, rows.gate);
  const float* gate = block.gate.weight ? rows.gate : nullptr;
  float* to = rows.wider;
  const int64_t n = block.up.n;
  const int32_t activation = block.activation;
  eachPanel(rows.normal, rows.count, block.up, [=](int64_t i, int64_t column, int64_t columns, float* sum) {
    const int64_t at = i * n + column;
    byKind(activation, [&](auto kind) {
      if (gate)
        for (int64_t c = 0; c < columns; c++) sum[c] *= decltype(kind)::value(gate[at + c]);
      else
        for (int64_t c = 0; c < broad; c++) sum[c] = decltype(kind)::value(sum[c]);
    });
    std::memcpy(to + at, sum, static_cast<size_t>(columns) * 4);
  });
  addProduct(rows.wider, rows, block.down);
}

// Flags of a decoder, and of a block.
enum { places = 1, onlyStates = 2, lastBias = 4 };
enum { normBias = 1, projectBias = 2, outBias = 4, innerNormBias = 8, hasGate = 16, gateBias = 32, upBias = 64, downBias = 128 };

inline Block readBlock(Reader& reader, int64_t width, const int32_t* how, const float* numbers) {
  Block block{};
  const int32_t flags = how[3];
  block.heads = how[0];
  block.keyHeads = how[1];
  block.activation = how[2];
  block.scale = numbers[1];
  checkFit(block.heads > 0 && block.keyHeads > 0);
  block.before = reader.norm(width, flags & normBias, numbers[0]);
  block.project = reader.product(width, flags & projectBias);
  block.d = block.project.n / (block.heads + 2 * block.keyHeads);
  checkFit(block.d > 0 && block.project.n == block.mixed() + block.kept());
  block.out = reader.product(block.mixed(), flags & outBias);
  block.between = reader.norm(width, flags & innerNormBias, numbers[2]);
  if (flags & hasGate) block.gate = reader.product(width, flags & gateBias);
  block.up = reader.product(width, flags & upBias);
  block.down = reader.product(block.up.n, flags & downBias);
  checkFit(block.out.n == width && block.down.n == width && (!(flags & hasGate) || block.gate.n == block.up.n));
  return block;
}

// Room that rows need.
struct Widths {
  int64_t mixed, widest, gates;

  void take(const Block& block) {
    if (block.mixed() > mixed) mixed = block.mixed();
    if (block.project.n > widest) widest = block.project.n;
    if (block.up.n > widest) widest = block.up.n;
    if (block.gate.n > gates) gates = block.gate.n;
  }
};

// What rows attend to, checked: no index leads beside it.
inline Before readBefore(const Call& call, int indices, Reader& reader, const int32_t* how, Block* blocks,
                         const float** steps, int64_t* counts) {
  const int64_t rows = call.size(indices);
  const int32_t *prompts = call.indices(indices + 2), *chains = call.indices(indices + 3);
  Before before{prompts, chains, steps, counts, how[2], 0, nullptr, how[3]};
  checkFit(call.size(indices + 2) == 2 * rows && call.size(indices + 3) == before.count * rows);
  int64_t least = INT64_MAX, count = 0;
  for (int64_t b = 0; b < how[1]; b++) {
    blocks[b].opening = reader.rows(blocks[b].project.n, &count);
    if (count < least) least = count;
  }
  for (int64_t t = 0; t < before.count; t++) steps[t] = reader.rows(how[1] * blocks[0].kept(), &counts[t]);
  for (int64_t i = 0; i < rows; i++) {
    const int64_t first = prompts[2 * i], length = prompts[2 * i + 1];
    if (first < 0 || length < 0 || first + length > least) moft::outOfRange();
    if (length > before.longest) before.longest = length;
    for (int64_t t = 0; t < before.count; t++) checkIndices(chains + i * before.count + t, 1, counts[t]);
  }
  return before;
}

// Embeddings, [positions], for each block {norm, projection, output, norm, [gate], up, down}, norm, [output layer], what
// the opening left of each block, what each step left, {for each block epsilon, scale, epsilon; epsilon; turns} | tokens,
// positions, (rows, 2) first row and length of prompts, (rows, steps) rows of ancestors, masked columns, {width, blocks,
// steps, half, flags; for each block heads, key heads, activation, flags} -> (rows, V) log-probabilities or (rows, C)
// hidden states, (blocks, rows, 2 K D) keys and values
void decode(Call& call) {
  const int end = call.count() - 7, at = end + 1;  // the numbers, and the indices
  checkFit(end > 0 && call.size(end + 6) >= 5);
  const int32_t *tokens = call.indices(at), *positions = call.indices(at + 1), *masked = call.indices(at + 4);
  const int32_t* how = call.indices(at + 5);
  const int64_t rows = call.size(at), width = how[0], blocks = how[1], half = how[3], hiding = call.size(at + 4);
  const bool states = how[4] & onlyStates;
  const float* numbers = call.floats(end);
  checkFit(blocks > 0 && half >= 0 && call.size(at + 1) == rows && call.size(at + 5) == 5 + 4 * blocks &&
           call.size(end) == 3 * blocks + 1 + 2 * half * rows);
  Reader reader(call, end);
  int64_t count = 0;
  const float* table = reader.rows(width, &count);
  checkIndices(tokens, rows, count);
  const float* placed = how[4] & places ? reader.rows(width, &count) : nullptr;
  if (placed) checkIndices(positions, rows, count);
  Several<Block> all(blocks);
  Widths widths{width, 0, 0};
  for (int64_t b = 0; b < blocks; b++) {
    all[b] = readBlock(reader, width, how + 5 + 4 * b, numbers + 3 * b);
    checkFit(all[b].kept() == all[0].kept() && (half == 0 || all[b].d == 2 * half));
    widths.take(all[b]);
  }
  const Norm last = reader.norm(width, how[4] & lastBias, numbers[3 * blocks]);
  const Product head = states ? Product{} : reader.product(width, false);
  checkIndices(masked, hiding, head.n);
  const int64_t steps = how[2] > 0 ? how[2] : 0;
  Several<const float*> left(steps);
  Several<int64_t> counts(steps);
  Before before = readBefore(call, at, reader, how, all, left, counts);
  before.turns = numbers + 3 * blocks + 1;
  checkFit(reader.done());

  float* out = call.result(0, {rows, states ? width : head.n});
  float* kept = call.result(1, {blocks, rows, all[0].kept()});
  const int64_t padded = (rows + together - 1) / together * together;
  const int64_t each = width + widths.mixed + widths.widest + widths.gates;
  Space room(padded * each);
  float* x = room;
  std::memset(x, 0, static_cast<size_t>(padded * each) * 4);
  float *normal = x + padded * width, *wider = normal + padded * widths.mixed;
  const Rows of{rows, width, x, normal, wider, wider + padded * widths.widest};
  for (int64_t i = 0; i < rows; i++) {
    std::memcpy(x + i * width, table + tokens[i] * width, static_cast<size_t>(width) * 4);
    if (placed) addScaled(x + i * width, placed + positions[i] * width, 1, width);
  }
  for (int64_t b = 0; b < blocks; b++) {
    const Block& block = all[b];
    block.before.apply(x, rows, width, normal);
    copyProduct(normal, rows, block.project, wider);
    attendRows(block, before, b, rows, wider, normal, kept + b * rows * block.kept());
    addProduct(normal, of, block.out);
    feedForward(block, of);
  }
  last.apply(x, rows, width, states ? out : normal);
  if (states) return;
  copyProduct(normal, rows, head, out);
  parallel(rows, 14 * head.n, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) logSoftmaxRow(out + i * head.n, head.n, masked, hiding);
  });
}

}  // namespace
