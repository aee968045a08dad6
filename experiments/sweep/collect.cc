#include "experiments/sweep/collect.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "experiments/run/file.h"
#include "experiments/sweep/cell_text.h"
#include "experiments/sweep/collected_run.h"

namespace polarize {
namespace {

constexpr size_t kMaxListBytes = size_t{256} << 20;
constexpr char kList[] = "/runs.tsv";
constexpr char kRuns[] = "/runs/";

// The reference's table of this experiment begins with an index.
constexpr char kIndexed[] = "classification";

using MaybeRun = absl::optional<CollectedRun>;

absl::Status Contradiction(const std::string& a, const std::string& b,
                           absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(a, " and ", b, " contradict each other: ", what));
}

// The list that all folders have.
absl::StatusOr<std::vector<ListedRun>> ReadList(
    absl::Span<const std::string> folders) {
  std::string text;
  for (const std::string& folder : folders) {
    const std::string path = folder + kList;
    absl::StatusOr<std::string> read = ReadFile(path, kMaxListBytes);
    if (absl::IsNotFound(read.status())) {
      return absl::NotFoundError(
          absl::StrCat(folder, " is no sweep's folder: it has no runs.tsv"));
    }
    if (!read.ok()) return read.status();
    if (&folder == &folders[0]) {
      text = *std::move(read);
    } else if (*read != text) {
      const std::vector<absl::string_view> a = absl::StrSplit(text, '\n');
      const std::vector<absl::string_view> b = absl::StrSplit(*read, '\n');
      const auto lines = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
      return Contradiction(
          folders[0] + kList, path,
          absl::StrCat("line ", lines.first - a.begin() + 1,
                       " differs: these are different sweeps"));
    }
  }
  return ParseRunList(text, folders[0] + kList);
}

// Which of two folders of one run a row is made of: a choice that does not
// depend on the folders' order.
bool Precedes(const CollectedRun& a, const CollectedRun& b) {
  const auto rank = [](const CollectedRun& run) {
    return std::make_tuple(run.failed(), run.config_text.empty(),
                           run.environment.start_time(),
                           run.seconds.value_or(0), run.environment.numerics(),
                           run.environment.cpu(), run.environment.simd_target(),
                           run.environment.commit());
  };
  return rank(a) < rank(b);
}

// The run `listed`, from whatever folders have it.
absl::StatusOr<MaybeRun> ReadFrom(absl::Span<const std::string> folders,
                                  const ListedRun& listed,
                                  const std::string& experiment) {
  MaybeRun chosen;
  for (const std::string& folder : folders) {
    absl::StatusOr<MaybeRun> run = ReadCollectedRun(
        absl::StrCat(folder, kRuns, listed.id), listed, experiment);
    if (!run.ok()) return run.status();
    if (!run->has_value()) continue;
    if (chosen) {
      const std::string difference = DifferenceOf(*chosen, **run);
      if (!difference.empty()) {
        return Contradiction(chosen->folder, (*run)->folder, difference);
      }
      if (!Precedes(**run, *chosen)) continue;
    }
    chosen = *std::move(run);
  }
  return chosen;
}

absl::Status CheckSameExperiment(const std::vector<CollectedRun>& runs) {
  for (const CollectedRun& run : runs) {
    if (run.experiment == runs[0].experiment) continue;
    return Contradiction(runs[0].folder, run.folder,
                         absl::StrCat("experiment: ", runs[0].experiment,
                                      " and ", run.experiment));
  }
  return absl::OkStatus();
}

// Failed runs have no numbers.
absl::Status CheckSameNumerics(const std::vector<CollectedRun>& runs) {
  const CollectedRun* first = nullptr;
  for (const CollectedRun& run : runs) {
    if (run.failed()) continue;
    if (first == nullptr) first = &run;
    const std::string& one = first->environment.numerics();
    const std::string& other = run.environment.numerics();
    if (one == other) continue;
    return Contradiction(
        first->folder, run.folder,
        absl::StrCat("numerics: \"", one, "\" and \"", other,
                     "\"; collect them apart, or allow mixed numerics"));
  }
  return absl::OkStatus();
}

// Runs of digits compare as numbers: 0_2 is before 0_10.
bool NaturallyLess(absl::string_view a, absl::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto take_digits = [&is_digit](absl::string_view* text) {
    size_t n = 0;
    while (n < text->size() && is_digit((*text)[n])) ++n;
    const absl::string_view digits = text->substr(0, n);
    text->remove_prefix(n);
    return digits;
  };
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const absl::string_view left = take_digits(&a), right = take_digits(&b);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

// Names of columns and where they are.
class Columns {
 public:
  explicit Columns(std::vector<std::string>* names) : names_(names) {}

  void Add(const std::string& name) {
    if (places_.emplace(name, names_->size()).second) names_->push_back(name);
  }
  size_t of(absl::string_view name) const { return places_.find(name)->second; }

 private:
  std::vector<std::string>* names_;
  std::map<std::string, size_t, std::less<>> places_;
};

// There is at least one run.
void AddColumns(const std::vector<CollectedRun>& runs, bool indexed,
                const CollectOptions& options, Columns* columns) {
  if (indexed) columns->Add("");
  columns->Add("run_id");
  columns->Add("state");
  for (const FlatValue& value : runs[0].config) columns->Add(value.key);
  std::set<std::string> metrics;
  for (const CollectedRun& run : runs) {
    if (!run.finished()) continue;
    for (const auto& [name, value] : run.metrics) metrics.insert(name);
  }
  std::vector<std::string> sorted(metrics.begin(), metrics.end());
  std::sort(sorted.begin(), sorted.end(), NaturallyLess);
  for (const std::string& name : sorted) columns->Add(name);
  if (options.allow_mixed_numerics) columns->Add("numerics");
  for (const char* name : {"_step", "_runtime", "_timestamp"}) {
    columns->Add(name);
  }
}

std::string WholeText(const absl::optional<double>& value) {
  // Every whole number below is a double; a damaged file may hold others.
  constexpr double kMostWhole = 9007199254740992.0;
  if (!value) return "";
  if (!(std::abs(*value) < kMostWhole)) return FloatText(*value);
  return absl::StrCat(static_cast<int64_t>(*value));
}

// "2024-01-31T23:59:59Z" as seconds since 1970, or "".
std::string UnixSeconds(const std::string& rfc3339) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, rfc3339, &time, &error)) return "";
  return absl::StrCat(absl::ToUnixSeconds(time));
}

