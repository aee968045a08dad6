#include "experiments/pretrained/run.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/pretrained/checkpoint/packed.h"
#include "experiments/pretrained/checkpoint/packed_layout.h"
#include "experiments/pretrained/checkpoint/repack.h"
#include "experiments/pretrained/fetch/folder_guard.h"
#include "experiments/pretrained/model/forward.h"
#include "experiments/pretrained/model/head_statistics.h"
#include "experiments/pretrained/model/outputs.h"
#include "experiments/pretrained/model/prompts.h"
#include "experiments/pretrained/model/residual_statistics.h"
#include "experiments/pretrained/model/score_histogram.h"
#include "experiments/pretrained/model/score_table.h"
#include "experiments/pretrained/resume.h"
#include "experiments/pretrained/text/prompts.h"
#include "experiments/pretrained/text/tokenizer.h"
#include "experiments/run/build_commit.h"
#include "experiments/run/config.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/json.h"
#include "experiments/run/progress.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/thread_team.h"
#include "experiments/run/user_path.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

constexpr char kDefaultOut[] = "pretrained";
constexpr char kStateFile[] = "state.safetensors";
constexpr char kFigure[] = "pretrained";
constexpr absl::Duration kLookInterval = absl::Milliseconds(50);
constexpr absl::Duration kLongestWait = absl::Minutes(1);

// Counts rows on their way to the statistics.
class CountingObserver : public AttentionObserver<float> {
 public:
  explicit CountingObserver(HeadStatistics& heads) : heads_(heads) {}
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const float> weights) override {
    heads_.Row(layer, head, row, weights);
    rows_.fetch_add(1, std::memory_order_relaxed);
  }
  size_t rows() const { return rows_.load(std::memory_order_relaxed); }

 private:
  HeadStatistics& heads_;
  std::atomic<size_t> rows_{0};
};

ForwardOptions OptionsOf(const PretrainedConfig& config, size_t threads) {
  ForwardOptions options;
  options.activation = config.model().attention_type() == "sigmoid"
                           ? AlibiActivation::kSigmoid
                           : AlibiActivation::kSoftmax;
  options.precision = config.model().precision() == "BF16"
                          ? ProductPrecision::kBF16
                          : ProductPrecision::kF32;
  options.threads = threads;
  return options;
}

// The prompts as ids, in the order of the sample.
absl::StatusOr<Prompts> PromptsFrom(const PretrainedConfig& config,
                                    const PretrainedPaths& paths,
                                    size_t embedding_rows) {
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(paths.tokenizer);
  if (!tokenizer.ok()) return tokenizer.status();
  const absl::Status fits = tokenizer->CheckEmbeddingRows(embedding_rows);
  if (!fits.ok()) return fits;
  PromptChoice choice;
  choice.samples = static_cast<uint64_t>(config.prompts().samples());
  choice.seed = static_cast<uint64_t>(config.seed());
  choice.max_tokens = static_cast<uint64_t>(config.prompts().max_tokens());
  absl::StatusOr<std::vector<Prompt>> read =
      ReadPrompts(paths.prompts, choice, *tokenizer);
  if (!read.ok()) return read.status();
  std::vector<std::vector<int32_t>> ids;
  for (Prompt& prompt : *read) ids.push_back(std::move(prompt.ids));
  absl::StatusOr<Prompts> prompts = Prompts::Create(ids, embedding_rows);
  if (prompts.ok() && prompts->rows() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(paths.prompts, ": no token in any document"));
  }
  return prompts;
}

PackedPrecision PrecisionOf(const PretrainedConfig& config) {
  return config.model().precision() == "BF16" ? PackedPrecision::kBF16
                                              : PackedPrecision::kF32;
}

// A checkpoint in `folder` that says which model it is, and is the other one.
absl::Status CheckModel(const PretrainedConfig& config,
                        const std::string& folder, const std::string& known) {
  const std::string& wanted = config.model().attention_type();
  if (known.empty() || known == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(folder, " holds the ", known, " model, not the ", wanted,
                   " model: --model=", known, " runs it"));
}

