// Reading what is written with Thrift's compact protocol, in which Parquet has
// its metadata.
//
// Source: Apache Thrift, doc/specs/thrift-compact-protocol.md.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_COMPACT_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_COMPACT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace polarize {

// As the protocol numbers them. Of a field, the two booleans are its value.
enum class CompactType : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

// Goes through bytes that outlive it. After the first failure every value is 0
// or empty, so that callers may look for failures once, at the end.
class CompactReader {
 public:
  // Structs and lists inside of each other.
  static constexpr int kMaxDepth = 32;

  explicit CompactReader(absl::string_view bytes) : rest_(bytes) {}

  bool ok() const { return rule_ == nullptr; }
  // What is wrong, if not ok().
  const char* rule() const { return rule_; }
  void Fail(const char* rule);

  // Bytes not read yet.
  size_t left() const { return rest_.size(); }

  // A value of one of the four integer types.
  int64_t Integer(CompactType type);
  absl::string_view Binary();
  // How many elements follow, all of this type. Never more than bytes.
  size_t List(CompactType type);
  void Skip(CompactType type);

 private:
  friend class CompactFields;

  uint8_t Byte();
  uint64_t Varint();
  size_t ListStart(CompactType* type);
  void SkipElements(size_t count, CompactType type);
  void SkipMap();
  bool Enter();
  void Leave() { --depth_; }

  absl::string_view rest_;
  const char* rule_ = nullptr;
  int depth_ = 0;
};

// The fields of one struct, each of which is read or skipped before the next:
//   for (CompactFields f(&reader); f.Next();) {
//     if (f.id() == 3) { n = f.Integer(); } else { f.Skip(); }
//   }
// A value of another type than the one asked for is a failure.
class CompactFields {
 public:
  explicit CompactFields(CompactReader* reader);
  ~CompactFields() { reader_->Leave(); }
  CompactFields(const CompactFields&) = delete;
  CompactFields& operator=(const CompactFields&) = delete;

  // False after the last, and after a failure.
  bool Next();
  int64_t id() const { return id_; }

  bool Bool();
  int64_t Integer() { return reader_->Integer(type_); }
  absl::string_view Binary();
  // Followed by reading the elements from the reader.
  size_t List(CompactType type);
  // Followed by CompactFields of the reader; false if it is none.
  bool IsStruct();
  void Skip();

 private:
  bool Expect(CompactType type);

  CompactReader* reader_;
  CompactType type_ = CompactType::kStop;
  int64_t id_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_COMPACT_H_
