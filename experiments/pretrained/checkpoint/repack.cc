#include "experiments/pretrained/checkpoint/repack.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "experiments/pretrained/checkpoint/arrays.h"
#include "experiments/pretrained/checkpoint/checkpoint.h"
#include "experiments/pretrained/checkpoint/journal.h"
#include "experiments/pretrained/checkpoint/packed.h"
#include "experiments/pretrained/checkpoint/packed_writer.h"
#include "experiments/pretrained/checkpoint/placement.h"
#include "experiments/pretrained/fetch/folder_guard.h"
#include "experiments/pretrained/fetch/transfer_progress.h"
#include "experiments/run/config.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

PackedCheckpoint ManifestOf(const Checkpoint& checkpoint,
                            PackedPrecision precision) {
  PackedCheckpoint manifest;
  manifest.set_layers(checkpoint.sizes.layers);
  manifest.set_embed_dim(checkpoint.sizes.embed_dim);
  manifest.set_heads(checkpoint.sizes.heads);
  manifest.set_head_dim(checkpoint.sizes.head_dim);
  manifest.set_ffn_dim(checkpoint.sizes.ffn_dim);
  manifest.set_vocab(checkpoint.sizes.vocab);
  manifest.set_precision(PackedPrecisionName(precision));
  manifest.set_attention(checkpoint.attention);
  manifest.set_step(checkpoint.step);
  manifest.set_lock_sha256(checkpoint.lock_sha256);
  manifest.set_source_sha256(checkpoint.source_sha256);
  return manifest;
}

// What is in the folder, if it is whole: an error if it is something else.
absl::StatusOr<absl::optional<PackedCheckpoint>> FindWhole(
    const std::string& folder, const PackedCheckpoint& wanted) {
  if (!PathExists(absl::StrCat(folder, "/", kPackedManifest))) {
    return absl::optional<PackedCheckpoint>();
  }
  const absl::StatusOr<PackedFolder> packed = PackedFolder::Open(folder);
  if (!packed.ok()) return packed.status();
  const PackedCheckpoint& there = packed->manifest();
  const auto refuse = [&folder](absl::string_view what) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " holds ", what, ": name another folder"));
  };
  if (there.source_sha256() != wanted.source_sha256()) {
    return refuse("another checkpoint");
  }
  if (there.precision() != wanted.precision()) {
    return refuse(absl::StrCat("this checkpoint as ", there.precision()));
  }
  return absl::optional<PackedCheckpoint>(there);
}

uint64_t BytesIn(const ZarrArray& array, uint64_t chunk) {
  return array.ElementsIn(chunk) * ElementBytes(array.zarray().type);
}

// The work of one call, after everything has been looked at.
class Repacking {
 public:
  Repacking(const RepackOptions& options, const Checkpoint& checkpoint,
            PackedWriter& writer, Journal& journal, RepackReport& report)
      : options_(options),
        checkpoint_(checkpoint),
        writer_(writer),
        journal_(journal),
        report_(report) {
    state_.units = "chunks";
    for (size_t i = 0; i < kWeightArrays; ++i) {
      const ZarrArray& array = checkpoint.arrays[i];
      for (uint64_t c = 0; c < array.zarray().ChunkCount(); ++c) {
        if (journal.Has({i, c})) continue;
        ++state_.files;
        state_.bytes += BytesIn(array, c);
      }
    }
  }

  absl::Status Run() {
    absl::Status status;
    for (size_t i = 0; i < kWeightArrays && status.ok(); ++i) {
      status = RunArray(i);
    }
    // What is done counts, whatever stopped the rest.
    const absl::Status kept = Keep();
    return status.ok() ? kept : status;
  }

