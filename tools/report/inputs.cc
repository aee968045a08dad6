#include "tools/report/inputs.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "experiments/run/file.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "protos/environment.pb.h"

namespace polarize {
namespace {

constexpr size_t kLargestFile = size_t{1} << 30;
constexpr size_t kLargestPicture = size_t{16} << 20;

// The file's bytes; "" and a line of `missing` where it is not there.
absl::StatusOr<std::string> ReadIfThere(const std::string& path,
                                        std::vector<std::string>& missing) {
  if (path.empty()) return "";
  if (!PathExists(path)) {
    missing.push_back(path);
    return "";
  }
  return ReadFile(path, kLargestFile);
}

absl::Status ReadTable(const std::string& path,
                       absl::Span<const absl::string_view> needed,
                       absl::optional<RunTable>& table,
                       std::vector<std::string>& missing) {
  const absl::StatusOr<std::string> text = ReadIfThere(path, missing);
  if (!text.ok()) return text.status();
  if (text->empty()) return absl::OkStatus();
  absl::StatusOr<CsvTable> csv = ParseCsv(*text, path);
  if (!csv.ok()) return csv.status();
  for (const absl::string_view column : needed) {
    if (ColumnOf(*csv, column) < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":1: no column \"", column, "\""));
    }
  }
  table.emplace(*std::move(csv));
  return absl::OkStatus();
}

// Takes the next "path=value" off `text`; false if it is none. A quoted value
// may hold spaces.
bool TakeValue(absl::string_view& text, Condition& value) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos) return false;
  const absl::string_view path = text.substr(0, equals);
  const size_t dot = path.rfind('.');
  value.column =
      std::string(dot == absl::string_view::npos ? path : path.substr(dot + 1));
  text.remove_prefix(equals + 1);
  const bool quoted = absl::ConsumePrefix(&text, "\"");
  size_t end = 0;
  while (end < text.size() && text[end] != (quoted ? '"' : ' ')) {
    end += text[end] == '\\' ? 2 : 1;
  }
  if (end > text.size() || (quoted && end == text.size())) return false;
  std::string plain(text.substr(0, end));
  if (quoted && !absl::CUnescape(text.substr(0, end), &plain)) return false;
  value.value = PlainValue(plain);
  text.remove_prefix(end + (quoted ? 1 : 0));
  text = absl::StripLeadingAsciiWhitespace(text);
  return true;
}

// "id<TAB>path=value path=value ..." per line.
absl::Status ParsePlannedRuns(absl::string_view text, const std::string& file,
                              std::vector<PlannedRun>& runs) {
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    PlannedRun run;
    run.id = std::string(parts[0]);
    absl::string_view values = parts.size() > 1 ? parts[1] : "";
    while (!values.empty()) {
      Condition value;
      if (!TakeValue(values, value)) {
        return absl::InvalidArgumentError(absl::StrCat(
            file, ":", number, ": not \"path=value\" after the tab"));
      }
      run.values.push_back(std::move(value));
    }
    if (run.id.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": no id before the tab"));
    }
    runs.push_back(std::move(run));
  }
  return absl::OkStatus();
}

absl::Status LoadSweep(const SweepInputs& inputs,
                       absl::Span<const absl::string_view> needed,
                       SweepData& sweep, std::vector<std::string>& missing) {
  absl::Status status = ReadTable(inputs.csv, needed, sweep.runs, missing);
  if (!status.ok()) return status;
  status = ReadTable(inputs.times, {"id", "seconds"}, sweep.times, missing);
  if (!status.ok() || inputs.folder.empty()) return status;
  const std::string list = absl::StrCat(inputs.folder, "/runs.tsv");
  const absl::StatusOr<std::string> planned = ReadIfThere(list, missing);
  if (!planned.ok()) return planned.status();
  status = ParsePlannedRuns(*planned, list, sweep.planned);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> numerics =
      ReadIfThere(absl::StrCat(inputs.folder, "/numerics.textproto"), missing);
  if (!numerics.ok()) return numerics.status();
  sweep.numerics = *std::move(numerics);
  return absl::OkStatus();
}

