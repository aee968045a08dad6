// Fetches a public 7B checkpoint, or checks a copy that is here already.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/pretrained/fetch/fetch.h"
#include "experiments/pretrained/fetch/lock_file.h"
#include "experiments/pretrained/fetch/resumable_program.h"
#include "experiments/pretrained/fetch/transfer_progress.h"
#include "experiments/run/file.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/progress.h"
#include "experiments/run/user_path.h"

ABSL_FLAG(std::string, model, "", "softmax or sigmoid");
ABSL_FLAG(std::string, checkpoint_dir, "", "folder of the checkpoint");
ABSL_FLAG(std::string, base_url, "", "address of the store");
ABSL_FLAG(std::string, ca_bundle, "", "file of certificates");
ABSL_FLAG(int, jobs, 8, "connections");
ABSL_FLAG(int, attempts, 8, "attempts in a row that bring nothing");
ABSL_FLAG(absl::Duration, first_wait, absl::Milliseconds(500),
          "before the second attempt");
ABSL_FLAG(absl::Duration, stall_timeout, absl::Seconds(60),
          "of a connection that brings nothing");
ABSL_FLAG(bool, dry_run, false, "list and plan, fetch nothing");
ABSL_FLAG(bool, offline, false, "check a copy without the store");
ABSL_FLAG(bool, quick, false, "of locked files check the size alone");

