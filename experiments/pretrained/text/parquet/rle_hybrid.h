// Parquet's code for small numbers: runs of one number, and packed bits.
//
// Source: apache/parquet-format, Encodings.md, "Run Length Encoding /
// Bit-Packing Hybrid".
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_RLE_HYBRID_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_RLE_HYBRID_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace polarize {

// Decodes `count` numbers of `width` <= 32 bits, which all of the bytes must be
// needed for. Errors name the rule.
absl::Status DecodeRleHybrid(absl::string_view bytes, int width, size_t count,
                             std::vector<uint32_t>* numbers);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_RLE_HYBRID_H_