// A repacked folder whose checkpoint is gone.
absl::StatusOr<PackedFolder> OpenAlone(const PretrainedConfig& config,
                                       const PretrainedPaths& paths) {
  absl::StatusOr<PackedFolder> packed = PackedFolder::Open(paths.packed);
  if (absl::IsNotFound(packed.status())) {
    return absl::NotFoundError(absl::StrCat(
        "no checkpoint in ", paths.checkpoint, ", and none repacked in ",
        paths.packed, ": --checkpoint_dir names its folder, or fetch it with\n",
        "  bazel run //experiments/pretrained:fetch -- --model=",
        config.model().attention_type()));
  }
  if (!packed.ok()) return packed.status();
  if (packed->precision() != PrecisionOf(config)) {
    return absl::InvalidArgumentError(absl::StrCat(
        packed->folder(), " holds weights in ",
        PackedPrecisionName(packed->precision()), ": --set model.precision=",
        PackedPrecisionName(packed->precision()), " runs them"));
  }
  const absl::Status model =
      CheckModel(config, packed->folder(), packed->manifest().attention());
  if (!model.ok()) return model;
  return packed;
}

// The checkpoint, repacked now unless the folder holds just that already; one
// that holds another checkpoint, or other weights of it, is Repack's error.
absl::StatusOr<PackedFolder> OpenOrRepack(const PretrainedConfig& config,
                                          const PretrainedPaths& paths,
                                          bool dry_run) {
  if (!PathExists(paths.checkpoint)) return OpenAlone(config, paths);
  const InterruptHandler interrupt;
  Progress progress(Progress::StandardError());
  RepackOptions options;
  options.checkpoint_dir = paths.checkpoint;
  options.out = paths.packed;
  options.precision = PrecisionOf(config);
  options.dry_run = true;
  options.cancelled = Interrupted;
  options.progress = &progress;
  absl::StatusOr<RepackReport> report = Repack(options);
  if (!report.ok()) return report.status();
  const absl::Status model =
      CheckModel(config, paths.checkpoint, report->manifest.attention());
  if (!model.ok()) return model;
  if (report->was_there) return PackedFolder::Open(paths.packed);
  if (dry_run) {
    return absl::FailedPreconditionError(
        absl::StrCat(paths.checkpoint, ": not yet repacked into ", paths.packed,
                     ", which a run without --dry_run does first"));
  }
  std::printf("repacking   %s into %s\n", paths.checkpoint.c_str(),
              paths.packed.c_str());
  std::fflush(stdout);
  options.dry_run = false;
  report = Repack(options);
  if (!report.ok()) return report.status();
  return PackedFolder::Open(paths.packed);
}

// What runs that were killed while they wrote a state have left.
void RemoveHalfStates(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, absl::StrCat(".", kStateFile, ".")) &&
        absl::EndsWith(name, ".tmp")) {
      std::remove(entry->path().c_str());
    }
  }
}

// The tables and the figure are both models': a run that ends while the other
// one writes its own waits for the moment that this takes.
absl::StatusOr<FolderGuard> TakeTables(const std::string& folder) {
  const absl::Time deadline = absl::Now() + kLongestWait;
  for (;;) {
    absl::StatusOr<FolderGuard> guard =
        FolderGuard::Take(folder, kDefaultOut, "writing its results");
    if (guard.ok() || absl::Now() > deadline) return guard;
    absl::SleepFor(kLookInterval);
  }
}

class PretrainedRun {
 public:
  PretrainedRun(const PretrainedConfig& config, const RunFlags& flags,
                const PackedFolder& packed, const Prompts& prompts,
                ThreadTeam& team)
      : config_(config),
        flags_(flags),
        packed_(packed),
        prompts_(prompts),
        team_(team),
        options_(OptionsOf(config, team.threads())),
        out_(flags.out.empty() ? UserPath(kDefaultOut) : flags.out),
        heads_(packed.sizes(), prompts),
        residual_(packed.sizes().layers, prompts),
        progress_(Progress::StandardError()) {}

  void PrintPlan() const;
  absl::StatusOr<int> Execute(int argc, const char* const* argv);

 private:
  const std::string& model() const { return config_.model().attention_type(); }
  std::string StatePath() const {
    return absl::StrCat(out_, "/", model(), "/", kStateFile);
  }
  PretrainedState State() { return {*forward_, heads_, residual_}; }

