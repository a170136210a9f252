// Activations, gates, dropout and rotary positions.
#pragma once
#include "vectors.h"

namespace {

constexpr float root = 0.7978845608f;  // sqrt(2 / pi)
constexpr float cubic = 0.044715f;

// Standard normal distribution function, error below 1e-7 (Abramowitz and Stegun 7.1.26).
inline float normalCdf(float x) {
  const float z = __builtin_fabsf(x) * 0.70710678f;
  const float t = 1 / (1 + 0.3275911f * z);
  const float series =
      t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float upper = 0.5f * series * expOf(-z * z);
  return x > 0 ? 1 - upper : upper;
}

struct GeluNew {
  static float sigma(float x) { return 1 / (1 + expOf(-2 * root * (x + cubic * x * x * x))); }
  static float value(float x) { return x * sigma(x); }
  static float slope(float x) {
    const float s = sigma(x);
    return s * (1 + x * (1 - s) * 2 * root * (1 + 3 * cubic * x * x));
  }
};
struct Gelu {
  static float value(float x) { return x * normalCdf(x); }
  static float slope(float x) { return normalCdf(x) + x * expOf(-0.5f * x * x) * 0.3989422804f; }
};
struct Relu {
  static float value(float x) { return x > 0 ? x : 0; }
  static float slope(float x) { return x > 0 ? 1.f : 0.f; }
};
struct Silu {
  static float value(float x) { return x / (1 + expOf(-x)); }
  static float slope(float x) {
    const float s = 1 / (1 + expOf(-x));
    return s * (1 + x * (1 - s));
  }
};

// The kind by its number in the indices, so that every loop is of one activation.
template <class F>
void byKind(int32_t kind, F f) {
  if (kind == 0) return f(GeluNew{});
  if (kind == 1) return f(Gelu{});
  if (kind == 2) return f(Relu{});
  return f(Silu{});
}

constexpr int64_t expWork = 12;

// x | {kind} -> y
void activation(Call& call) {
  checkSizes(call, {{1, 1}});
  const float* x = call.floats(0);
  float* y = call.resultLike(0, 0);
  byKind(call.indices(1)[0], [&](auto kind) {
    parallel(call.size(0), expWork, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) y[i] = decltype(kind)::value(x[i]);
    });
  });
}

// x, dy | {kind} -> dx
void activationGradient(Call& call) {
  checkSizes(call, {{1, call.size(0)}, {2, 1}});
  const float *x = call.floats(0), *dy = call.floats(1);
  float* dx = call.resultLike(0, 0);
  byKind(call.indices(2)[0], [&](auto kind) {
    parallel(call.size(0), expWork, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) dx[i] = dy[i] * decltype(kind)::slope(x[i]);
    });
  });
}

// gate, up | {kind} -> y
void gated(Call& call) {
  checkSizes(call, {{1, call.size(0)}, {2, 1}});
  const float *gate = call.floats(0), *up = call.floats(1);
  float* y = call.resultLike(0, 0);
  byKind(call.indices(2)[0], [&](auto kind) {
    parallel(call.size(0), expWork, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) y[i] = decltype(kind)::value(gate[i]) * up[i];
    });
  });
}

// gate, up, dy | {kind} -> dgate, dup
void gatedGradient(Call& call) {
  checkSizes(call, {{1, call.size(0)}, {2, call.size(0)}, {3, 1}});
  const float *gate = call.floats(0), *up = call.floats(1), *dy = call.floats(2);
  float *dgate = call.resultLike(0, 0), *dup = call.resultLike(1, 0);
  byKind(call.indices(3)[0], [&](auto kind) {
    parallel(call.size(0), 2 * expWork, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) {
        dgate[i] = dy[i] * up[i] * decltype(kind)::slope(gate[i]);
        dup[i] = dy[i] * decltype(kind)::value(gate[i]);
      }
    });
  });
}

// Tommy Ettinger's mulberry32, as ops/dropout.ts draws: uniform in [0, 1).
class Draw {
 public:
  explicit Draw(uint32_t seed) : state_(seed) {}
  double next() {
    state_ += 0x6d2b79f5u;
    uint32_t t = (state_ ^ (state_ >> 15)) * (state_ | 1u);
    t ^= t + (t ^ (t >> 7)) * (t | 61u);
    return (t ^ (t >> 14)) / 4294967296.0;
  }
  void skip(int64_t count) { state_ += 0x6d2b79f5u * static_cast<uint32_t>(count); }

 private:
  uint32_t state_;
};

// A share `rate` becomes 0, the rest is scaled up; `to` may be `from`.
inline void dropElements(const float* from, float* to, int64_t count, float rate, double exact, Draw draw) {
  const float scale = 1 / (1 - rate);
  for (int64_t i = 0; i < count; i++) to[i] = draw.next() < exact ? 0 : from[i] * scale;
}

// A rate in two floats is as exact as the number that JavaScript compares with.
inline double exactRate(const float* halves) { return static_cast<double>(halves[0]) + halves[1]; }

// x, {rate, rest of the rate} | {seed} -> y
void dropout(Call& call) {
  checkSizes(call, {{1, 2}, {2, 1}});
  const float* x = call.floats(0);
  const double rate = exactRate(call.floats(1));
  const auto seed = static_cast<uint32_t>(call.indices(2)[0]);
  float* y = call.resultLike(0, 0);
  parallel(call.size(0), 6, [=](int64_t from, int64_t to) {
    Draw draw(seed);
    draw.skip(from);
    dropElements(x + from, y + from, to - from, static_cast<float>(rate), rate, draw);
  });
}

// Pairs (j, j + half) of a head turn; `to` may be `from`.
inline void turnHead(const float* from, const float* turn, int64_t half, float sign, float* to) {
  for (int64_t j = 0; j < half; j++) {
    const float cosine = turn[2 * j], sine = sign * turn[2 * j + 1], a = from[j], b = from[half + j];
    to[j] = a * cosine - b * sine;
    to[half + j] = b * cosine + a * sine;
  }
}

// x, (positions, half, 2) cosines and sines | (N) positions, {heads, back, half} -> y: each head turns, the other way
// where `back` is not 0; what follows the heads stays
void rotate(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{2, rows}, {3, 3}});
  const float *x = call.floats(0), *turns = call.floats(1);
  const int32_t *positions = call.indices(2), *how = call.indices(3);
  const int64_t heads = how[0], half = how[2];
  checkFit(heads >= 0 && half >= 0 && 2 * half * heads <= n);
  const float sign = how[1] ? -1.f : 1.f;
  if (half > 0) checkIndices(positions, rows, call.size(1) / (2 * half));
  float* y = call.resultLike(0, 0);
  parallel(rows, 3 * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      const float *in = x + r * n, *turn = turns + 2 * half * positions[r];
      float* out = y + r * n;
      for (int64_t head = 0; head < heads; head++, in += 2 * half, out += 2 * half)
        turnHead(in, turn, half, sign, out);
      std::memcpy(out, in, static_cast<size_t>(n - 2 * half * heads) * 4);
    }
  });
}

}  // namespace