void FillRow(const std::string& id, const CollectedRun& run,
             const CollectOptions& options, const Columns& columns,
             std::vector<std::string>* row) {
  const auto cell = [&](absl::string_view name) -> std::string& {
    return (*row)[columns.of(name)];
  };
  cell("run_id") = id;
  cell("state") = run.state;
  for (const FlatValue& value : run.config) cell(value.key) = CellText(value);
  // What a diverged run last measured is of no use beside final values.
  if (run.finished()) {
    for (const auto& [name, value] : run.metrics) cell(name) = CellText(value);
  }
  cell("_step") = WholeText(run.steps);
  if (options.allow_mixed_numerics) {
    cell("numerics") = run.environment.numerics();
  }
  if (!options.times) return;
  if (run.seconds) cell("_runtime") = FloatText(*run.seconds);
  cell("_timestamp") = UnixSeconds(run.environment.start_time());
}

CsvTable DataTable(const std::vector<std::string>& ids,
                   const std::vector<CollectedRun>& runs, bool indexed,
                   const CollectOptions& options) {
  CsvTable table;
  Columns columns(&table.columns);
  AddColumns(runs, indexed, options, &columns);
  for (size_t i = 0; i < runs.size(); ++i) {
    table.rows.emplace_back(table.columns.size());
    if (indexed) table.rows.back()[0] = absl::StrCat(i);
    FillRow(ids[i], runs[i], options, columns, &table.rows.back());
  }
  return table;
}