  absl::Status OpenFolder();
  // What is run and on what, when it is sure that it is.
  absl::Status Describe(int argc, const char* const* argv);
  absl::Status StartOrGoOn();
  absl::Status RunLayers();
  absl::Status RunLayer(size_t layer);
  std::string ProgressLine(size_t layer, size_t rows) const;
  absl::Status Write();
  absl::Status DrawBothModels();
  void PrintEnd() const;

  const PretrainedConfig& config_;
  const RunFlags& flags_;
  const PackedFolder& packed_;
  const Prompts& prompts_;
  ThreadTeam& team_;
  const ForwardOptions options_;
  const std::string out_;
  HeadStatistics heads_;
  ResidualStatistics residual_;
  Progress progress_;
  std::unique_ptr<PretrainedForward> forward_;
  std::unique_ptr<FolderGuard> guard_;
  std::unique_ptr<RunFolder> folder_;
  uint64_t fingerprint_ = 0;
  size_t first_layer_ = 0;  // of this sitting
  size_t layers_done_ = 0;
  absl::Time start_ = absl::Now();
  absl::Time layers_start_ = absl::Now();
  std::string notice_;
};

void PretrainedRun::PrintPlan() const {
  const PretrainedSizes& sizes = packed_.sizes();
  const size_t bytes =
      PretrainedForward::PlannedBytes(sizes, options_, prompts_);
  std::printf(
      "model       %s attention, %d layers, %d heads, width %d, products in "
      "%s\n"
      "checkpoint  %s, weights in %s\n"
      "prompts     %d with %d tokens, the longest %d\n"
      "memory      %.1f MiB planned, one layer of the checkpoint mapped at a "
      "time\n"
      "machine     %s, %d thread%s\n",
      model().c_str(), static_cast<int>(sizes.layers),
      static_cast<int>(sizes.heads), static_cast<int>(sizes.embed_dim),
      config_.model().precision().c_str(), packed_.folder().c_str(),
      PackedPrecisionName(packed_.precision()),
      static_cast<int>(prompts_.size()), static_cast<int>(prompts_.rows()),
      static_cast<int>(prompts_.longest()),
      static_cast<double>(bytes) / (1 << 20), ChosenTargetName(),
      static_cast<int>(team_.threads()), team_.threads() == 1 ? "" : "s");
  std::fflush(stdout);
}

absl::Status PretrainedRun::OpenFolder() {
  RunFolderOptions options;
  options.path = absl::StrCat(out_, "/", model());
  options.experiment = config_.name();
  options.overwrite = flags_.overwrite;
  options.start = start_;
  // Two runs would take each other's states for their own.
  absl::StatusOr<FolderGuard> guard =
      FolderGuard::Take(options.path, kDefaultOut, "running the model");
  if (!guard.ok()) return guard.status();
  guard_ = std::make_unique<FolderGuard>(*std::move(guard));
  absl::StatusOr<RunFolder> folder = RunFolder::Create(options);
  if (!folder.ok()) return folder.status();
  if (flags_.overwrite) std::remove(StatePath().c_str());
  RemoveHalfStates(options.path);
  // A state is written beside the one before.
  const absl::Status room = CheckSpace(
      options.path,
      2 * prompts_.rows() * packed_.sizes().embed_dim * sizeof(float), "--out");
  if (!room.ok()) return room;
  folder_ = std::make_unique<RunFolder>(*std::move(folder));
  return absl::OkStatus();
}

absl::Status PretrainedRun::Describe(int argc, const char* const* argv) {
  absl::Status status = folder_->WriteConfig(ResolvedText(config_));
  if (!status.ok()) return status;
  Environment environment = DescribeEnvironment(start_, argc, argv);
  environment.set_commit(BuildCommit());
  environment.set_threads(static_cast<int64_t>(team_.threads()));
  environment.set_seed(static_cast<uint64_t>(config_.seed()));
  return folder_->WriteEnvironment(environment);
}

absl::Status PretrainedRun::StartOrGoOn() {
  absl::StatusOr<std::unique_ptr<PretrainedForward>> forward =
      PretrainedForward::Create(packed_.sizes(), options_, prompts_);
  if (!forward.ok()) return forward.status();
  forward_ = *std::move(forward);
  fingerprint_ = PretrainedFingerprint(
      absl::StrCat(ResolvedText(config_), ChosenTargetName()),
      ResolvedText(packed_.manifest()), prompts_);
  const absl::StatusOr<size_t> layers =
      LoadState(StatePath(), fingerprint_, State());
  if (!layers.ok()) return layers.status();
  first_layer_ = layers_done_ = *layers;
  if (*layers > 0) {
    std::printf("going on    after layer %d of %d\n", static_cast<int>(*layers),
                static_cast<int>(packed_.sizes().layers));
    std::fflush(stdout);
    return absl::OkStatus();
  }
  const absl::StatusOr<PackedEmbedding> embedding = packed_.MapEmbedding();
  if (!embedding.ok()) return embedding.status();
  return forward_->Embed(embedding->table(), team_);
}