namespace polarize {
namespace {

constexpr char kTokenFile[] = "POLARIZE_STORE_TOKEN_FILE";
constexpr size_t kMostTokenBytes = size_t{64} << 10;

constexpr char kHelp[] =
    R"(Fetches one of the two public 7B checkpoints (about 26 GB each), or checks a copy
that is here. A fetch that broke off goes on where it was when started again.
fetch.lock.textproto in the folder records sizes and checksums: later fetches
must bring the same.

Usage: fetch --model=softmax|sigmoid [flags]
With Bazel: bazel run //experiments/pretrained:fetch -- --model=softmax [flags]

Examples:
  fetch --model=softmax --dry_run
  fetch --model=sigmoid --checkpoint_dir=/data/sigmoid
  fetch --model=softmax --checkpoint_dir=/data/softmax --offline

Flags:
  --model NAME          softmax or sigmoid.
  --checkpoint_dir DIR  Folder to fetch into; what is there already is checked,
                        not fetched. Default: checkpoints/NAME.
  --dry_run             Says what is to be fetched, and changes nothing.
  --offline             Never asks the store: checks the copy against its lock.
  --quick               Does not read files that the lock names: their sizes are
                        enough.
  --jobs N              Connections, 1 to 64. Default: 8.
  --base_url URL        Address of the store, or of a mirror that answers like it.
                        Default: https://storage.googleapis.com
  --ca_bundle FILE      Certificates to trust. Default: the system's.
  --attempts N          Gives up after so many attempts in a row that brought
                        nothing. Default: 8.
  --first_wait TIME     Before the second attempt; then twice as long each time, up
                        to a minute. Default: 500ms.
  --stall_timeout TIME  Takes a connection that brings nothing for lost. Default:
                        60s.
  --help                Prints this.

POLARIZE_STORE_TOKEN_FILE in the environment, if set, names a file with an access
token, which is sent (only over https). Proxies: https_proxy and no_proxy, as for curl.

Exit code 0: the checkpoint is whole and checked; 1: an error; 130, 143: ended by
Ctrl-C or SIGTERM, to be gone on with.
)";

absl::Status FlagError(absl::string_view flag, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", rule));
}

absl::StatusOr<std::string> BaseUrl(const std::string& standard) {
  std::string url = absl::GetFlag(FLAGS_base_url);
  if (url.empty()) return standard;
  while (absl::EndsWith(url, "/")) url.pop_back();
  if (!absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) {
    return FlagError("base_url", "must begin with http:// or https://");
  }
  return url;
}

// The token comes from a file: Bazel writes the environment of a command into
// its log. It never becomes part of a message.
absl::StatusOr<std::string> Token(absl::string_view base_url) {
  const char* const path = std::getenv(kTokenFile);
  if (path == nullptr || path[0] == '\0') return std::string();
  const absl::StatusOr<std::string> text =
      ReadFile(UserPath(path), kMostTokenBytes);
  if (!text.ok()) return text.status();
  const absl::string_view token = absl::StripAsciiWhitespace(*text);
  if (token.empty() ||
      !std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(
        absl::StrCat(kTokenFile, " names a file that holds no token: it is ",
                     "empty or has spaces or special characters"));
  }
  if (!absl::StartsWith(base_url, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat(kTokenFile, " is set, and --base_url is not https: ",
                     "a token is not sent in the clear"));
  }
  return std::string(token);
}

absl::Status ReadNumbers(FetchOptions& options) {
  const int jobs = absl::GetFlag(FLAGS_jobs);
  if (jobs < 1 || jobs > 64) return FlagError("jobs", "must be from 1 to 64");
  options.jobs = static_cast<size_t>(jobs);
  options.retry.attempts = absl::GetFlag(FLAGS_attempts);
  if (options.retry.attempts < 1 || options.retry.attempts > 1000) {
    return FlagError("attempts", "must be from 1 to 1000");
  }
  options.retry.first_wait = absl::GetFlag(FLAGS_first_wait);
  if (options.retry.first_wait < absl::Milliseconds(1) ||
      options.retry.first_wait > options.retry.longest_wait) {
    return FlagError("first_wait", "must be from 1ms to 1m");
  }
  options.http.stall_timeout = absl::GetFlag(FLAGS_stall_timeout);
  if (options.http.stall_timeout < absl::Seconds(1) ||
      options.http.stall_timeout > absl::Hours(1)) {
    return FlagError("stall_timeout", "must be from 1s to 1h");
  }
  return absl::OkStatus();
}

std::string Folder(const std::string& model) {
  std::string folder = absl::GetFlag(FLAGS_checkpoint_dir);
  if (folder.empty()) folder = absl::StrCat("checkpoints/", model);
  folder = UserPath(folder);
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return folder;
}

absl::StatusOr<FetchOptions> ReadFlags() {
  FetchOptions options;
  const std::string model = absl::GetFlag(FLAGS_model);
  const absl::StatusOr<CheckpointSource> source = PublicCheckpoint(model);
  if (!source.ok()) return source.status();
  options.source = *source;
  const absl::StatusOr<std::string> url = BaseUrl(source->base_url);
  if (!url.ok()) return url.status();
  options.source.base_url = *url;
  const absl::StatusOr<std::string> token = Token(*url);
  if (!token.ok()) return token.status();
  options.http.token = *token;
  options.http.ca_bundle = UserPath(absl::GetFlag(FLAGS_ca_bundle));
  const absl::Status numbers = ReadNumbers(options);
  if (!numbers.ok()) return numbers;
  options.folder = Folder(model);
  options.dry_run = absl::GetFlag(FLAGS_dry_run);
  options.offline = absl::GetFlag(FLAGS_offline);
  options.quick = absl::GetFlag(FLAGS_quick);
  options.cancelled = Interrupted;
  return options;
}

void PrintCount(absl::string_view name, const Plan& plan,
                PlannedFile::Action action) {
  const size_t files = plan.Count(action);
  if (files == 0) return;
  std::printf("%-10s%zu files, %s\n", std::string(name).c_str(), files,
              FormatBytes(plan.Bytes(action)).c_str());
}

void PrintReport(const FetchOptions& options, const Plan& plan,
                 absl::Duration time) {
  const bool dry = options.dry_run;
  PrintCount(dry ? "to fetch" : "fetched", plan, PlannedFile::kFetch);
  PrintCount(dry ? "to check" : "checked", plan, PlannedFile::kVerify);
  PrintCount("trusted", plan, PlannedFile::kTrust);
  if (dry) {
    std::printf("missing   %s of it\n",
                FormatBytes(plan.MissingBytes()).c_str());
    std::printf("folder    %s (nothing was changed)\n", options.folder.c_str());
    return;
  }
  std::printf("folder    %s\nlock      %s/%s\ntime      %s\n",
              options.folder.c_str(), options.folder.c_str(), kLockName,
              FormatTime(time).c_str());
}

absl::Status Fetch(Progress* progress) {
  const absl::StatusOr<FetchOptions> options = ReadFlags();
  if (!options.ok()) return options.status();
  const absl::Time start = absl::Now();
  const absl::StatusOr<Plan> plan = FetchCheckpoint(*options, progress);
  if (!plan.ok()) return plan.status();
  PrintReport(*options, *plan, absl::Now() - start);
  return absl::OkStatus();
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  return polarize::ResumableProgram(argc, argv, polarize::kHelp,
                                    polarize::Fetch);
}
