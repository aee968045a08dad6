#include "experiments/pretrained/checkpoint/placement.h"

#include <algorithm>
#include <cstring>

#include "experiments/pretrained/checkpoint/element_type.h"

namespace polarize {
namespace {

// Of a tile: longer runs than those of a quarter of it gain nothing.
constexpr size_t kTileBytes = size_t{8} << 20;
constexpr size_t kMostTileRows = 512;

}  // namespace

Placement::Placement(const WeightArray& weights, const ZarrArray& array,
                     PackedPrecision precision, PackedWriter& writer)
    : weights_(weights),
      array_(array),
      writer_(writer),
      tensor_(writer.Tensor(weights.layered() ? 0 : writer.embedding_file(),
                            weights.tensor)),
      precision_(tensor_.is_matrix ? precision : PackedPrecision::kF32),
      from_bytes_(ElementBytes(array.zarray().type)),
      to_bytes_(PackedElementBytes(precision_)) {
  const std::vector<uint64_t>& shape = array.zarray().shape;
  for (size_t i = weights.layered() ? 1 : 0; i < shape.size(); ++i) {
    slice_ *= shape[i];
  }
  converted_.resize(kMostPieceBytes / from_bytes_ * to_bytes_);
  if (!weights.transposed) return;
  rows_ = shape[1];
  head_dim_ = shape[3];
  columns_ = shape[2] * shape[3];
  tile_rows_ = static_cast<size_t>(
      std::min({rows_, uint64_t{kMostTileRows},
                std::max<uint64_t>(1, kTileBytes / (columns_ * to_bytes_))}));
  tile_.resize(columns_ * tile_rows_ * to_bytes_);
}

void Placement::BeginChunk(uint64_t chunk) {
  filled_rows_ = 0;
  if (!weights_.transposed) return;
  const std::vector<AxisRange> box = array_.Box(chunk);
  heads_ = box[2];
  in_head_ = box[3];
}

absl::Status Placement::Place(uint64_t first, absl::Span<const char> bytes) {
  while (!bytes.empty()) {
    const uint64_t at = first % slice_;
    const uint64_t count =
        std::min<uint64_t>(slice_ - at, bytes.size() / from_bytes_);
    const absl::Status status =
        PlaceInLayer(static_cast<size_t>(first / slice_), at,
                     bytes.subspan(0, count * from_bytes_));
    if (!status.ok()) return status;
    first += count;
    bytes.remove_prefix(count * from_bytes_);
  }
  return absl::OkStatus();
}

absl::Status Placement::PlaceInLayer(size_t layer, uint64_t at,
                                     absl::Span<const char> bytes) {
  const size_t count = bytes.size() / from_bytes_;
  ConvertElements(array_.zarray().type, bytes.data(), count, precision_,
                  converted_.data());
  const absl::Span<const char> converted(converted_.data(), count * to_bytes_);
  return weights_.transposed ? PlaceTransposed(layer, at, converted)
                             : PlaceStraight(layer, at, converted);
}

absl::Status Placement::PlaceStraight(size_t layer, uint64_t at,
                                      absl::Span<const char> bytes) {
  const size_t file = weights_.layered() ? layer : writer_.embedding_file();
  return writer_.Write(file, tensor_.begin + at * to_bytes_, bytes);
}

absl::Status Placement::PlaceTransposed(size_t layer, uint64_t at,
                                        absl::Span<const char> bytes) {
  while (!bytes.empty()) {
    const uint64_t row = at / columns_, column = at % columns_;
    // A chunk's rows of a layer come in order.
    if (filled_rows_ > 0 &&
        (layer != tile_layer_ || row >= first_row_ + tile_rows_)) {
      if (absl::Status status = WriteTile(); !status.ok()) return status;
    }
    if (filled_rows_ == 0) {
      tile_layer_ = layer;
      first_row_ = row;
    }
    const uint64_t count =
        std::min<uint64_t>(columns_ - column, bytes.size() / to_bytes_);
    FillTile(row - first_row_, column, bytes.subspan(0, count * to_bytes_));
    at += count;
    bytes.remove_prefix(count * to_bytes_);
  }
  return absl::OkStatus();
}

void Placement::FillTile(uint64_t row, uint64_t column,
                         absl::Span<const char> bytes) {
  filled_rows_ = std::max<size_t>(filled_rows_, row + 1);
  const size_t stride = tile_rows_ * to_bytes_;
  char* to = tile_.data() + column * stride + row * to_bytes_;
  for (size_t i = 0; i < bytes.size(); i += to_bytes_, to += stride) {
    // Copies of a constant length are single instructions.
    if (to_bytes_ == 4) {
      std::memcpy(to, bytes.data() + i, 4);
    } else {
      std::memcpy(to, bytes.data() + i, 2);
    }
  }
}

absl::Status Placement::WriteTile() {
  if (filled_rows_ == 0) return absl::OkStatus();
  for (uint64_t head = heads_.begin; head < heads_.end; ++head) {
    for (uint64_t h = in_head_.begin; h < in_head_.end; ++h) {
      const uint64_t column = head * head_dim_ + h;
      const absl::Status status = writer_.Write(
          tile_layer_,
          tensor_.begin + (column * rows_ + first_row_) * to_bytes_,
          absl::MakeConstSpan(tile_).subspan(column * tile_rows_ * to_bytes_,
                                             filled_rows_ * to_bytes_));
      if (!status.ok()) return status;
    }
  }
  filled_rows_ = 0;
  return absl::OkStatus();
}

}  // namespace polarize
