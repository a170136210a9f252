// Inner loops: exponentials, sums and products of small matrices.
#pragma once
#include <cstring>

#include "base.h"

namespace {

// Relative error below 2e-7; 0 below -87, held at 88. Written so that loops of it become vectors, whose sums the compiler
// reorders: it would make one float of a ln 2 in two parts, so f comes of fused steps, or of double precision.
inline float expOf(float x) {
  const float held = x > 88.f ? 88.f : x;
  const float k = __builtin_floorf(held * 1.44269504f + 0.5f);
#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  const float f = __builtin_fmaf(k, 2.12194440e-4f, __builtin_fmaf(-k, 0.693359375f, held));
#else
  const float f = static_cast<float>(static_cast<double>(held) - static_cast<double>(k) * 0.6931471805599453);
#endif
  const float series =
      1.9875691500e-4f * f + 1.3981999507e-3f;
  const float poly =
      ((((series * f + 8.3334519073e-3f) * f + 4.1665795894e-2f) * f + 1.6666665459e-1f) * f + 5.0000001201e-1f) * f *
          f +
      f + 1.f;
  const int32_t bits = (static_cast<int32_t>(x < -87.f ? -87.f : k) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, 4);
  return x < -87.f ? 0.f : poly * power;
}

inline float dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

inline void addScaled(float* to, const float* from, float factor, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

constexpr int64_t wide = 16;
typedef float Wide __attribute__((vector_size(64), aligned(4), may_alias));

inline int64_t roundedUp(int64_t n) { return (n + wide - 1) / wide * wide; }

// A matrix whose element (i, l) is at[i * row + l * column].
struct Strided {
  const float* at;
  int64_t row, column;
};

// c (R, 16 C) = a (R, k) b (k, 16 C), or added to it.
template <int R, int C = 1>
inline __attribute__((always_inline)) void tile(Strided a, const float* b, int64_t ldb, int64_t k, float* c, int64_t ldc,
                                                bool add) {
  Wide sum[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int x = 0; x < C; x++)
      sum[r][x] = add ? *reinterpret_cast<const Wide*>(c + r * ldc + x * wide) : Wide{};
  for (int64_t l = 0; l < k; l++) {
    Wide row[C];
#pragma GCC unroll 2
    for (int x = 0; x < C; x++) row[x] = *reinterpret_cast<const Wide*>(b + l * ldb + x * wide);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
      for (int x = 0; x < C; x++) sum[r][x] += a.at[r * a.row + l * a.column] * row[x];
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int x = 0; x < C; x++) *reinterpret_cast<Wide*>(c + r * ldc + x * wide) = sum[r][x];
}

// Rows and sixteens of columns of a tile whose sums fit the registers.
#if defined(__AVX512F__)
constexpr int tall = 8, across = 2;
#elif defined(__AVX2__) || defined(__aarch64__)
constexpr int tall = 4, across = 1;
#else
constexpr int tall = 2, across = 1;
#endif
constexpr int64_t broad = across * wide;

inline void tileRows(int64_t rows, Strided a, const float* b, int64_t ldb, int64_t k, float* c, int64_t ldc, bool add) {
  while (rows > 0) {
    const int64_t taken = rows >= 8 ? 8 : rows >= 4 ? 4 : 1;
    if (taken == 8)
      tile<8>(a, b, ldb, k, c, ldc, add);
    else if (taken == 4)
      tile<4>(a, b, ldb, k, c, ldc, add);
    else
      tile<1>(a, b, ldb, k, c, ldc, add);
    rows -= taken;
    a.at += taken * a.row;
    c += taken * ldc;
  }
}

// c (m, n) = a (m, k) b (k, n), or added to it. Rows of b and c are contiguous.
inline void multiply(int64_t m, int64_t n, int64_t k, Strided a, const float* b, int64_t ldb, float* c, int64_t ldc,
                     bool add) {
  int64_t j = 0;
  for (; j + wide <= n; j += wide) tileRows(m, a, b + j, ldb, k, c + j, ldc, add);
  if (j == n) return;
  // What is left is narrower than a vector.
  for (int64_t i = 0; i < m; i++) {
    float* to = c + i * ldc;
    if (!add)
      for (int64_t x = j; x < n; x++) to[x] = 0;
    for (int64_t l = 0; l < k; l++) {
      const float factor = a.at[i * a.row + l * a.column];
      for (int64_t x = j; x < n; x++) to[x] += factor * b[l * ldb + x];
    }
  }
}

}  // namespace
