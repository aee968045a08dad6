#include "experiments/sweep/collected_run.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "experiments/sweep/cell_text.h"
#include "experiments/sweep/section.h"
#include "google/protobuf/message.h"
#include "protos/classification.pb.h"
#include "protos/induction.pb.h"

namespace polarize {
namespace {

using ::google::protobuf::Message;

constexpr size_t kIdDigits = 16;

constexpr char kConfig[] = "/config.textproto";

constexpr char kInduction[] = "induction";
constexpr char kClassification[] = "classification";

// Of the summary, beside metrics.
constexpr char kState[] = "state";
constexpr char kReason[] = "reason";
constexpr char kSteps[] = "steps";
constexpr char kSeconds[] = "seconds";

absl::Status Error(const std::string& file, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", rule));
}

std::unique_ptr<Message> MakeConfig(const std::string& experiment) {
  if (experiment == kInduction) return std::make_unique<InductionConfig>();
  if (experiment == kClassification) {
    return std::make_unique<ClassificationConfig>();
  }
  return nullptr;
}

// Whose config `text` is, by the comment on top, or "".
std::string ExperimentOf(absl::string_view text) {
  const std::string schema = SchemaNamedIn(text);
  for (const char* name : {kInduction, kClassification}) {
    if (schema == MakeConfig(name)->GetTypeName()) return name;
  }
  return "";
}

absl::Status ReadConfig(const std::string& file, const ListedRun& listed,
                        CollectedRun* run) {
  const absl::StatusOr<ConfigText> text = ReadConfigText(file);
  if (!text.ok()) return text.status();
  run->experiment = ExperimentOf(text->text);
  if (run->experiment.empty()) {
    return Error(file, "no experiment of which runs can be collected is named");
  }
  const std::unique_ptr<Message> config = MakeConfig(run->experiment);
  const absl::StatusOr<FieldPlaces> loaded =
      LoadConfig(*text, {}, config.get());
  if (!loaded.ok()) return loaded.status();
  run->config_text = ResolvedText(*config);
  run->config = FlatConfig(*config);
  // Defaults may have changed since the run: it is not the listed one then.
  const absl::StatusOr<std::unique_ptr<Message>> set =
      MakeSection(run->experiment)->Load({"runs.tsv", ""}, listed.settings);
  if (!set.ok()) return Error(file, set.status().message());
  const std::vector<FlatValue> expected = FlatConfig(**set);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (run->config[i].value == expected[i].value) continue;
    if (expected[i].path == "name") continue;  // no part of a run's id
    return Error(
        file, absl::StrCat(expected[i].path, " is ", CellText(run->config[i]),
                           ", but runs.tsv says ", CellText(expected[i])));
  }
  return absl::OkStatus();
}

// The config that the settings describe, for a run that wrote none.
absl::Status TakeSettings(const std::string& folder, const ListedRun& listed,
                          CollectedRun* run) {
  const std::unique_ptr<Section> section = MakeSection(run->experiment);
  if (section == nullptr) return absl::OkStatus();
  const absl::StatusOr<std::unique_ptr<Message>> config =
      section->Load({"runs.tsv", ""}, listed.settings);
  if (!config.ok()) return Error(folder, config.status().message());
  run->config = FlatConfig(**config);
  return absl::OkStatus();
}

// Moves what is not a metric out of the summary.
absl::Status TakeSummary(const std::string& file, FlatJson summary,
                         CollectedRun* run) {
  const std::string* const state = TextIn(summary, kState);
  if (state == nullptr) return Error(file, "no \"state\"");
  run->state = *state;
  if (const double* steps = NumberIn(summary, kSteps)) run->steps = *steps;
  if (const double* seconds = NumberIn(summary, kSeconds)) {
    run->seconds = *seconds;
  }
  for (const char* name : {kState, kReason, kSteps, kSeconds}) {
    summary.erase(name);
  }
  for (const auto& [name, value] : summary) {
    if (std::holds_alternative<std::string>(value)) {
      return Error(file, absl::StrCat("\"", name, "\" must be a number"));
    }
  }
  run->metrics = std::move(summary);
  return absl::OkStatus();
}

// False if the run is not over.
absl::StatusOr<bool> ReadEnd(const std::string& folder, CollectedRun* run) {
  for (const char* name : {"summary.json", "failure.json"}) {
    const std::string file = absl::StrCat(folder, "/", name);
    absl::StatusOr<FlatJson> object = ReadFlatJson(file);
    if (absl::IsNotFound(object.status())) continue;
    if (!object.ok()) return object.status();
    const absl::Status taken = TakeSummary(file, *std::move(object), run);
    if (!taken.ok()) return taken;
    const std::set<std::string> states =
        name == std::string("failure.json")
            ? std::set<std::string>{"failed"}
            : std::set<std::string>{"finished", "diverged", "interrupted"};
    if (states.count(run->state) == 0) {
      return Error(
          file, absl::StrCat("a run cannot end as \"", run->state, "\" here"));
    }
    if (run->state != "interrupted") return true;
    // A failure.json beside it is of a later start (see OutcomeIn).
    run->steps.reset();
    run->seconds.reset();
  }
  return false;
}

}  // namespace

