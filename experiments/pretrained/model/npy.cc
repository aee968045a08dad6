#include "experiments/pretrained/model/npy.h"

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

void AppendLittleEndian(uint64_t bits, size_t bytes, std::string* text) {
  for (size_t i = 0; i < bytes; ++i) {
    text->push_back(static_cast<char>(bits >> (8 * i)));
  }
}

}  // namespace

std::string NpyText(absl::Span<const double> values, size_t rows, size_t cols) {
  std::string header =
      absl::StrCat("{'descr': '<f8', 'fortran_order': False, 'shape': (", rows,
                   ", ", cols, "), }");
  // Magic, version and length take ten bytes; numbers start on a line of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header.push_back('\n');
  std::string text = "\x93NUMPY";
  text.push_back(1);
  text.push_back(0);
  AppendLittleEndian(header.size(), 2, &text);
  text += header;
  for (const double value : values) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    AppendLittleEndian(bits, 8, &text);
  }
  return text;
}

}  // namespace polarize
