#include "experiments/sweep/sweep_list.h"

#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "experiments/run/field_path.h"
#include "experiments/run/fingerprint.h"
#include "experiments/run/vary.h"

namespace polarize {
namespace {

using ::google::protobuf::Message;

constexpr double kMostRuns = 1e6;
constexpr size_t kMostShards = 100000;

// The name alone is not part of what a run computes.
bool IsPartOfId(absl::string_view path) { return path != "name"; }

// "path=value path=value" of what differs from the defaults.
std::string SettingsOf(const Message& config, const Message& defaults) {
  std::vector<std::string> settings;
  for (const std::string& path : ValuePaths(*config.GetDescriptor())) {
    std::string value = ValueText(config, path);
    if (!IsPartOfId(path) || value == ValueText(defaults, path)) continue;
    settings.push_back(absl::StrCat(path, "=", value));
  }
  return absl::StrJoin(settings, " ");
}

std::string IdOf(absl::string_view experiment, absl::string_view settings) {
  Fingerprint hash;
  hash.Add(absl::StrCat(experiment, "\n", settings));
  return hash.Text();
}

void CheckAxes(const SweepConfig& config, const Message& defaults,
               ConfigChecker* checker) {
  double runs = 1;
  std::map<std::string, size_t> seen;
  for (const VaryConfig& axis : config.vary()) {
    for (const std::string& rule : BrokenAxisRules(axis)) {
      checker->Fail("vary", rule);
    }
    for (const std::string& field : AxisFields(axis)) {
      const absl::StatusOr<std::string> path =
          WholePath(*defaults.GetDescriptor(), field);
      if (!path.ok()) continue;  // reported where it is set
      if (++seen[*path] == 2) {
        checker->Fail("vary", absl::StrCat(*path, " is on two axes"));
      }
      if (!IsPartOfId(*path)) {
        checker->Fail("vary", absl::StrCat(*path, " cannot be varied"));
      }
    }
    runs *= AxisSize(axis);
  }
  if (runs > kMostRuns) {
    checker->Fail(
        "vary", absl::StrFormat("%.0f runs, more than %.0f", runs, kMostRuns));
  }
}

// The config of one cell; `place` names it in messages.
absl::StatusOr<std::unique_ptr<Message>> CellConfig(
    const Section& section, const std::vector<std::string>& settings,
    const std::string& place) {
  absl::StatusOr<std::unique_ptr<Message>> config =
      section.Load({place, ""}, settings);
  if (config.ok()) return config;
  absl::string_view message = config.status().message();
  absl::ConsumePrefix(&message, "--set ");
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", message));
}

absl::Status Expand(const Message& defaults, const std::string& place,
                    SweepList* list) {
  Grid grid({list->config.vary().begin(), list->config.vary().end()});
  std::map<std::string, std::string> ids;
  do {
    std::vector<std::string> settings(list->config.set().begin(),
                                      list->config.set().end());
    for (std::string& setting : grid.Settings()) {
      settings.push_back(std::move(setting));
    }
    absl::StatusOr<std::unique_ptr<Message>> config =
        CellConfig(*list->section, settings, place);
    if (!config.ok()) return config.status();
    SweepRun run;
    run.settings = SettingsOf(**config, defaults);
    run.id = IdOf(list->section->name(), run.settings);
    run.config = *std::move(config);
    const auto [other, is_new] = ids.emplace(run.id, run.settings);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat(
          place, ": two cells are the same run: ",
          run.settings.empty() ? "all defaults" : run.settings,
          other->second == run.settings
              ? ""
              : absl::StrCat(" and ", other->second, " (equal hashes)")));
    }
    list->runs.push_back(std::move(run));
  } while (grid.Next());
  return absl::OkStatus();
}

// One "PATH=VALUE|VALUE" of a filter, the values as configs show them.
struct Condition {
  std::string text;
  std::string path;
  std::vector<std::string> values;
};

