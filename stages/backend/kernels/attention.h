// Attention of every node of a forest to itself and its ancestors, as ops/attention-forward.ts and -backward.ts have it:
// keys of the trunk through products of matrices, keys of a node's own branch through plain loops. Weights are kept for
// the way back, per tree and head: a block (nodes, trunk), zero above the diagonal, then the branch weights of each
// branch node, from itself upward.
#pragma once
#include "pointwise.h"

namespace {

struct Tree {
  int64_t start, n, p, branch, weights;  // its first node, nodes, trunk, branch keys, and where its weights begin
};

struct Forest {
  const int32_t *parents, *depths, *trees;
  int64_t count, heads, keyHeads, rows, row, d, width;
  uint32_t seed;

  // Inputs: parents, depths, (trees, 3) start, end and trunk, {heads, keyHeads, seed}, from `at` on.
  Forest(const Call& call, int qkv, int at)
      : parents(call.indices(at)),
        depths(call.indices(at + 1)),
        trees(call.indices(at + 2)),
        count(call.size(at + 2) / 3),
        heads(setting(call, at, 0)),
        keyHeads(setting(call, at, 1)),
        rows(call.dim(qkv, 0)),
        row(call.dim(qkv, 1)),
        d(heads > 0 && keyHeads > 0 ? row / (heads + 2 * keyHeads) : 0),
        width(heads * d),
        seed(static_cast<uint32_t>(setting(call, at, 2))) {
    checkFit(d > 0 && row == d * (heads + 2 * keyHeads));
    checkFit(call.size(at) == rows && call.size(at + 1) == rows && call.size(at + 2) == 3 * count);
    int64_t end = 0;
    for (int64_t t = 0; t < count; t++) end = checkTree(trees + 3 * t, end);
    checkFit(end == rows);
  }

  static int32_t setting(const Call& call, int at, int i) {
    checkSizes(call, {{at + 3, 3}});
    return call.indices(at + 3)[i];
  }

  // Trees lie one behind the other, and who goes up from a branch node meets branch nodes until the trunk.
  int64_t checkTree(const int32_t* tree, int64_t start) const {
    const int64_t end = tree[1], branch = start + tree[2];
    if (tree[0] != start || end < start || end > rows || branch < start || branch > end) moft::outOfRange();
    for (int64_t i = branch; i < end; i++) {
      const int64_t depth = depths[i], parent = parents[i];
      if (depth <= tree[2]) continue;  // at most one key of the branch: its own
      if (parent < branch || parent >= i || depths[parent] != depth - 1) moft::outOfRange();
    }
    return end;
  }

  int64_t tail(const Tree& tree, int64_t i) const {  // branch keys of node i of the tree
    const int64_t keys = depths[tree.start + i] + 1 - tree.p;
    return keys > 0 ? keys : 0;
  }