std::string PretrainedRun::ProgressLine(size_t layer, size_t rows) const {
  const double in_layer =
      static_cast<double>(rows) /
      static_cast<double>(prompts_.rows() * packed_.sizes().heads);
  const double done =
      static_cast<double>(layers_done_ - first_layer_) + in_layer;
  const double all = static_cast<double>(packed_.sizes().layers - first_layer_);
  const absl::Duration elapsed = absl::Now() - layers_start_;
  const absl::Duration left =
      done > 0 ? elapsed * ((all - done) / done) : absl::InfiniteDuration();
  return absl::StrFormat("layer %d of %d  %3.0f%%  left %s", layer + 1,
                         packed_.sizes().layers, 100 * in_layer,
                         FormatTime(left));
}

// The layer on a thread of its own, so that this one shows how far it is.
absl::Status PretrainedRun::RunLayer(size_t layer) {
  residual_.Look(layer, *forward_, team_);
  const absl::StatusOr<PackedLayer> mapped = packed_.MapLayer(layer);
  if (!mapped.ok()) return mapped.status();
  CountingObserver observer(heads_);
  absl::Status status;
  std::atomic<bool> done{false};
  std::thread runner([&] {
    status = forward_->RunLayer(layer, mapped->weights(), &observer, team_);
    done = true;
  });
  while (!done) {
    absl::SleepFor(kLookInterval);
    if (progress_.Due()) progress_.Show(ProgressLine(layer, observer.rows()));
  }
  runner.join();
  if (status.ok()) heads_.FinishLayer(layer);
  return status;
}

absl::Status PretrainedRun::RunLayers() {
  layers_start_ = absl::Now();
  const size_t layers = packed_.sizes().layers;
  for (size_t layer = first_layer_; layer < layers; ++layer) {
    if (Interrupted()) break;
    absl::Status status = RunLayer(layer);
    if (!status.ok()) return status;
    layers_done_ = layer + 1;
    if (layers_done_ == layers) break;
    status = SaveState(StatePath(), fingerprint_, layers_done_, State());
    if (!status.ok()) return status;
  }
  progress_.Finish();
  return absl::OkStatus();
}

// Fig. 7, of the models whose scores are in the table.
absl::Status PretrainedRun::DrawBothModels() {
  const absl::StatusOr<PretrainedScores> scores =
      ReadScores(absl::StrCat(out_, "/pretrained.csv"));
  if (!scores.ok()) return scores.status();
  absl::StatusOr<Figures> figures = Figures::Create(out_);
  if (!figures.ok()) return figures.status();
  return figures->Draw(ScoreHistogram(kFigure, *scores));
}

absl::Status PretrainedRun::Write() {
  const absl::StatusOr<FolderGuard> guard = TakeTables(out_);
  if (!guard.ok()) return guard.status();
  absl::Status status = WriteOutputs(out_, model(), heads_, residual_);
  if (!status.ok()) return status;
  absl::StatusOr<Figures> figures = Figures::Create(folder_->path());
  if (!figures.ok()) return figures.status();
  status = DrawOutputs(model(), heads_, residual_, *figures);
  if (!status.ok()) return status;
  notice_ = figures->Notice();
  status = DrawBothModels();
  if (!status.ok()) return status;
  JsonLine summary;
  summary.Add("state", "finished")
      .Add("layers", packed_.sizes().layers)
      .Add("prompts", prompts_.size())
      .Add("tokens", prompts_.counted())
      .Add("source_sha256", packed_.manifest().source_sha256())
      .Add("seconds", absl::ToDoubleSeconds(absl::Now() - start_));
  status = folder_->WriteSummary(summary);
  if (!status.ok()) return status;
  // The state has done its work, and is large.
  std::remove(StatePath().c_str());
  return absl::OkStatus();
}