absl::StatusOr<Condition> ParseCondition(const SweepList& list,
                                         const Message& any,
                                         absl::string_view text) {
  Condition condition;
  condition.text = std::string(text);
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("--filter ", text, ": ", what));
  };
  const std::vector<std::string> sides =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (sides.size() != 2) return error("must be PATH=VALUE");
  const absl::StatusOr<std::string> path =
      WholePath(*any.GetDescriptor(), absl::StripAsciiWhitespace(sides[0]));
  if (!path.ok()) return error(path.status().message());
  condition.path = *path;
  const std::string current = ResolvedText(any);
  for (const absl::string_view value : absl::StrSplit(sides[1], '|')) {
    const std::unique_ptr<Message> config(any.New());
    const std::string setting =
        absl::StrCat(*path, "=", absl::StripAsciiWhitespace(value));
    const absl::StatusOr<FieldPlaces> places =
        LoadConfig({"", current}, {setting}, config.get());
    if (!places.ok()) {
      absl::string_view message = places.status().message();
      absl::ConsumePrefix(&message, absl::StrCat("--set ", setting, ": "));
      return error(message);
    }
    condition.values.push_back(ValueText(*config, *path));
    bool found = false;
    for (const SweepRun& run : list.runs) {
      found = found || ValueText(*run.config, *path) == condition.values.back();
    }
    if (!found) return error(absl::StrCat("no run has ", setting));
  }
  return condition;
}

bool Holds(const Condition& condition, const SweepRun& run) {
  const std::string value = ValueText(*run.config, condition.path);
  for (const std::string& choice : condition.values) {
    if (value == choice) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<SweepList> LoadSweep(const ConfigText& text,
                                    absl::Span<const std::string> settings) {
  SweepList list;
  const absl::StatusOr<FieldPlaces> places = LoadConfig(text, {}, &list.config);
  if (!places.ok()) return places.status();
  ConfigChecker checker(list.config, *places);
  CheckName(list.config.name(), &checker);
  checker.OneOf("experiment", SectionNames());
  if (!checker.status().ok()) return checker.status();
  list.section = MakeSection(list.config.experiment());
  const absl::StatusOr<std::unique_ptr<Message>> defaults =
      list.section->Load({"", ""}, {});
  if (!defaults.ok()) return defaults.status();
  CheckAxes(list.config, **defaults, &checker);
  if (!checker.status().ok()) return checker.status();
  for (const std::string& setting : settings) list.config.add_set(setting);
  const std::string place = list.config.vary_size() > 0
                                ? absl::StrCat(places->Of("vary"), " (vary)")
                                : places->Of("set");
  const absl::Status expanded = Expand(**defaults, place, &list);
  if (!expanded.ok()) return expanded;
  return list;
}

absl::StatusOr<std::vector<SweepRun>> FilterRuns(const SweepList& list,
                                                 absl::string_view filter) {
  std::vector<SweepRun> runs = list.runs;
  for (const absl::string_view text :
       absl::StrSplit(filter, ',', absl::SkipWhitespace())) {
    const absl::StatusOr<Condition> condition =
        ParseCondition(list, *list.runs.front().config, text);
    if (!condition.ok()) return condition.status();
    std::vector<SweepRun> left;
    for (SweepRun& run : runs) {
      if (Holds(*condition, run)) left.push_back(std::move(run));
    }
    runs = std::move(left);
  }
  if (runs.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--filter ", filter, ": no run fits all of it"));
  }
  return runs;
}

absl::StatusOr<Shard> ParseShard(absl::string_view text) {
  const std::vector<std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  Shard shard;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &shard.index) ||
      !absl::SimpleAtoi(parts[1], &shard.count) || shard.index < 1 ||
      shard.index > shard.count || shard.count > kMostShards) {
    return absl::InvalidArgumentError(
        absl::StrCat("--shard=", text,
                     ": must be I/N, like 1/3, with I from 1 to N and N at "
                     "most ",
                     kMostShards));
  }
  return shard;
}

std::vector<SweepRun> ShardOf(const std::vector<SweepRun>& runs, Shard shard) {
  std::vector<SweepRun> part;
  for (size_t i = shard.index - 1; i < runs.size(); i += shard.count) {
    part.push_back(runs[i]);
  }
  return part;
}

std::string RunsTable(const std::vector<SweepRun>& runs) {
  std::string table;
  for (const SweepRun& run : runs) {
    absl::StrAppend(&table, run.id, "\t", run.settings, "\n");
  }
  return table;
}

}  // namespace polarize