  // Fills a list of `count` trees; answers how many weights all have.
  int64_t lay(Tree* list) const {
    int64_t at = 0;
    for (int64_t t = 0; t < count; t++) {
      Tree tree{trees[3 * t], trees[3 * t + 1] - trees[3 * t], trees[3 * t + 2], 0, at};
      for (int64_t i = tree.p; i < tree.n; i++) tree.branch += tail(tree, i);
      at += heads * (tree.n * tree.p + tree.branch);
      list[t] = tree;
    }
    return at;
  }
};

constexpr int64_t together = 8;  // rows of a block: what tileRows takes at once

// to (d, width) = the trunk's rows of keys or values, turned; 0 beyond them
inline void packTurned(const float* from, int64_t row, int64_t p, int64_t d, float* to, int64_t width) {
  for (int64_t c = 0; c < d; c++) {
    for (int64_t i = 0; i < p; i++) to[c * width + i] = from[i * row + c];
    for (int64_t i = p; i < width; i++) to[c * width + i] = 0;
  }
}

// Keys that rows i .. i + 7 may see of the trunk.
inline int64_t seen(const Tree& tree, int64_t i) { return i + together < tree.p ? i + together : tree.p; }

// s (n, padded) = a (n, d) turned (d, padded), as far as the trunk is seen
inline void againstTrunk(const Tree& tree, Strided a, const float* turned, int64_t d, int64_t padded, float* s) {
  for (int64_t i = 0; i < tree.n; i += together) {
    const int64_t rows = tree.n - i < together ? tree.n - i : together;
    multiply(rows, roundedUp(seen(tree, i)), d, {a.at + i * a.row, a.row, a.column}, turned, padded, s + i * padded,
             padded, false);
  }
}

// c (n, d) = s (n, padded) times rows of the trunk, as far as it is seen
inline void mixTrunk(const Tree& tree, const float* s, int64_t padded, const float* b, int64_t row, int64_t d, float* c,
                     int64_t ldc) {
  for (int64_t i = 0; i < tree.n; i += together) {
    const int64_t rows = tree.n - i < together ? tree.n - i : together;
    multiply(rows, d, seen(tree, i), {s + i * padded, padded, 1}, b, row, c + i * ldc, ldc, false);
  }
}

// c (p, d) += s' times rows of all nodes: a key is seen from itself on
inline void backToTrunk(const Tree& tree, const float* s, int64_t padded, const float* b, int64_t row, int64_t d,
                        float* c, int64_t ldc) {
  for (int64_t j = 0; j < tree.p; j += together) {
    const int64_t keys = tree.p - j < together ? tree.p - j : together;
    multiply(keys, d, tree.n - j, {s + j * padded + j, 1, padded}, b + j * row, row, c + j * ldc, ldc, true);
  }
}

// One tree and one head of keys, with the heads of queries that share it.
struct Group {
  const Forest& forest;
  const Tree& tree;
  int64_t keyHead;

