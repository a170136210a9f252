// Rows of logits as distributions, in nats.
#pragma once
#include <cmath>

#include "pointwise.h"

namespace {

constexpr float hidden = -1e9f;  // log-probability of a masked token

// Logits in place become log-probabilities.
inline void logSoftmaxRow(float* row, int64_t n, const int32_t* masked, int64_t count) {
  for (int64_t i = 0; i < count; i++) row[masked[i]] = hidden;
  float top = row[0], sum = 0;
  for (int64_t c = 1; c < n; c++) top = row[c] > top ? row[c] : top;
  for (int64_t c = 0; c < n; c++) sum += expOf(row[c] - top);
  const float shift = top + std::log(sum);
  for (int64_t c = 0; c < n; c++) row[c] -= shift;
}

// x | masked columns -> log-probabilities
void logSoftmax(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1), count = call.size(1);
  const float* x = call.floats(0);
  const int32_t* masked = call.indices(1);
  checkFit(n > 0);
  checkIndices(masked, count, n);
  float* y = call.result(0, {rows, n});
  parallel(rows, 14 * n, [=](int64_t from, int64_t to) {
    std::memcpy(y + from * n, x + from * n, static_cast<size_t>((to - from) * n) * 4);
    for (int64_t r = from; r < to; r++) logSoftmaxRow(y + r * n, n, masked, count);
  });
}

// y, dy | masked -> dx = dy - softmax sum(dy); a masked column has none
void logSoftmaxGradient(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1), count = call.size(2);
  checkSizes(call, {{1, rows * n}});
  const float *y = call.floats(0), *dy = call.floats(1);
  const int32_t* masked = call.indices(2);
  checkIndices(masked, count, n);
  float* dx = call.result(0, {rows, n});
  parallel(rows, 14 * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      const float *p = y + r * n, *upper = dy + r * n;
      float* out = dx + r * n;
      float sum = 0;
      for (int64_t c = 0; c < n; c++) sum += upper[c];
      for (int64_t i = 0; i < count; i++) sum -= upper[masked[i]];
      for (int64_t c = 0; c < n; c++) out[c] = upper[c] - sum * expOf(p[c]);
      for (int64_t i = 0; i < count; i++) out[masked[i]] = 0;
    }
  });
}

// p -> (rows) entropies
void entropy(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  const float* p = call.floats(0);
  float* y = call.result(0, {rows});
  parallel(rows, expWork * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      float sum = 0;
      for (int64_t c = r * n; c < (r + 1) * n; c++) sum -= expOf(p[c]) * p[c];
      y[r] = sum;
    }
  });
}

// p, dy -> dp
void entropyGradient(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, rows}});
  const float *p = call.floats(0), *dy = call.floats(1);
  float* dp = call.result(0, {rows, n});
  parallel(rows, expWork * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++)
      for (int64_t c = r * n; c < (r + 1) * n; c++) dp[c] = -dy[r] * expOf(p[c]) * (p[c] + 1);
  });
}

// p, q -> (rows) KL(p || q)
void rowKl(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, rows * n}});
  const float *p = call.floats(0), *q = call.floats(1);
  float* y = call.result(0, {rows});
  parallel(rows, expWork * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      float sum = 0;
      for (int64_t c = r * n; c < (r + 1) * n; c++) sum += expOf(p[c]) * (p[c] - q[c]);
      y[r] = sum;
    }
  });
}

// p, q, dy -> dp
void rowKlGradientP(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, rows * n}, {2, rows}});
  const float *p = call.floats(0), *q = call.floats(1), *dy = call.floats(2);
  float* dp = call.result(0, {rows, n});
  parallel(rows, expWork * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++)
      for (int64_t c = r * n; c < (r + 1) * n; c++) dp[c] = dy[r] * expOf(p[c]) * (p[c] - q[c] + 1);
  });
}

// p, q, dy -> dq
void rowKlGradientQ(Call& call) {
  const int64_t rows = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, rows * n}, {2, rows}});
  const float *p = call.floats(0), *dy = call.floats(2);
  float* dq = call.result(0, {rows, n});
  parallel(rows, expWork * n, [=](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++)
      for (int64_t c = r * n; c < (r + 1) * n; c++) dq[c] = -dy[r] * expOf(p[c]);
  });
}

}  // namespace