std::string ExperimentOfRun(const std::string& folder) {
  const absl::StatusOr<ConfigText> text =
      ReadConfigText(absl::StrCat(folder, kConfig));
  return text.ok() ? ExperimentOf(text->text) : "";
}

bool IsRunId(const std::string& name) {
  return name.size() == kIdDigits &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

absl::StatusOr<std::vector<ListedRun>> ParseRunList(const std::string& text,
                                                    const std::string& file) {
  std::vector<ListedRun> runs;
  std::set<std::string> ids;
  size_t number = 0;
  for (const absl::string_view line :
       absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    ++number;
    const std::pair<std::string, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    const std::string where = absl::StrCat(file, ":", number);
    if (!IsRunId(parts.first)) {
      return Error(where, "must begin with a run's id, 16 of 0-9 and a-f");
    }
    if (!ids.insert(parts.first).second) {
      return Error(where, absl::StrCat(parts.first, " comes twice"));
    }
    runs.push_back(
        {parts.first, absl::StrSplit(parts.second, ' ', absl::SkipEmpty())});
  }
  return runs;
}

absl::StatusOr<absl::optional<CollectedRun>> ReadCollectedRun(
    const std::string& folder, const ListedRun& listed,
    const std::string& experiment) {
  CollectedRun run;
  run.folder = folder;
  const absl::StatusOr<bool> over = ReadEnd(folder, &run);
  if (!over.ok()) return over.status();
  if (!*over) return absl::optional<CollectedRun>();
  // What a failed run leaves may end anywhere.
  absl::Status status = ReadConfig(absl::StrCat(folder, kConfig), listed, &run);
  if (run.failed() && absl::IsNotFound(status)) {
    run.experiment = experiment;
    status = TakeSettings(folder, listed, &run);
  }
  if (!status.ok()) return status;
  const absl::StatusOr<ConfigText> environment =
      ReadConfigText(absl::StrCat(folder, "/environment.textproto"));
  if (environment.ok()) {
    status = LoadConfig(*environment, {}, &run.environment).status();
  } else if (!run.failed() || !absl::IsNotFound(environment.status())) {
    status = environment.status();
  }
  if (!status.ok()) return status;
  return absl::make_optional(std::move(run));
}

namespace {

// The first line in which two texts differ, in words.
std::string LineDifference(const std::string& a, const std::string& b) {
  const std::vector<absl::string_view> left = absl::StrSplit(a, '\n');
  const std::vector<absl::string_view> right = absl::StrSplit(b, '\n');
  for (size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const absl::string_view l = i < left.size() ? left[i] : "";
    const absl::string_view r = i < right.size() ? right[i] : "";
    if (l != r) return absl::StrCat("config: \"", l, "\" and \"", r, "\"");
  }
  return "";
}

std::string ShownMetric(const FlatJson& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  if (found == metrics.end()) return "nothing";
  const std::string text = CellText(found->second);
  return text.empty() ? "null" : text;
}

std::string MetricDifference(const FlatJson& a, const FlatJson& b) {
  for (const FlatJson* names : {&a, &b}) {
    for (const auto& [name, value] : *names) {
      const std::string left = ShownMetric(a, name),
                        right = ShownMetric(b, name);
      if (left != right) {
        return absl::StrCat(name, ": ", left, " and ", right);
      }
    }
  }
  return "";
}

}  // namespace

std::string DifferenceOf(const CollectedRun& a, const CollectedRun& b) {
  // One that failed may have stopped before it wrote its config.
  if (!a.config_text.empty() && !b.config_text.empty() &&
      a.config_text != b.config_text) {
    return LineDifference(a.config_text, b.config_text);
  }
  if (a.failed() || b.failed()) return "";
  if (a.state != b.state) {
    return absl::StrCat("state: ", a.state, " and ", b.state);
  }
  if (a.steps != b.steps) {
    return absl::StrCat("steps: ", FloatText(a.steps.value_or(0)), " and ",
                        FloatText(b.steps.value_or(0)));
  }
  return MetricDifference(a.metrics, b.metrics);
}

}  // namespace polarize
