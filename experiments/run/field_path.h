// Fields of a config by their path: "model.num_heads".
#ifndef POLARIZE_EXPERIMENTS_RUN_FIELD_PATH_H_
#define POLARIZE_EXPERIMENTS_RUN_FIELD_PATH_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace polarize {

// The paths of all fields that hold values, not blocks of fields, in the
// schema's order. Fields inside of repeated blocks have no path.
std::vector<std::string> ValuePaths(const google::protobuf::Descriptor& type);

// The field at `path`, a value or a block; null if there is none.
const google::protobuf::FieldDescriptor* FindField(
    const google::protobuf::Descriptor& type, std::string_view path);

// The whole path that `typed` stands for: itself, or the one path that ends in
// it ("num_heads" is "model.num_heads"). The message of an error begins with
// `typed`.
absl::StatusOr<std::string> WholePath(const google::protobuf::Descriptor& type,
                                      std::string_view typed);

// What to say about a path that does not exist, naming the nearest that does.
std::string NoSuchField(const google::protobuf::Descriptor& type,
                        std::string_view path);

// A name or value for a message: it may be as long as the file.
std::string Shortened(std::string_view text);

// What a value of `field` must be: "a whole number".
std::string KindOfValue(const google::protobuf::FieldDescriptor& field);

// The value of `path`, which must exist, as a text config shows it.
std::string ValueText(const google::protobuf::Message& config,
                      std::string_view path);

// A field and the message it is in.
struct FieldIn {
  const google::protobuf::Message* message;
  const google::protobuf::FieldDescriptor* field;
};

// The same for `path`, which must exist. Blocks that are not set read as their
// defaults.
FieldIn FieldAt(const google::protobuf::Message& config, std::string_view path);

// The message that holds the last field of `path`, which must exist; made if it
// was not set.
google::protobuf::Message* MutableMessageOf(google::protobuf::Message* config,
                                            std::string_view path);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FIELD_PATH_H_