  int64_t firstHead() const { return (keyHead * forest.heads + forest.keyHeads - 1) / forest.keyHeads; }
  int64_t endHead() const { return ((keyHead + 1) * forest.heads + forest.keyHeads - 1) / forest.keyHeads; }
  int64_t keys() const { return forest.width + keyHead * forest.d; }
  int64_t values() const { return keys() + forest.keyHeads * forest.d; }
  int64_t weights(int64_t head) const { return tree.weights + head * (tree.n * tree.p + tree.branch); }
  // Calls visit(node in the tree, key node, index among the branch weights).
  template <class F>
  void eachBranchKey(F visit) const {
    int64_t offset = 0;
    for (int64_t i = tree.p; i < tree.n; i++) {
      int64_t node = tree.start + i;
      for (const int64_t end = offset + forest.tail(tree, i); offset < end; offset++) {
        visit(i, node, offset);
        node = forest.parents[node];
      }
    }
  }
};

template <class F>
void overGroups(const Forest& forest, const Tree* trees, F f) {
  if (forest.count == 0) return;
  int64_t work = 0;
  for (int64_t t = 0; t < forest.count; t++) work += trees[t].n * (trees[t].p + 8) * forest.d;
  const int64_t groups = forest.count * forest.keyHeads;
  parallel(groups, work / forest.count * forest.heads / forest.keyHeads, [&](int64_t from, int64_t to) {
    for (int64_t g = from; g < to; g++) f(Group{forest, trees[g / forest.keyHeads], g % forest.keyHeads});
  });
}

// Scores of node i in `row` (trunk) and `tail` (branch) become weights.
inline void softmaxNode(float* row, int64_t limit, float* tail, int64_t count) {
  float top = -__builtin_inff(), sum = 0;
  for (int64_t j = 0; j < limit; j++) top = row[j] > top ? row[j] : top;
  for (int64_t j = 0; j < count; j++) top = tail[j] > top ? tail[j] : top;
  for (int64_t j = 0; j < limit; j++) sum += row[j] = expOf(row[j] - top);
  for (int64_t j = 0; j < count; j++) sum += tail[j] = expOf(tail[j] - top);
  const float factor = 1 / sum;
  for (int64_t j = 0; j < limit; j++) row[j] *= factor;
  for (int64_t j = 0; j < count; j++) tail[j] *= factor;
}

struct Dropping {
  double rate;
  uint32_t seed;
  void apply(const float* from, float* to, int64_t count, int64_t place) const {
    dropElements(from, to, count, static_cast<float>(rate), rate, Draw(seed + static_cast<uint32_t>(place)));
  }
};

// (n, padded) from (n, p), 0 beyond
inline void spread(const float* from, int64_t n, int64_t p, float* to, int64_t padded) {
  for (int64_t i = 0; i < n; i++) {
    std::memcpy(to + i * padded, from + i * p, static_cast<size_t>(p) * 4);
    for (int64_t j = p; j < padded; j++) to[i * padded + j] = 0;
  }
}

// qkv, {rate, rest of it} | forest -> out (N, heads d), weights
void attention(Call& call) {
  const Forest forest(call, 0, 2);
  checkSizes(call, {{1, 2}});
  const float* qkv = call.floats(0);
  const Dropping drop{exactRate(call.floats(1)), forest.seed};
  Several<Tree> trees(forest.count);
  const int64_t all = forest.lay(trees);
  float *out = call.result(0, {forest.rows, forest.width}), *weights = call.result(1, {all});
  overGroups(forest, trees, [&](const Group& group) {
    const Tree& tree = group.tree;
    const int64_t d = forest.d, row = forest.row, n = tree.n, p = tree.p, padded = roundedUp(p);
    Space turned(d * padded), scores(n * padded), queries(n * d), kept(n * p + tree.branch);
    const float* first = qkv + tree.start * row;
    packTurned(first + group.keys(), row, p, d, turned, padded);
    const float scale = 1 / __builtin_sqrtf(static_cast<float>(d));
    for (int64_t head = group.firstHead(); head < group.endHead(); head++) {
      float *own = weights + group.weights(head), *s = scores, *q = queries;
      for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < d; c++) q[i * d + c] = first[i * row + head * d + c] * scale;
      againstTrunk(tree, {q, d, 1}, turned, d, padded, s);
      float* tails = own + n * p;
      group.eachBranchKey([&](int64_t i, int64_t node, int64_t offset) {
        tails[offset] = dot(q + i * d, qkv + node * row + group.keys(), d);
      });
      for (int64_t i = 0; i < n; i++) {
        const int64_t limit = i + 1 < p ? i + 1 : p, count = forest.tail(tree, i);
        softmaxNode(s + i * padded, limit, tails, count);
        std::memcpy(own + i * p, s + i * padded, static_cast<size_t>(limit) * 4);
        std::memset(own + i * p + limit, 0, static_cast<size_t>(p - limit) * 4);
        tails += count;
      }
      const float* used = own;
      if (drop.rate > 0) {
        drop.apply(own, kept, n * p + tree.branch, group.weights(head));
        used = kept;
      }
      spread(used, n, p, s, padded);
      float* to = out + tree.start * forest.width + head * d;
      mixTrunk(tree, s, padded, first + group.values(), row, d, to, forest.width);
      group.eachBranchKey([&](int64_t i, int64_t node, int64_t offset) {
        addScaled(to + i * forest.width, qkv + node * row + group.values(), used[n * p + offset], d);
      });
    }
  });
}

// dS = scale W (dW - sum W dW) in place, over the trunk (padded) and the branch
inline void softmaxSlopes(const Group& group, const float* weights, float* slopes, int64_t padded, float* tails,
                          float scale) {
  const Tree& tree = group.tree;
  const float* own = weights + tree.n * tree.p;
  for (int64_t i = 0; i < tree.n; i++) {
    const int64_t limit = i + 1 < tree.p ? i + 1 : tree.p, count = group.forest.tail(tree, i);
    const float* w = weights + i * tree.p;
    float* s = slopes + i * padded;
    const float sum = dot(w, s, limit) + dot(own, tails, count);
    for (int64_t j = 0; j < limit; j++) s[j] = scale * w[j] * (s[j] - sum);
    for (int64_t j = limit; j < padded; j++) s[j] = 0;
    for (int64_t j = 0; j < count; j++) tails[j] = scale * own[j] * (tails[j] - sum);
    own += count;
    tails += count;
  }
}

