// The matrices of one layer, packed for products.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_LAYER_PRODUCTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_LAYER_PRODUCTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "experiments/pretrained/model/layer_weights.h"
#include "experiments/pretrained/model/sizes.h"
#include "kernels/base/arena.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

enum class ProductPrecision {
  kF32,   // weights that are bfloat16 are widened, which is exact
  kBF16,  // both factors rounded to bfloat16, sums in float32
};

class LayerProducts {
 public:
  enum Matrix { kQ, kK, kV, kO, kGate, kUp, kDown, kMatrices };

  LayerProducts(const PretrainedSizes& sizes, ProductPrecision precision);

  // Takes the memory for one layer, see Arena.
  void Layout(Arena& arena);

  // From a layer that CheckLayerWeights passed; attention_only: q and k alone.
  void Pack(const LayerWeights& layer, bool attention_only,
            ParallelFor& parallel);

  // y <- x W for `rows` rows. scratch: ScratchSize() words of 32 bits.
  void Multiply(Matrix matrix, const float* x, size_t rows, float* y,
                uint32_t* scratch) const;
  static size_t ScratchSize();

  // Multiply-adds that one row of x costs.
  size_t MultiplyAdds(bool attention_only) const;

 private:
  struct Packed {
    size_t inner, outer;
    float* f32 = nullptr;
    uint32_t* pairs = nullptr;
  };

  ProductPrecision precision_;
  std::array<Packed, kMatrices> packed_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_LAYER_PRODUCTS_H_