// The folders in `folder`, by name.
std::vector<std::string> FoldersIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end;
       !error && at != end; at.increment(error)) {
    if (at->is_directory(error))
      names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string TextField(const google::protobuf::Struct& line, const char* name) {
  const auto found = line.fields().find(name);
  return found == line.fields().end() ? "" : found->second.string_value();
}

absl::Status ParseClaims(absl::string_view text, const std::string& file,
                         const std::string& family,
                         std::vector<SectionThreeLine>& lines) {
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    google::protobuf::Struct object;
    const auto status =
        google::protobuf::util::JsonStringToMessage(std::string(line), &object);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": no JSON object"));
    }
    lines.push_back({family, TextField(object, "run"),
                     TextField(object, "claim"), TextField(object, "predicted"),
                     TextField(object, "measured"),
                     TextField(object, "verdict")});
  }
  return absl::OkStatus();
}

// Says nothing on stderr.
class QuietCollector : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, int, const std::string&) override {}
  void AddWarning(int, int, const std::string&) override {}
};

// "" if it cannot be read. Fields of a newer schema are no matter here.
std::string MachineOf(const std::string& environment_file) {
  const absl::StatusOr<std::string> text =
      ReadFile(environment_file, kLargestFile);
  if (!text.ok()) return "";
  Environment environment;
  google::protobuf::TextFormat::Parser parser;
  QuietCollector quiet;
  parser.RecordErrorsTo(&quiet);
  parser.AllowUnknownField(true);
  if (!parser.ParseFromString(*text, &environment)) return "";
  return absl::StrCat("commit ", environment.commit(), ", ", environment.cpu(),
                      ", ", environment.simd_target(), ", ",
                      environment.compiler());
}

absl::Status LoadSectionThree(const std::string& folder, ReportData& data) {
  for (const std::string& family : FoldersIn(folder)) {
    const std::string path = absl::StrCat(folder, "/", family);
    const std::string claims = absl::StrCat(path, "/claims.jsonl");
    if (!PathExists(claims)) continue;
    const absl::StatusOr<std::string> text = ReadFile(claims, kLargestFile);
    if (!text.ok()) return text.status();
    const absl::Status status =
        ParseClaims(*text, claims, family, data.section_three);
    if (!status.ok()) return status;
    std::vector<std::string>& machines = data.section_three_machines;
    const std::string machine =
        MachineOf(absl::StrCat(path, "/environment.textproto"));
    if (!machine.empty() && std::find(machines.begin(), machines.end(),
                                      machine) == machines.end()) {
      machines.push_back(machine);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReportData> LoadReportData(const ReportInputs& inputs) {
  ReportData data;
  data.inputs = inputs;
  const absl::string_view run_columns[] = {"run_id", "state"};
  absl::Status status =
      LoadSweep(inputs.induction, run_columns, data.induction, data.missing);
  if (!status.ok()) return status;
  status = LoadSweep(inputs.classification, run_columns, data.classification,
                     data.missing);
  if (!status.ok()) return status;
  status = ReadTable(inputs.pretrained_csv, {"model", "layer", "head", "score"},
                     data.pretrained, data.missing);
  if (!status.ok()) return status;
  for (const std::string* folder : {&inputs.value_softmax, &inputs.pictures}) {
    if (!folder->empty() && !PathExists(*folder))
      data.missing.push_back(*folder);
  }
  if (!inputs.value_softmax.empty()) {
    status = LoadSectionThree(inputs.value_softmax, data);
    if (!status.ok()) return status;
  }
  return data;
}

std::string FindPicture(const ReportInputs& inputs, const std::string& name) {
  // {"logistic", "flow"}; without a family any will do.
  const size_t slash = name.find('/');
  const bool any = slash == std::string::npos;
  const std::string base = any ? name : name.substr(slash + 1);
  std::vector<std::string> places;
  if (any && !inputs.pictures.empty()) places.push_back(inputs.pictures);
  if (!inputs.value_softmax.empty()) {
    for (const std::string& family : FoldersIn(inputs.value_softmax)) {
      if (!any && family != name.substr(0, slash)) continue;
      const std::string folder =
          absl::StrCat(inputs.value_softmax, "/", family);
      places.push_back(folder);
      places.push_back(absl::StrCat(folder, "/figures"));
    }
  }
  for (const std::string& place : places) {
    absl::StatusOr<std::string> picture =
        ReadFile(absl::StrCat(place, "/", base, ".svg"), kLargestPicture);
    if (picture.ok()) return *std::move(picture);
  }
  return "";
}

}  // namespace polarize