 private:
  absl::Status RunArray(size_t i) {
    const ZarrArray& array = checkpoint_.arrays[i];
    Placement placement(WeightArrays()[i], array, options_.precision, writer_);
    for (uint64_t c = 0; c < array.zarray().ChunkCount(); ++c) {
      if (journal_.Has({i, c})) continue;
      absl::Status status = RunChunk(i, c, placement);
      if (!status.ok()) return status;
      pending_.insert({i, c});
      pending_bytes_ += BytesIn(array, c);
      ++state_.files_done;
      if (pending_bytes_ < options_.sync_bytes) continue;
      if (status = Keep(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status RunChunk(size_t i, uint64_t chunk, Placement& placement) {
    const ZarrArray& array = checkpoint_.arrays[i];
    const auto sink = [&](uint64_t first, absl::Span<const char> bytes) {
      if (options_.cancelled()) return absl::CancelledError("interrupted");
      state_.bytes_done += bytes.size();
      ShowProgress();
      return placement.Place(first, bytes);
    };
    placement.BeginChunk(chunk);
    const absl::Status status = checkpoint_.missing[i][chunk]
                                    ? array.ReadZeros(chunk, sink)
                                    : array.ReadChunk(chunk, sink);
    if (!status.ok()) return status;
    report_.read_bytes += BytesIn(array, chunk);
    return placement.EndChunk();
  }

  absl::Status Keep() {
    if (pending_.empty()) return absl::OkStatus();
    absl::Status status = writer_.Sync();
    if (status.ok()) status = journal_.Add(pending_);
    pending_.clear();
    pending_bytes_ = 0;
    return status;
  }

  void ShowProgress() {
    if (options_.progress == nullptr || !options_.progress->Due()) return;
    rate_.Add(absl::Now(), state_.bytes_done);
    state_.bytes_per_second = rate_.BytesPerSecond();
    options_.progress->Show(TransferLine(state_));
  }

  const RepackOptions& options_;
  const Checkpoint& checkpoint_;
  PackedWriter& writer_;
  Journal& journal_;
  RepackReport& report_;
  std::set<ChunkId> pending_;  // done, not yet in the journal
  uint64_t pending_bytes_ = 0;
  TransferState state_;
  RateMeter rate_;
};

absl::Status CheckRoom(const std::string& folder, const PackedWriter& writer) {
  const uint64_t there = writer.allocated_bytes();
  const uint64_t missing = writer.bytes() - std::min(writer.bytes(), there);
  return CheckSpace(ExistingFolder(folder), missing, "out");
}

// The journal of a repacking that broke off, or a new one; the writer's files
// with it.
absl::StatusOr<Journal> Begin(const std::string& folder, const std::string& key,
                              PackedWriter& writer) {
  const std::string path = absl::StrCat(folder, "/", kJournalFile);
  if (PathExists(path)) {
    absl::StatusOr<Journal> journal = Journal::Open(path, key);
    if (!journal.ok()) return journal;
    const absl::Status opened = writer.Open(PackedWriter::Start::kContinue);
    if (!opened.ok()) return opened;
    return journal;
  }
  if (const std::string file = writer.FinishedFile(); !file.empty()) {
    return absl::AlreadyExistsError(absl::StrCat(
        file, " is there, but neither ", kPackedManifest, " nor ", kJournalFile,
        ": no repacking left it. Name another folder"));
  }
  absl::Status status = writer.Open(PackedWriter::Start::kNew);
  if (status.ok()) status = writer.Sync();
  if (!status.ok()) return status;
  return Journal::Create(path, key);
}

absl::Status Finish(const std::string& folder, const PackedCheckpoint& manifest,
                    PackedWriter& writer, Journal& journal) {
  if (absl::Status status = writer.Finish(); !status.ok()) return status;
  const absl::Status written = WriteFileWhole(
      absl::StrCat(folder, "/", kPackedManifest), ResolvedText(manifest));
  return written.ok() ? journal.Remove() : written;
}

absl::Status Work(const RepackOptions& options, const Checkpoint& checkpoint,
                  PackedWriter& writer, RepackReport& report) {
  const std::string key =
      absl::StrCat(checkpoint.source_sha256, " ", report.manifest.precision());
  absl::StatusOr<Journal> journal = Begin(options.out, key, writer);
  if (!journal.ok()) return journal.status();
  report.continued = journal->size();
  const absl::Status done =
      Repacking(options, checkpoint, writer, *journal, report).Run();
  if (!done.ok()) return done;
  return Finish(options.out, report.manifest, writer, *journal);
}

}  // namespace

absl::StatusOr<RepackReport> Repack(const RepackOptions& options) {
  const absl::StatusOr<Checkpoint> checkpoint =
      OpenCheckpoint(options.checkpoint_dir, options.allow_missing_chunks);
  if (!checkpoint.ok()) return checkpoint.status();
  absl::StatusOr<PackedWriter> writer =
      PackedWriter::Plan(options.out, checkpoint->sizes, options.precision);
  if (!writer.ok()) return writer.status();
  RepackReport report;
  report.manifest = ManifestOf(*checkpoint, options.precision);
  report.bytes = writer->bytes();
  report.missing = checkpoint->missing_chunks;
  for (const ZarrArray& array : checkpoint->arrays) {
    report.chunks += array.zarray().ChunkCount();
  }
  const absl::StatusOr<absl::optional<PackedCheckpoint>> whole =
      FindWhole(options.out, report.manifest);
  if (!whole.ok()) return whole.status();
  report.was_there = whole->has_value();
  if (report.was_there) return report;
  absl::Status status = CheckRoom(options.out, *writer);
  if (!status.ok()) return status;
  if (options.dry_run) return report;
  const absl::StatusOr<FolderGuard> guard =
      FolderGuard::Take(options.out, "repack", "repacking");
  if (!guard.ok()) return guard.status();
  status = Work(options, *checkpoint, *writer, report);
  if (!status.ok()) return status;
  return report;
}

}  // namespace polarize
