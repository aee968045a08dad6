// C++ made of a config: its shape as constexpr values, its text as a string.
#ifndef POLARIZE_TOOLS_CONFIG_HEADER_H_
#define POLARIZE_TOOLS_CONFIG_HEADER_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "experiments/run/config_text.h"

namespace polarize {

// What code may be compiled for, of one config: C++ declarations.
struct ConfigShape {
  std::string includes;      // #include lines
  std::string declarations;  // of constexpr values
};

// The shape of a config of the message `type` ("polarize.InductionConfig"): of
// a transformer, the sizes and the kind of its attention; of a value-softmax
// model, its forms (kernels/value_softmax). Not OK if the config is not valid,
// or the type is none that is known.
absl::StatusOr<ConfigShape> ShapeOf(std::string_view type,
                                    const ConfigText& text);

// A header with the shape in the namespace polarize::NAME_shape. Two configs of
// one shape give the same header, so a changed learning rate compiles nothing
// again. `path` is the header's own, for its include guard.
std::string ShapeHeader(std::string_view name, std::string_view path,
                        const ConfigShape& shape);

// A header that declares the constants kNAMEConfigText and kNAMEConfigFile,
// "two_heads" giving kTwoHeadsConfigText, and the source that defines them.
std::string EmbeddedHeader(std::string_view name, std::string_view path);
std::string EmbeddedSource(std::string_view name, std::string_view header_path,
                           const ConfigText& text);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_CONFIG_HEADER_H_
