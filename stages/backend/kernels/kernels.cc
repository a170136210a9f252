// All kernels, compiled once for each set of instructions: MOFT_KERNELS names the function that lists this one's.
#include "cached.h"
#include "distribution.h"
#include "rows.h"
#include "update.h"

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
      {"MoftDropout", dropout},
      {"MoftEmbed", embed},
      {"MoftEmbedGradient", embedGradient},
      {"MoftEntropy", entropy},
      {"MoftEntropyGradient", entropyGradient},
      {"MoftGated", gated},
      {"MoftGatedGradient", gatedGradient},
      {"MoftGatherRows", gatherRows},
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
