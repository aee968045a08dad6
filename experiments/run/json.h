// One JSON object on one line, as metrics.jsonl and summary.json hold them.
#ifndef POLARIZE_EXPERIMENTS_RUN_JSON_H_
#define POLARIZE_EXPERIMENTS_RUN_JSON_H_

#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace polarize {

// JsonLine().Add("step", 3).Add("train/loss", 0.5).Text() is
// {"step":3,"train/loss":0.5}
//
// Members keep the order in which they were added; nobody checks that names
// differ. A double gets the shortest text that reads back as the same double
// (a float is written as the double of its value); NaN and infinities, which
// JSON lacks, are null. Text is UTF-8; each byte that is not becomes U+FFFD.
// Clear() keeps the memory, so that a line written again and again allocates
// nothing once it has been as long as it gets.
class JsonLine {
 public:
  JsonLine& Add(absl::string_view name, double value);
  JsonLine& Add(absl::string_view name, bool value);
  JsonLine& Add(absl::string_view name, absl::string_view value);
  // Not a bool, which a pointer would otherwise become.
  JsonLine& Add(absl::string_view name, const char* value) {
    return Add(name, absl::string_view(value));
  }
  template <typename Integer,
            std::enable_if_t<std::is_integral<Integer>::value>* = nullptr>
  JsonLine& Add(absl::string_view name, Integer value) {
    if (std::is_signed<Integer>::value) {
      return AddSigned(name, static_cast<int64_t>(value));
    }
    return AddUnsigned(name, static_cast<uint64_t>(value));
  }
  JsonLine& Add(absl::string_view name, absl::Span<const int64_t> values);
  // An object inside this one.
  JsonLine& Add(absl::string_view name, const JsonLine& value);

  void Clear() { members_.resize(1); }

  // The object, without a line end or with one; valid until the next call.
  absl::string_view Text();
  absl::string_view TextWithNewline();

 private:
  JsonLine& AddSigned(absl::string_view name, int64_t value);
  JsonLine& AddUnsigned(absl::string_view name, uint64_t value);
  void StartMember(absl::string_view name);

  std::string members_ = "{";
  std::string text_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_JSON_H_
