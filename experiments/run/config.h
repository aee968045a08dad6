// Loading a config: a text, then the settings of the command line, then the
// schema's defaults.
#ifndef POLARIZE_EXPERIMENTS_RUN_CONFIG_H_
#define POLARIZE_EXPERIMENTS_RUN_CONFIG_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/config_text.h"
#include "google/protobuf/message.h"

namespace polarize {

// Where each field of a config got its value.
class FieldPlaces {
 public:
  // A config without any field, in the file `file`.
  explicit FieldPlaces(std::string file) : file_(std::move(file)) {}

  // `path` was set at line and column (from 1) of the file.
  void SetInFile(const std::string& path, int line, int column);

  // `path` was set by the command line's `--set SETTING`.
  void SetByFlag(const std::string& path, std::string_view setting);

  // What settings of `others` set is set here too, all of it at `place`. An
  // error if a setting has set it here before.
  absl::Status TakeSettings(const FieldPlaces& others,
                            const std::string& place);

  // "FILE:LINE:COLUMN", "--set SETTING", or "FILE:(default)" for a path that
  // was set nowhere.
  std::string Of(const std::string& path) const;

  // Whether `path` was set somewhere.
  bool IsSet(const std::string& path) const { return places_.count(path) > 0; }

 private:
  std::string file_;
  std::map<std::string, std::string> places_;
};

// Fills `config` (cleared first) from `text`; then applies `settings`, each
// "PATH=VALUE" with a whole path or the end of one ("num_heads" for
// "model.num_heads"), where text needs no quotes and a repeated field takes
// values between commas; then writes every default out, so that each value
// field is set.
// Fields or paths that do not exist, values of a wrong kind and fields set
// twice, in the text or by the settings, are errors:
// "FILE:LINE:COLUMN: PATH = VALUE: RULE". Whether the values make sense is for
// a ConfigChecker to say.
absl::StatusOr<FieldPlaces> LoadConfig(const ConfigText& text,
                                       absl::Span<const std::string> settings,
                                       google::protobuf::Message* config);

// The same where what is set in `defaults`, a message of config's type without
// repeated fields, goes before the schema's defaults.
absl::StatusOr<FieldPlaces> LoadConfig(
    const ConfigText& text, absl::Span<const std::string> settings,
    const google::protobuf::Message& defaults,
    google::protobuf::Message* config);

// The text of a loaded config, comments on top naming its schema: LoadConfig
// makes the same config of it.
std::string ResolvedText(const google::protobuf::Message& config);

// The schema that the comments on top of such a text name, with its package
// ("polarize.InductionConfig"); "" if they name none.
std::string SchemaNamedIn(absl::string_view text);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_CONFIG_H_
