// The texts of one page of a Parquet file.
//
// Source: apache/parquet-format, README.md, "Data Pages", and Encodings.md.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_TEXT_PAGE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_TEXT_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/parquet/file_metadata.h"
#include "experiments/pretrained/text/parquet/page_header.h"

namespace polarize {

// `bytes`, as they were before they were compressed to them: `size` bytes.
// Memory for them is asked for only if that many can come out of these.
absl::StatusOr<std::string> Unpack(Codec codec, std::string bytes, size_t size);

// A page in memory. It stays where it is: texts point into it.
class TextPage {
 public:
  TextPage() = default;
  TextPage(const TextPage&) = delete;
  TextPage& operator=(const TextPage&) = delete;

  void Clear();

  // Errors name the rule: texts that are cut, too long or no UTF-8, bytes that
  // follow the last. `bytes` are the page without its header, header.bytes of
  // them.
  absl::Status DecodeDictionary(const PageHeader& header, Codec codec,
                                std::string bytes);

  // The same for a page of rows, the first of which is `first_row`. If the
  // column is optional they have definition levels, and a null is an error.
  // Texts of a dictionary are those of `dictionary`, which must outlive them.
  absl::Status DecodeData(const PageHeader& header, Codec codec, bool optional,
                          const TextPage& dictionary, uint64_t first_row,
                          std::string bytes);

  const std::vector<absl::string_view>& texts() const { return texts_; }

 private:
  absl::Status TakePlain(absl::string_view rest, size_t count,
                         absl::string_view what, uint64_t first);
  absl::Status TakeIndices(absl::string_view rest, size_t count,
                           const TextPage& dictionary);

  std::string bytes_;
  std::vector<absl::string_view> texts_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_TEXT_PAGE_H_
