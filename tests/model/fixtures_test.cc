// The model against tiny ones that PyTorch computed in double: logits, loss and
// every gradient. tools/peer/write_fixture.py says what the files hold.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "experiments/model/model_config.h"
#include "experiments/model/model_setup.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "experiments/model/transformer.h"
#include "experiments/run/safetensors.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "kernels/base/random/torch_random.h"
#include "protos/induction.pb.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

// The recorded numbers were rounded to float32: half a unit in the last place.
constexpr double kRecorded = 0x1p-24;
// What double arithmetic adds, relative to the largest entry of a tensor.
constexpr double kDouble = 1e-12;
constexpr double kFloatLogit = 1e-5;
constexpr double kFloatLoss = 2e-6;
constexpr double kFloatGradient = 1e-5;  // norm-wise
constexpr double kFloatZero = 1e-7;      // gradients that cancel to 0
constexpr double kDoubleZero = 1e-15;

std::vector<std::string> Cases() {
  std::vector<std::string> cases;
  for (const auto& file :
       std::filesystem::directory_iterator("tests/fixtures")) {
    const std::string name = file.path().stem().string();
    if (file.path().extension() == ".safetensors" &&
        absl::StartsWith(name, "model_")) {
      cases.push_back(name);
    }
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

std::string PathOf(const std::string& name, const std::string& extension) {
  return absl::StrCat("tests/fixtures/", name, extension);
}

InductionConfig LoadConfig(const std::string& name) {
  std::ifstream file(PathOf(name, ".textproto"));
  std::stringstream text;
  text << file.rdbuf();
  InductionConfig config;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(text.str(), &config));
  return config;
}

ModelConfig ModelOf(const InductionConfig& config) {
  const size_t tokens =
      config.task().vocab_size() * (config.task().shift_query_token() ? 2 : 1);
  return MakeModelConfig(config.model(), tokens, tokens,
                         config.task().seq_length() - 1);
}

class Fixture {
 public:
  explicit Fixture(const std::string& name)
      : config_(LoadConfig(name)), file_(Open(name)) {}

  ModelConfig model() const { return ModelOf(config_); }
  const InductionConfig& config() const { return config_; }
  bool Has(const std::string& name) const {
    return file_.Find(name) != nullptr;
  }

  std::vector<double> Floats(const std::string& name) const {
    return ReadAs<float, double>(name);
  }
  std::vector<int32_t> Ints(const std::string& name) const {
    return ReadAs<int64_t, int32_t>(name);
  }
  std::vector<size_t> Shape(const std::string& name) const {
    const TensorInfo* tensor = file_.Find(name);
    if (tensor == nullptr) return {};
    return {tensor->shape.begin(), tensor->shape.end()};
  }
  // What stands behind `prefix` in the names of the file's tensors.
  std::set<std::string> Names(const std::string& prefix) const {
    std::set<std::string> names;
    for (const TensorInfo& tensor : file_.tensors()) {
      absl::string_view name = tensor.name;
      if (absl::ConsumePrefix(&name, prefix)) names.emplace(name);
    }
    return names;
  }

 private:
  static SafetensorsFile Open(const std::string& name) {
    auto file = SafetensorsFile::Open(PathOf(name, ".safetensors"));
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  template <typename From, typename To>
  std::vector<To> ReadAs(const std::string& name) const {
    const TensorInfo* tensor = file_.Find(name);
    if (tensor == nullptr) {
      ADD_FAILURE() << "no tensor " << name;
      return {};
    }
    std::vector<From> values(tensor->elements);
    const absl::Status read = file_.Read(name, absl::MakeSpan(values));
    EXPECT_TRUE(read.ok()) << read;
    return {values.begin(), values.end()};
  }

  InductionConfig config_;
  SafetensorsFile file_;
};

// The induction loss as weights of the plan's outputs.
RowPlan PlanOf(const Fixture& fixture) {
  const ModelConfig model = fixture.model();
  const double sequences = static_cast<double>(fixture.Shape("input").at(0));
  Batch batch = {fixture.Shape("input").at(0),
                 fixture.Ints("input"),
                 fixture.Ints("target"),
                 {}};
  for (size_t r = 0; r < batch.token.size(); ++r) {
    const bool last = r % model.positions + 1 == model.positions;
    batch.weight.push_back(
        last ? 1 / sequences
             : fixture.config().aux_loss_weight() /
                   (sequences * static_cast<double>(model.positions - 1)));
  }
  return IdentityPlan(model, batch);
}

template <typename T>
std::unique_ptr<Transformer<T>> LoadModel(const Fixture& fixture,
                                          ParallelFor& parallel) {
  auto model = std::make_unique<Transformer<T>>(
      fixture.model(), fixture.Shape("input").at(0), parallel);
  std::set<std::string> names;
  for (const Parameter& p : model->parameters().list()) {
    names.insert(p.name);
    EXPECT_EQ(fixture.Shape("param/" + p.name), p.shape) << p.name;
    const std::vector<double> values = fixture.Floats("param/" + p.name);
    std::copy(values.begin(), values.end(), model->values() + p.offset);
  }
  EXPECT_EQ(names, fixture.Names("param/"));
  return model;
}

void ExpectRoundsTo(const std::vector<double>& recorded, const double* actual) {
  double largest = 0;
  for (double value : recorded) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < recorded.size(); ++i) {
    EXPECT_NEAR(actual[i], recorded[i],
                kRecorded * std::abs(recorded[i]) + kDouble * largest)
        << "entry " << i;
  }
}

void ExpectLogits(const std::vector<double>& recorded, const double* actual) {
  ExpectRoundsTo(recorded, actual);
}
void ExpectLogits(const std::vector<double>& recorded, const float* actual) {
  for (size_t i = 0; i < recorded.size(); ++i) {
    EXPECT_NEAR(actual[i], recorded[i],
                kFloatLogit * std::max(1.0, std::abs(recorded[i])))
        << "entry " << i;
  }
}

void ExpectGradient(const std::vector<double>& recorded, const double* actual) {
  ExpectRoundsTo(recorded, actual);
}
void ExpectGradient(const std::vector<double>& recorded, const float* actual) {
  const std::vector<double> values(actual, actual + recorded.size());
  EXPECT_LT(NormWiseError(values, recorded), kFloatGradient);
}

// Mean losses of the positions before the last, and of the last.
template <typename T>
std::pair<double, double> LossParts(const Transformer<T>& model,
                                    const RowPlan& plan) {
  const size_t positions = model.config().positions;
  double start = 0, last = 0;
  for (size_t r = 0; r < plan.target.size(); ++r) {
    (r % positions + 1 == positions ? last : start) += model.loss()[r];
  }
  const double sequences = static_cast<double>(plan.contexts);
  return {start / (sequences * static_cast<double>(positions - 1)),
          last / sequences};
}

template <typename T>
void ExpectLoss(const Fixture& fixture, const Transformer<T>& model,
                const RowPlan& plan) {
  const double tolerance =
      std::is_same_v<T, float> ? kFloatLoss : kRecorded + kDouble;
  const auto [start, last] = LossParts(model, plan);
  const std::vector<double> parts = fixture.Floats("loss_parts");
  EXPECT_NEAR(start, parts[0], tolerance * parts[0]);
  EXPECT_NEAR(last, parts[1], tolerance * parts[1]);
  const double total = fixture.Floats("loss")[0];
  EXPECT_NEAR(fixture.config().aux_loss_weight() * start + last, total,
              tolerance * total);
}

// Parameters without a recorded gradient are those that are not trained.
template <typename T>
void ExpectGradients(const Fixture& fixture, Transformer<T>& model) {
  std::set<std::string> trained;
  for (const Parameter& p : model.parameters().list()) {
    SCOPED_TRACE(p.name);
    const T* gradient = model.gradients() + p.offset;
    if (p.trained) trained.insert(p.name);
    const bool cancels =
        !fixture.model().qk_norm &&
        fixture.config().model().attention_type() == "softmax" &&
        absl::EndsWith(p.name, "k_proj.bias");
    if (!p.trained || cancels) {
      const double zero = !p.trained                 ? 0
                          : std::is_same_v<T, float> ? kFloatZero
                                                     : kDoubleZero;
      for (size_t i = 0; i < p.size; ++i) EXPECT_NEAR(gradient[i], 0, zero);
    } else {
      ExpectGradient(fixture.Floats("grad/" + p.name), gradient);
    }
  }
  EXPECT_EQ(trained, fixture.Names("grad/"));
}

template <typename T>
void ExpectRecorded(const std::string& name) {
  SCOPED_TRACE(name);
  const Fixture fixture(name);
  SerialFor serial;
  const auto model = LoadModel<T>(fixture, serial);
  const RowPlan plan = PlanOf(fixture);
  model->Pack(/*backward=*/true);
  ExpectLogits(fixture.Floats("logits"), model->Forward(plan));
  model->Loss(plan, /*backward=*/true);
  ExpectLoss(fixture, *model, plan);
  model->Backward(plan);
  ExpectGradients(fixture, *model);
}

TEST(ModelFixtures, Float) {
  ForEachTarget([] {
    for (const std::string& name : Cases()) ExpectRecorded<float>(name);
  });
}

TEST(ModelFixtures, Double) {
  ForEachTarget([] {
    for (const std::string& name : Cases()) ExpectRecorded<double>(name);
  });
}

// Of the options that the reference's recordings do not have.
TEST(ModelFixtures, InitialWeightsArePyTorchs) {
  const Fixture fixture("init_options");
  const ModelConfig config = fixture.model();
  EXPECT_TRUE(config.qk_norm && config.attention_gate);
  const Parameters parameters(config);
  TorchRandom random(fixture.config().seed());
  std::vector<float> values(parameters.array_size());
  InitParameters(config, parameters, random, values.data());
  std::set<std::string> names;
  for (const Parameter& p : parameters.list()) {
    names.insert(p.name);
    EXPECT_EQ(fixture.Shape("param/" + p.name), p.shape) << p.name;
    const auto first = values.begin() + p.offset;
    EXPECT_EQ(std::vector<double>(first, first + p.size),
              fixture.Floats("param/" + p.name))
        << p.name;
  }
  EXPECT_EQ(names, fixture.Names("param/"));
}

TEST(ModelFixtures, EveryAttentionKindIsThere) {
  std::set<std::string> present, known;
  for (const std::string& name : Cases()) {
    present.insert(LoadConfig(name).model().attention_type());
  }
  for (const AttentionKind& kind : AttentionKinds()) known.insert(kind.name);
  EXPECT_EQ(present, known);
}

}  // namespace
}  // namespace polarize
