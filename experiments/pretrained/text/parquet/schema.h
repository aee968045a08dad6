// Where the column "text" is among the columns of a Parquet file.
//
// Source: apache/parquet-format, parquet.thrift, SchemaElement.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_SCHEMA_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_SCHEMA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "experiments/pretrained/text/parquet/compact.h"

namespace polarize {

// A schema is a tree of columns and groups of columns, written root first and
// each group before its members. Columns without members are the leaves; row
// groups have a chunk for each, in this order.
class Schema {
 public:
  // Reads the `count` elements that follow.
  absl::Status Read(size_t count, CompactReader* reader);

  // Of the top-level column "text", after Read().
  size_t leaf() const { return text_leaf_; }
  bool optional() const { return optional_; }

 private:
  struct Element;

  absl::Status Add(const Element& element);
  absl::Status CheckText(const Element& element);
  absl::Status AtTheEnd() const;

  std::vector<int64_t> members_left_;  // of the groups that are open
  std::vector<std::string> top_level_;
  size_t leaves_ = 0;
  bool found_ = false;
  size_t text_leaf_ = 0;
  bool optional_ = false;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_SCHEMA_H_
