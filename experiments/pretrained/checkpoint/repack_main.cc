// Turns a 7B checkpoint into one file per layer, which the forward pass maps.
#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/pretrained/checkpoint/repack.h"
#include "experiments/pretrained/fetch/resumable_program.h"
#include "experiments/pretrained/fetch/transfer_progress.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/progress.h"
#include "experiments/run/user_path.h"

ABSL_FLAG(std::string, checkpoint_dir, "", "folder of the checkpoint");
ABSL_FLAG(std::string, out, "", "folder of the repacked checkpoint");
ABSL_FLAG(std::string, precision, "FP32", "FP32 or BF16");
ABSL_FLAG(bool, allow_missing_chunks, false, "take missing chunks for zeros");
ABSL_FLAG(bool, dry_run, false, "look at everything, change nothing");

namespace polarize {
namespace {

constexpr char kHelp[] =
    R"(Turns a 7B checkpoint, whose files each hold a part of all layers, into one file
per layer, which `bazel run //experiments:pretrained` maps into memory. Takes some
20 MB of memory. What broke off goes on where it was when started again.

Usage: repack --checkpoint_dir=DIR [flags]
With Bazel: bazel run //experiments/pretrained:repack -- --checkpoint_dir=DIR [flags]

Examples:
  repack --checkpoint_dir=checkpoints/softmax --dry_run
  repack --checkpoint_dir=checkpoints/softmax --precision=BF16 --out=/data/softmax

Flags:
  --checkpoint_dir DIR    The checkpoint, with index and gda/model/ in it, as
                          //experiments/pretrained:fetch leaves it.
  --out DIR               Folder to write into. Default: checkpoint_dir with -fp32 or
                          -bf16 behind it.
  --precision FP32|BF16   What matrices are kept in: float32 (26.4 GB for a 7B model)
                          or bfloat16, rounded to nearest (13.2 GB). Default: FP32.
  --allow_missing_chunks  Takes chunks without a file for zeros, which the format
                          says they are. Else they are an error: with weights, a
                          download that is not complete is likelier.
  --dry_run               Looks at all but the chunks' bytes, and changes nothing.
  --help                  Prints this.

Exit code 0: the folder is whole; 1: an error; 130, 143: ended by Ctrl-C or SIGTERM,
to be gone on with.
)";

// A folder that a flag names, without slashes at its end.
std::string Folder(const std::string& flag) {
  std::string folder = UserPath(flag);
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return folder;
}

absl::StatusOr<RepackOptions> ReadFlags() {
  RepackOptions options;
  if (absl::GetFlag(FLAGS_checkpoint_dir).empty()) {
    return absl::InvalidArgumentError(
        "--checkpoint_dir: must name the folder of a checkpoint (--help tells "
        "more)");
  }
  options.checkpoint_dir = Folder(absl::GetFlag(FLAGS_checkpoint_dir));
  const absl::StatusOr<PackedPrecision> precision =
      ParsePackedPrecision(absl::GetFlag(FLAGS_precision));
  if (!precision.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--precision: ", precision.status().message()));
  }
  options.precision = *precision;
  options.out = Folder(absl::GetFlag(FLAGS_out));
  if (options.out.empty()) {
    options.out = absl::StrCat(
        options.checkpoint_dir, "-",
        absl::AsciiStrToLower(PackedPrecisionName(options.precision)));
  }
  options.allow_missing_chunks = absl::GetFlag(FLAGS_allow_missing_chunks);
  options.dry_run = absl::GetFlag(FLAGS_dry_run);
  options.cancelled = Interrupted;
  return options;
}

void PrintReport(const RepackOptions& options, const RepackReport& report,
                 absl::Duration time) {
  const PackedCheckpoint& m = report.manifest;
  std::printf(
      "model     %llu layers, embed_dim %llu, heads %llu of %llu, "
      "ffn_dim %llu, vocab %llu\n",
      static_cast<unsigned long long>(m.layers()),
      static_cast<unsigned long long>(m.embed_dim()),
      static_cast<unsigned long long>(m.heads()),
      static_cast<unsigned long long>(m.head_dim()),
      static_cast<unsigned long long>(m.ffn_dim()),
      static_cast<unsigned long long>(m.vocab()));
  std::printf("files     %s as %s\n", FormatBytes(report.bytes).c_str(),
              m.precision().c_str());
  std::printf("chunks    %llu", static_cast<unsigned long long>(report.chunks));
  if (report.continued > 0) {
    std::printf(", %llu done before",
                static_cast<unsigned long long>(report.continued));
  }
  if (report.missing > 0) {
    std::printf(", %llu of them missing: ZEROS in their place",
                static_cast<unsigned long long>(report.missing));
  }
  std::printf("\nfolder    %s%s\n", options.out.c_str(),
              options.dry_run    ? " (nothing was changed)"
              : report.was_there ? " (was whole already)"
                                 : "");
  if (report.read_bytes > 0) {
    std::printf("time      %s\n", FormatTime(time).c_str());
  }
}

absl::Status RepackAsTold(Progress* progress) {
  absl::StatusOr<RepackOptions> options = ReadFlags();
  if (!options.ok()) return options.status();
  options->progress = progress;
  const absl::Time start = absl::Now();
  const absl::StatusOr<RepackReport> report = Repack(*options);
  if (!report.ok()) return report.status();
  PrintReport(*options, *report, absl::Now() - start);
  return absl::OkStatus();
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  return polarize::ResumableProgram(argc, argv, polarize::kHelp,
                                    polarize::RepackAsTold);
}
