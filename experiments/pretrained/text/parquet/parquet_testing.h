// Parquet files for tests: written from the format's description, by hand where
// pyarrow would not write them so.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PARQUET_TESTING_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PARQUET_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace polarize {

// Of fixtures/, which tools/peer/write_parquet.py wrote.
std::string FixturePath(absl::string_view name);
std::string Fixture(absl::string_view name);

// Those of fixtures/ that hold the documents of texts.jsonl, without .parquet.
std::vector<std::string> GoodFixtures();

// A struct in Thrift's compact protocol; fields in the order of their ids.
class CompactStruct {
 public:
  CompactStruct& Integer(int id, int64_t value);  // an i64
  CompactStruct& Bool(int id, bool value);
  CompactStruct& Binary(int id, absl::string_view value);
  CompactStruct& Struct(int id, const CompactStruct& value);
  CompactStruct& Structs(int id, const std::vector<CompactStruct>& values);
  CompactStruct& Binaries(int id, const std::vector<std::string>& values);

  std::string bytes() const { return fields_ + '\0'; }

 private:
  void Field(int id, int type);

  std::string fields_;
  int last_ = 0;
};

// Without waiting for the disk, as file systems do for files that were emptied.
void OverwriteFile(const std::string& path, absl::string_view bytes);

// Four bytes, the low one first.
std::string Length(size_t value);
// Texts as PLAIN has them.
std::string PlainTexts(const std::vector<std::string>& texts);
// `count` definition levels of 1, without their length.
std::string Levels(size_t count);

// One page; sizes of -1 are what the body has.
struct PageOf {
  int64_t kind = 0;
  int64_t values = 0;
  int64_t encoding = 0;
  std::string body;
  int64_t bytes = -1;
  int64_t unpacked_bytes = -1;
  // Of data pages of the first version.
  int64_t level_encoding = 3;
  // Of the second.
  int64_t level_bytes = 0;
  int64_t repetition_bytes = 0;
  int64_t rows = -1;  // as many as values
  bool is_compressed = true;

  CompactStruct Header() const;
};

struct GroupOf {
  int64_t rows = 0;
  std::vector<PageOf> pages;
  int64_t codec = 0;
  // -1: as it is.
  int64_t values = -1;
  int64_t start = -1;
  int64_t bytes = -1;
  std::vector<std::string> path = {"text"};
  std::string in_file;
  bool encrypted = false;
};

struct FileOf {
  int64_t repetition = 0;
  int64_t type = 6;
  int64_t converted = 0;
  std::vector<GroupOf> groups;
  int64_t rows = -1;  // of all groups

  std::string bytes() const;
};

// A file with this schema and no rows: elements after the root, which has
// `members`.
std::string FileOfSchema(int64_t members, std::vector<CompactStruct> elements);

// The whole file: pages, then metadata.
std::string Assemble(absl::string_view pages, absl::string_view metadata);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PARQUET_TESTING_H_
