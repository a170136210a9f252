// Layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019), forward and backward.
#pragma once
#include <cmath>

#include "vectors.h"

namespace {

// Rows a partial sum over rows is made of: whatever the threads, the same.
constexpr int64_t blocks = 32;

// sums (n) = the rows of `blocks` partial sums, added in order.
inline void addBlocks(const float* parts, int64_t stride, int64_t n, float* sums) {
  std::memset(sums, 0, static_cast<size_t>(n) * 4);
  for (int64_t b = 0; b < blocks; b++) addScaled(sums, parts + b * stride, 1, n);
}

// f(first row, last row, block) for each block.
template <class F>
void overBlocks(int64_t rows, int64_t workEach, F f) {
  parallel(blocks, workEach * rows / blocks, [&](int64_t from, int64_t to) {
    for (int64_t b = from; b < to; b++) f(rows * b / blocks, rows * (b + 1) / blocks, b);
  });
}

struct Statistics {
  float mean, scale;
};

inline Statistics normRow(const float* in, const float* gain, const float* bias, float epsilon, int64_t n, float* out) {
  float sum = 0, squares = 0;
  for (int64_t c = 0; c < n; c++) sum += in[c];
  const float mean = sum / n;
  for (int64_t c = 0; c < n; c++) squares += (in[c] - mean) * (in[c] - mean);
  const float scale = 1 / std::sqrt(squares / n + epsilon);
  for (int64_t c = 0; c < n; c++) out[c] = (in[c] - mean) * scale * gain[c] + bias[c];
  return {mean, scale};
}

// x, gain, bias, {epsilon} -> y, (rows, 2) means and scales
void layerNorm(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, n}, {2, n}, {3, 1}});
  const float *x = call.floats(0), *gain = call.floats(1), *bias = call.floats(2);
  const float epsilon = call.floats(3)[0];
  float *y = call.result(0, {rows, n}), *statistics = call.result(1, {rows, 2});
  parallel(rows, 4 * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      const Statistics of = normRow(x + r * n, gain, bias, epsilon, n, y + r * n);
      statistics[2 * r] = of.mean;
      statistics[2 * r + 1] = of.scale;
    }
  });
}

// x, gain, statistics, dy -> dx, dgain, dbias: dx = scale (g - mean(g) - xhat mean(g xhat)) with g = gain dy
void layerNormGradient(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, n}, {2, 2 * rows}, {3, rows * n}});
  const float *x = call.floats(0), *gain = call.floats(1), *statistics = call.floats(2), *dy = call.floats(3);
  float *dx = call.result(0, {rows, n}), *dgain = call.result(1, {n}), *dbias = call.result(2, {n});
  Space space(blocks * 2 * n);
  float* parts = space;
  overBlocks(rows, 8 * n, [=](int64_t first, int64_t last, int64_t block) {
    float *gains = parts + block * 2 * n, *biases = gains + n;
    std::memset(gains, 0, static_cast<size_t>(2 * n) * 4);
    for (int64_t r = first; r < last; r++) {
      const float mean = statistics[2 * r], scale = statistics[2 * r + 1];
      const float *in = x + r * n, *upper = dy + r * n;
      float* out = dx + r * n;
      float sum = 0, along = 0;
      for (int64_t c = 0; c < n; c++) {
        const float normal = (in[c] - mean) * scale, g = upper[c] * gain[c];
        sum += g;
        along += g * normal;
        gains[c] += upper[c] * normal;
        biases[c] += upper[c];
      }
      sum /= n;
      along /= n;
      for (int64_t c = 0; c < n; c++)
        out[c] = scale * (upper[c] * gain[c] - sum - (in[c] - mean) * scale * along);
    }
  });
  addBlocks(parts, 2 * n, n, dgain);
  addBlocks(parts + n, 2 * n, n, dbias);
}

inline float rmsRow(const float* in, const float* gain, float epsilon, int64_t n, float* out) {
  const float scale = 1 / std::sqrt(dot(in, in, n) / n + epsilon);
  for (int64_t c = 0; c < n; c++) out[c] = in[c] * scale * gain[c];
  return scale;
}

// x, gain, {epsilon} -> y, (rows) scales
void rmsNorm(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, n}, {2, 1}});
  const float *x = call.floats(0), *gain = call.floats(1);
  const float epsilon = call.floats(2)[0];
  float *y = call.result(0, {rows, n}), *scales = call.result(1, {rows});
  parallel(rows, 3 * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) scales[r] = rmsRow(x + r * n, gain, epsilon, n, y + r * n);
  });
}

// x, gain, scales, dy -> dx, dgain: dx = scale (g - xhat mean(g xhat)) with g = gain dy
void rmsNormGradient(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, n}, {2, rows}, {3, rows * n}});
  const float *x = call.floats(0), *gain = call.floats(1), *scales = call.floats(2), *dy = call.floats(3);
  float *dx = call.result(0, {rows, n}), *dgain = call.result(1, {n});
  Space space(blocks * n);
  float* parts = space;
  overBlocks(rows, 6 * n, [=](int64_t first, int64_t last, int64_t block) {
    float* gains = parts + block * n;
    std::memset(gains, 0, static_cast<size_t>(n) * 4);
    for (int64_t r = first; r < last; r++) {
      const float scale = scales[r];
      const float *in = x + r * n, *upper = dy + r * n;
      float* out = dx + r * n;
      float along = 0;
      for (int64_t c = 0; c < n; c++) {
        const float normal = in[c] * scale;
        along += upper[c] * gain[c] * normal;
        gains[c] += upper[c] * normal;
      }
      along /= n;
      for (int64_t c = 0; c < n; c++) out[c] = scale * (upper[c] * gain[c] - in[c] * scale * along);
    }
  });
  addBlocks(parts, n, n, dgain);
}

// dy (rows, n) -> (n) sums of its columns: the gradient of a bias
void columnSums(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  const float* dy = call.floats(0);
  float* sums = call.result(0, {n});
  Space space(blocks * n);
  float* parts = space;
  overBlocks(rows, n, [=](int64_t first, int64_t last, int64_t block) {
    float* sum = parts + block * n;
    std::memset(sum, 0, static_cast<size_t>(n) * 4);
    for (int64_t r = first; r < last; r++) addScaled(sum, dy + r * n, 1, n);
  });
  addBlocks(parts, n, n, sums);
}

}  // namespace
