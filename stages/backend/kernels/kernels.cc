// All kernels, compiled once for each set of instructions: MOFT_KERNELS names the function that lists this one's.
#include "cached.h"
#include "decode.h"
#include "rows.h"
#include "update.h"

namespace {

// -> which set of instructions this is, as kernel-build.ts names them
void instructions(Call& call) {
#if defined(__AVX512F__)
  call.result(0, {1})[0] = 2;
#elif defined(__AVX2__)
  call.result(0, {1})[0] = 1;
#else
  call.result(0, {1})[0] = 0;
#endif
}

}  // namespace

namespace moft {

Kernels MOFT_KERNELS() {
  static const Kernel list[] = {
      {"MoftActivation", activation},
      {"MoftActivationGradient", activationGradient},
      {"MoftAdam", adam},
      {"MoftAttention", attention},
      {"MoftAttentionGradient", attentionGradient},
      {"MoftCachedAttention", cachedAttention},
      {"MoftColumnSums", columnSums},
      {"MoftCombine", combine},
      {"MoftDecode", decode},
      {"MoftDropout", dropout},
      {"MoftEmbed", embed},
      {"MoftEmbedGradient", embedGradient},
      {"MoftEntropy", entropy},
      {"MoftEntropyGradient", entropyGradient},
      {"MoftGated", gated},
      {"MoftGatedGradient", gatedGradient},
      {"MoftGatherRows", gatherRows},
      {"MoftInstructions", instructions},
      {"MoftLayerNorm", layerNorm},
      {"MoftLayerNormGradient", layerNormGradient},
      {"MoftLogSoftmax", logSoftmax},
      {"MoftLogSoftmaxGradient", logSoftmaxGradient},
      {"MoftPick", pick},
      {"MoftPickGradient", pickGradient},
      {"MoftRmsNorm", rmsNorm},
      {"MoftRmsNormGradient", rmsNormGradient},
      {"MoftRotate", rotate},
      {"MoftRowKl", rowKl},
      {"MoftRowKlGradientP", rowKlGradientP},
      {"MoftRowKlGradientQ", rowKlGradientQ},
      {"MoftScatterRows", scatterRows},
      {"MoftSegmentSum", segmentSum},
      {"MoftSegmentSumGradient", segmentSumGradient},
      {"MoftSquares", squares},
  };
  return {list, sizeof(list) / sizeof(list[0])};
}

}  // namespace moft
