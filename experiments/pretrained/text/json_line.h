// One line of a .jsonl file.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_JSON_LINE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_JSON_LINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// The documents that a line holds. It is a JSON object (RFC 8259) of one of two
// kinds:
//   {"text": "...", ...}  one document; other fields are not looked at
//   {"rows": [{"row_idx": 0, "row": {"text": "..."}, "truncated_cells": []},
//             ...], "num_rows_total": 10000, ...}
//     a page of a data set, as the Hugging Face dataset viewer's /rows sends it
struct JsonDocuments {
  std::vector<std::string> texts;
  bool is_page = false;
  // Of a page.
  uint64_t first_row = 0;
  uint64_t rows_in_all = 0;  // 0: it does not say
};

// Errors name the rule: no JSON object, a field that is missing, repeated or of
// the wrong kind, brackets deeper than 30, bytes that are not UTF-8, a lone
// half of a surrogate pair, a page whose rows are not consecutive or not whole.
absl::StatusOr<JsonDocuments> ParseJsonLine(absl::string_view line);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_JSON_LINE_H_