CsvTable TimesTable(const std::vector<std::string>& ids,
                    const std::vector<CollectedRun>& runs) {
  CsvTable table;
  table.columns = {"id",  "seconds",     "start_time",
                   "cpu", "simd_target", "commit"};
  for (size_t i = 0; i < runs.size(); ++i) {
    const CollectedRun& run = runs[i];
    const Environment& environment = run.environment;
    table.rows.push_back({ids[i], run.seconds ? FloatText(*run.seconds) : "",
                          environment.start_time(), environment.cpu(),
                          environment.simd_target(), environment.commit()});
  }
  return table;
}

std::vector<std::string> UnlistedIn(absl::Span<const std::string> folders,
                                    const std::vector<ListedRun>& list) {
  std::set<std::string> listed, unlisted;
  for (const ListedRun& run : list) listed.insert(run.id);
  for (const std::string& folder : folders) {
    // A folder that cannot be read has been noticed already, or has no runs.
    std::error_code error;
    std::filesystem::directory_iterator entry(folder + kRuns, error), end;
    for (; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (IsRunId(name) && listed.count(name) == 0) {
        unlisted.insert(absl::StrCat(folder, kRuns, name));
      }
    }
  }
  return {unlisted.begin(), unlisted.end()};
}

void Count(const CollectedRun& run, CollectResult* result) {
  result->finished += run.finished();
  result->diverged += run.state == "diverged";
  result->failed += run.failed();
}

// What the sweep's runs are runs of, as the first config says; "" without any.
std::string ExperimentOf(absl::Span<const std::string> folders,
                         const std::vector<ListedRun>& list) {
  for (const ListedRun& run : list) {
    for (const std::string& folder : folders) {
      const std::string name =
          ExperimentOfRun(absl::StrCat(folder, kRuns, run.id));
      if (!name.empty()) return name;
    }
  }
  return "";
}

absl::Status CheckSame(const std::vector<CollectedRun>& runs,
                       const CollectOptions& options) {
  const absl::Status status = CheckSameExperiment(runs);
  if (!status.ok() || options.allow_mixed_numerics) return status;
  return CheckSameNumerics(runs);
}

}  // namespace

absl::StatusOr<CollectResult> Collect(absl::Span<const std::string> folders,
                                      const CollectOptions& options) {
  if (folders.empty()) {
    return absl::InvalidArgumentError("no sweep to collect was named");
  }
  const absl::StatusOr<std::vector<ListedRun>> list = ReadList(folders);
  if (!list.ok()) return list.status();
  CollectResult result;
  result.experiment = ExperimentOf(folders, *list);
  std::vector<std::string> ids;
  std::vector<CollectedRun> runs;
  for (const ListedRun& entry : *list) {
    absl::StatusOr<MaybeRun> run = ReadFrom(folders, entry, result.experiment);
    if (!run.ok()) return run.status();
    if (!run->has_value()) {
      result.missing.push_back(entry.id);
      continue;
    }
    Count(**run, &result);
    ids.push_back(entry.id);
    runs.push_back(**std::move(run));
  }
  if (runs.empty() || result.experiment.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no run of ", folders[0], " is over that tells its ",
                     "experiment: there is nothing to collect"));
  }
  const absl::Status same = CheckSame(runs, options);
  if (!same.ok()) return same;
  const bool indexed = result.experiment == kIndexed;
  result.data = DataTable(ids, runs, indexed, options);
  result.times = TimesTable(ids, runs);
  result.unlisted = UnlistedIn(folders, *list);
  return result;
}

absl::StatusOr<std::string> WriteCollected(const CollectResult& result,
                                           const std::string& folder) {
  absl::Status status = MakeFolders(folder);
  const std::string stem = absl::StrCat(folder, "/", result.experiment);
  const std::string data = absl::StrCat(stem, "_data.csv");
  if (status.ok()) status = WriteFileWhole(data, CsvText(result.data));
  if (status.ok()) {
    status =
        WriteFileWhole(absl::StrCat(stem, "_times.csv"), CsvText(result.times));
  }
  if (!status.ok()) return status;
  return data;
}

}  // namespace polarize
