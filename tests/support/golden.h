// Reads the numbers recorded from the reference (tests/goldens/*.json).
//
//   const Golden file = Golden::Load("rng_vectors");
//   file["seeds"]["42"]["py_shuffle10"].Ints()
//
// A Golden is a cheap view of one JSON value that keeps its file alive. What a
// test asks for must be there: a missing member or another type ends the test
// program with the path of the value.
#ifndef POLARIZE_TESTS_SUPPORT_GOLDEN_H_
#define POLARIZE_TESTS_SUPPORT_GOLDEN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/struct.pb.h"

namespace polarize {

class Golden {
 public:
  // tests/goldens/<name>.json of this run, or <name>.json in the folder that
  // the environment variable POLARIZE_GOLDENS names.
  static Golden Load(absl::string_view name);

  // The names that Load takes and that start with `prefix`, sorted.
  static std::vector<std::string> Names(absl::string_view prefix);

  // One JSON value. `origin` starts the paths in messages.
  static absl::StatusOr<Golden> Parse(absl::string_view json,
                                      absl::string_view origin);

  // Members of an object.
  bool Has(absl::string_view key) const;
  Golden operator[](absl::string_view key) const;
  std::vector<std::string> Keys() const;  // sorted

  // Elements of an array.
  size_t size() const;
  Golden operator[](int64_t index) const;

  bool Bool() const;
  std::string String() const;
  double Number() const;
  // A whole number: every digit of it, up to the limits of int64_t.
  int64_t Int() const;
  // The same for a whole array.
  std::vector<std::string> Strings() const;
  std::vector<double> Numbers() const;
  std::vector<int64_t> Ints() const;

 private:
  Golden(std::shared_ptr<const google::protobuf::Value> root,
         const google::protobuf::Value* value, std::string path)
      : root_(std::move(root)), value_(value), path_(std::move(path)) {}

  const google::protobuf::Struct& Object() const;
  const google::protobuf::ListValue& Array() const;
  [[noreturn]] void Fail(absl::string_view wanted) const;

  std::shared_ptr<const google::protobuf::Value> root_;
  const google::protobuf::Value* value_;
  std::string path_;
};

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_GOLDEN_H_
