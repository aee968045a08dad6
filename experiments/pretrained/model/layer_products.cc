#include "experiments/pretrained/model/layer_products.h"

#include <algorithm>

#include "kernels/large_product/large_product.h"

namespace polarize {
namespace {

// Rows of a matrix that a task packs; even, as pairs ask.
constexpr size_t kTaskRows = 64;

size_t Tasks(size_t rows) { return (rows + kTaskRows - 1) / kTaskRows; }

}  // namespace

LayerProducts::LayerProducts(const PretrainedSizes& sizes,
                             ProductPrecision precision)
    : precision_(precision) {
  const size_t d = sizes.embed_dim, a = sizes.attention_dim(),
               f = sizes.ffn_dim;
  for (const Matrix m : {kQ, kK, kV}) packed_[m] = {d, a};
  packed_[kO] = {a, d};
  packed_[kGate] = packed_[kUp] = {d, f};
  packed_[kDown] = {f, d};
}

void LayerProducts::Layout(Arena& arena) {
  for (Packed& m : packed_) {
    if (precision_ == ProductPrecision::kF32) {
      m.f32 = arena.Take<float>(PackedProductSize(m.inner, m.outer));
    } else {
      m.pairs = arena.Take<uint32_t>(PackedProductSizeBF16(m.inner, m.outer));
    }
  }
}

void LayerProducts::Pack(const LayerWeights& layer, bool attention_only,
                         ParallelFor& parallel) {
  const std::array<const WeightMatrix*, kMatrices> from = {
      &layer.q,    &layer.k,  &layer.v,   &layer.o,
      &layer.gate, &layer.up, &layer.down};
  const size_t matrices = attention_only ? kK + 1 : kMatrices;
  size_t tasks = 0;
  for (size_t m = 0; m < matrices; ++m) tasks += Tasks(packed_[m].inner);
  parallel.Run(tasks, [&](size_t task) {
    size_t m = 0;
    for (; task >= Tasks(packed_[m].inner); ++m)
      task -= Tasks(packed_[m].inner);
    const Packed& to = packed_[m];
    const size_t first = task * kTaskRows;
    const size_t count = std::min(kTaskRows, to.inner - first);
    const auto pack = [&](const auto* rows) {
      rows += first * to.outer;
      if (precision_ == ProductPrecision::kF32) {
        PackProductRows(rows, first, count, to.inner, to.outer, to.f32);
      } else {
        PackProductRowsBF16(rows, first, count, to.inner, to.outer, to.pairs);
      }
    };
    from[m]->is_bf16() ? pack(from[m]->bf16.data()) : pack(from[m]->f32.data());
  });
}

size_t LayerProducts::ScratchSize() { return LargeProductScratch(); }

void LayerProducts::Multiply(Matrix matrix, const float* x, size_t rows,
                             float* y, uint32_t* scratch) const {
  const Packed& m = packed_[matrix];
  if (precision_ == ProductPrecision::kF32) {
    LargeProduct(x, rows, m.f32, m.inner, m.outer, y,
                 reinterpret_cast<float*>(scratch));
  } else {
    LargeProductBF16(x, rows, m.pairs, m.inner, m.outer, y, scratch);
  }
}

size_t LayerProducts::MultiplyAdds(bool attention_only) const {
  size_t sum = 0;
  for (size_t m = 0; m < (attention_only ? kK + 1 : kMatrices); ++m) {
    sum += packed_[m].inner * packed_[m].outer;
  }
  return sum;
}

}  // namespace polarize
