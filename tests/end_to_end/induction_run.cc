#include "tests/end_to_end/induction_run.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <limits>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/run/file.h"
#include "experiments/run/safetensors.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "protos/environment.pb.h"
#include "protos/induction.pb.h"

namespace polarize {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kMaxBytes = size_t{64} << 20;

// Later settings of a field are errors, so these give way.
const std::pair<const char*, const char*> kSmall[] = {
    {"num_train", "600"}, {"num_eval", "64"},   {"embed_dim", "32"},
    {"num_epochs", "2"},  {"batch_size", "64"},
};

bool Parses(const std::string& text, Struct* object) {
  return google::protobuf::util::JsonStringToMessage(text, object).ok();
}

void ExpectWholeTensors(const std::string& path) {
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
}

template <typename Message>
void ExpectText(const std::string& path) {
  Message message;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(Contents(path), &message))
      << path;
}

template <typename Condition>
std::vector<MetricsLine> Only(const std::vector<MetricsLine>& all,
                              const Condition& condition) {
  std::vector<MetricsLine> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some), condition);
  return some;
}

}  // namespace

ProgramCall Induction(const std::vector<std::string>& arguments) {
  ProgramCall call;
  call.program = DataPath("experiments/induction/induction");
  call.arguments = arguments;
  // Where no gnuplot is.
  call.environment = {{"PATH", "/nowhere"}, {"TERM", "xterm"}};
  return call;
}

ProgramCall SmallRun(const std::vector<std::string>& settings,
                     const std::vector<std::string>& flags) {
  std::vector<std::string> arguments;
  for (const auto& [name, value] : kSmall) {
    const bool given = std::any_of(
        settings.begin(), settings.end(), [name = name](const auto& setting) {
          return absl::StartsWith(setting, absl::StrCat(name, "="));
        });
    if (!given) arguments.push_back(absl::StrCat("--set=", name, "=", value));
  }
  for (const std::string& s : settings) arguments.push_back("--set=" + s);
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return Induction(arguments);
}

std::string Contents(const std::string& path) {
  const absl::StatusOr<std::string> contents = ReadFile(path, kMaxBytes);
  EXPECT_TRUE(contents.ok()) << contents.status();
  return contents.ok() ? *contents : "";
}

void ExpectSameBytes(const std::string& a, const std::string& b) {
  const std::string contents = Contents(a);
  EXPECT_FALSE(contents.empty()) << a;
  EXPECT_TRUE(contents == Contents(b)) << a << " and " << b << " differ";
}

std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end;
       !error && at != end; at.increment(error)) {
    if (at->is_directory()) continue;
    files.push_back(
        std::filesystem::relative(at->path(), folder).generic_string());
  }
  EXPECT_FALSE(error) << folder << ": " << error.message();
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<MetricsLine> ReadMetrics(const std::string& path) {
  std::vector<MetricsLine> lines;
  const std::string text = Contents(path);
  EXPECT_TRUE(text.empty() || text.back() == '\n') << path << " ends in a line";
  for (const absl::string_view json :
       absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    Struct object;
    EXPECT_TRUE(Parses(std::string(json), &object)) << path << ": " << json;
    MetricsLine line;
    line.values = Numbers(object);
    line.step = static_cast<int64_t>(line.values["step"]);
    line.epoch = static_cast<int64_t>(line.values["epoch"]);
    line.values.erase("step");
    line.values.erase("epoch");
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<MetricsLine> StatisticsLines(const std::vector<MetricsLine>& all) {
  return Only(all, [](const MetricsLine& line) {
    return line.Has("0_0_rel_attn_bos_global");
  });
}

std::vector<MetricsLine> StepLines(const std::vector<MetricsLine>& all) {
  return Only(
      all, [](const MetricsLine& line) { return line.Has("train/step_loss"); });
}

std::vector<MetricsLine> EpochLines(const std::vector<MetricsLine>& all) {
  return Only(all,
              [](const MetricsLine& line) { return line.Has("train/loss"); });
}

Struct ReadJson(const std::string& path) {
  Struct object;
  EXPECT_TRUE(Parses(Contents(path), &object)) << path;
  return object;
}

std::map<std::string, double> Numbers(const Struct& object) {
  std::map<std::string, double> numbers;
  for (const auto& [name, value] : object.fields()) {
    if (value.kind_case() == Value::kNumberValue) {
      numbers[name] = value.number_value();
    } else if (value.kind_case() == Value::kNullValue) {
      numbers[name] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  return numbers;
}

void ExpectWholeFiles(const std::string& folder) {
  for (const std::string& name : FilesBelow(folder)) {
    const std::string path = absl::StrCat(folder, "/", name);
    EXPECT_FALSE(absl::EndsWith(name, ".tmp") || absl::EndsWith(name, ".new"))
        << path << " was left behind";
    if (name == "config.textproto") ExpectText<InductionConfig>(path);
    if (name == "environment.textproto") ExpectText<Environment>(path);
    if (absl::EndsWith(name, ".json")) ReadJson(path);
    if (absl::EndsWith(name, ".jsonl")) ReadMetrics(path);
    if (absl::EndsWith(name, ".jsonl.partial")) ReadMetrics(path);
    if (absl::EndsWith(name, ".safetensors")) ExpectWholeTensors(path);
    const std::string text = Contents(path);
    if (absl::EndsWith(name, ".svg")) {
      EXPECT_TRUE(absl::EndsWith(absl::StripAsciiWhitespace(text), "</svg>"))
          << path;
    }
    if (absl::EndsWith(name, ".pdf")) {
      EXPECT_TRUE(absl::EndsWith(absl::StripAsciiWhitespace(text), "%%EOF"))
          << path;
    }
  }
}

std::vector<std::string> ErrorLines(absl::string_view err) {
  std::vector<std::string> lines;
  for (const absl::string_view line :
       absl::StrSplit(err, '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "epoch ")) lines.emplace_back(line);
  }
  return lines;
}

}  // namespace polarize