void PretrainedRun::PrintEnd() const {
  std::string text = "\nlayer  mean score  most in a head  first token\n";
  for (size_t l = 0; l < heads_.layers(); ++l) {
    double sum = 0, most = 0, first = 0;
    for (size_t h = 0; h < heads_.heads(); ++h) {
      const HeadScores scores = heads_.Scores(l, h);
      sum += scores.max_proportion;
      most = std::max(most, scores.max_proportion);
      first += scores.first_token_proportion;
    }
    const double n = static_cast<double>(heads_.heads());
    absl::StrAppendFormat(&text, "%5d  %10.4f  %14.4f  %11.4f\n", l, sum / n,
                          most, first / n);
  }
  absl::StrAppend(&text, "\ntime        ", FormatTime(absl::Now() - start_),
                  "\nscores      ", out_, "/pretrained.csv\nrun folder  ",
                  folder_->path(), "\n");
  if (!notice_.empty()) absl::StrAppend(&text, "pictures    ", notice_, "\n");
  const char* const other = model() == "softmax" ? "sigmoid" : "softmax";
  absl::StrAppend(&text, "to go on\n  bazel run //experiments:pretrained -- ",
                  "--model=", other, " --out=", out_,
                  "\n  bazel run //tools:figures -- --sweeps=", out_, "\n");
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

absl::StatusOr<int> PretrainedRun::Execute(int argc, const char* const* argv) {
  const InterruptHandler interrupt;
  start_ = absl::Now();
  absl::Status status = OpenFolder();
  if (status.ok()) status = StartOrGoOn();
  if (status.ok()) status = Describe(argc, argv);
  if (status.ok()) status = RunLayers();
  if (!status.ok()) return status;
  if (layers_done_ < packed_.sizes().layers) {
    std::fprintf(stderr,
                 "interrupted after layer %d of %d: the same command goes on "
                 "from here\n",
                 static_cast<int>(layers_done_),
                 static_cast<int>(packed_.sizes().layers));
    return 128 + InterruptSignal();
  }
  status = Write();
  if (!status.ok()) return status;
  PrintEnd();
  return 0;
}

}  // namespace

PretrainedPaths WithDefaults(const PretrainedConfig& config,
                             PretrainedPaths paths) {
  if (paths.checkpoint.empty()) {
    paths.checkpoint =
        absl::StrCat("checkpoints/", config.model().attention_type());
  }
  while (paths.checkpoint.size() > 1 && paths.checkpoint.back() == '/') {
    paths.checkpoint.pop_back();
  }
  if (paths.packed.empty()) {
    paths.packed =
        absl::StrCat(paths.checkpoint, "-",
                     absl::AsciiStrToLower(config.model().precision()));
  }
  if (paths.tokenizer.empty()) paths.tokenizer = "checkpoints/bpe_32k_c4.model";
  if (paths.prompts.empty()) paths.prompts = "checkpoints/pile-10k.parquet";
  for (std::string* path :
       {&paths.checkpoint, &paths.packed, &paths.tokenizer, &paths.prompts}) {
    *path = UserPath(*path);
  }
  return paths;
}

absl::StatusOr<int> RunPretrained(const PretrainedConfig& config,
                                  const PretrainedPaths& paths,
                                  const RunFlags& flags, int argc,
                                  const char* const* argv) {
  PinTarget(flags.target);
  const absl::StatusOr<std::unique_ptr<ThreadTeam>> team = ThreadTeam::Create(
      flags.threads > 0 ? static_cast<size_t>(flags.threads)
                        : std::max(1u, std::thread::hardware_concurrency()));
  if (!team.ok()) return team.status();
  const absl::StatusOr<PackedFolder> packed =
      OpenOrRepack(config, paths, flags.dry_run);
  if (absl::IsCancelled(packed.status())) {
    std::fputs("interrupted: the same command goes on from here\n", stderr);
    return 128 + InterruptSignal();
  }
  if (!packed.ok()) return packed.status();
  const absl::StatusOr<Prompts> prompts =
      PromptsFrom(config, paths, packed->sizes().vocab);
  if (!prompts.ok()) return prompts.status();
  PretrainedRun run(config, flags, *packed, *prompts, **team);
  run.PrintPlan();
  if (flags.dry_run) return 0;
  return run.Execute(argc, argv);
}

}  // namespace polarize