// qkv, weights, dy, {rate, rest of it} | forest -> dqkv
void attentionGradient(Call& call) {
  const Forest forest(call, 0, 4);
  checkSizes(call, {{3, 2}});
  const float *qkv = call.floats(0), *weights = call.floats(1), *dy = call.floats(2);
  const Dropping drop{exactRate(call.floats(3)), forest.seed};
  Several<Tree> trees(forest.count);
  checkFit(forest.lay(trees) == call.size(1) && call.size(2) == forest.rows * forest.width);
  float* gradient = call.result(0, {forest.rows, forest.row});
  overGroups(forest, trees, [&](const Group& group) {
    const Tree& tree = group.tree;
    const int64_t d = forest.d, row = forest.row, n = tree.n, p = tree.p, padded = roundedUp(p);
    const int64_t size = n * p + tree.branch, width = forest.width;
    Space turned(d * padded), slopes(n * padded), kept(n * padded), flat(size), tails(tree.branch);
    const float* first = qkv + tree.start * row;
    float* into = gradient + tree.start * row;
    packTurned(first + group.values(), row, p, d, turned, padded);
    for (int64_t i = 0; i < n; i++) {
      std::memset(into + i * row + group.keys(), 0, static_cast<size_t>(d) * 4);
      std::memset(into + i * row + group.values(), 0, static_cast<size_t>(d) * 4);
    }
    const float scale = 1 / __builtin_sqrtf(static_cast<float>(d));
    for (int64_t head = group.firstHead(); head < group.endHead(); head++) {
      const int64_t place = group.weights(head);
      const float *own = weights + place, *upper = dy + tree.start * width + head * d, *used = own;
      float *s = slopes, *tail = tails;
      if (drop.rate > 0) {
        drop.apply(own, flat, size, place);
        used = flat;
      }
      // Values: dV = kept' dO. Weights: dW = dO V'.
      spread(used, n, p, kept, padded);
      backToTrunk(tree, kept, padded, upper, width, d, into + group.values(), row);
      againstTrunk(tree, {upper, width, 1}, turned, d, padded, s);
      group.eachBranchKey([&](int64_t i, int64_t node, int64_t offset) {
        addScaled(gradient + node * row + group.values(), upper + i * width, used[n * p + offset], d);
        tail[offset] = dot(upper + i * width, qkv + node * row + group.values(), d);
      });
      if (drop.rate > 0) {
        // The same draw once more, over (n, p) without the padding.
        float* f = flat;
        for (int64_t i = 0; i < n; i++) {
          const int64_t limit = i + 1 < p ? i + 1 : p;
          std::memcpy(f + i * p, s + i * padded, static_cast<size_t>(limit) * 4);
          std::memset(f + i * p + limit, 0, static_cast<size_t>(p - limit) * 4);
        }
        std::memcpy(f + n * p, tail, static_cast<size_t>(tree.branch) * 4);
        drop.apply(f, f, size, place);
        spread(f, n, p, s, padded);
        std::memcpy(tail, f + n * p, static_cast<size_t>(tree.branch) * 4);
      }
      softmaxSlopes(group, own, s, padded, tail, scale);
      // Queries and keys: dQ = dS K, dK = dS' Q.
      float* toQueries = into + head * d;
      mixTrunk(tree, s, padded, first + group.keys(), row, d, toQueries, row);
      backToTrunk(tree, s, padded, first + head * d, row, d, into + group.keys(), row);
      group.eachBranchKey([&](int64_t i, int64_t node, int64_t offset) {
        addScaled(toQueries + i * row, qkv + node * row + group.keys(), tail[offset], d);
        addScaled(gradient + node * row + group.keys(), first + i * row + head * d, tail[offset], d);
      });
    }
  });
}

}  // namespace
