#include "experiments/induction/config.h"

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "experiments/model/model_setup.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr char kDefaultFile[] = "experiments/induction/induction.textproto";

absl::StatusOr<InductionConfig> Load(
    const std::string& text, const std::vector<std::string>& settings = {}) {
  return LoadInductionConfig({"f", text}, settings, AttentionTypes());
}

std::string ErrorOf(const std::string& text,
                    const std::vector<std::string>& settings = {}) {
  const absl::StatusOr<InductionConfig> config = Load(text, settings);
  return config.ok() ? "" : std::string(config.status().message());
}

TEST(LoadInductionConfig, TheDefaultsAreTheReferences) {
  const absl::StatusOr<InductionConfig> config = Load("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(ResolvedText(*config), R"(# proto-file: protos/induction.proto
# proto-message: polarize.InductionConfig

name: "induction"
seed: 0
task {
  num_train: 100000
  num_eval: 1000
  vocab_size: 50
  seq_length: 13
  shift_query_token: true
  begin_token: true
  kind: "induction"
}
model {
  embed_dim: 128
  num_layers: 2
  num_heads: 4
  mlp_ratio: 4
  use_mlp: true
  use_layernorm: true
  is_causal: true
  attention_type: "softmax"
  positional_type: "concat"
  precision: "FP32"
  attention_temperature: 1
  qk_norm: false
  attention_gate: false
}
training {
  batch_size: 256
  lr: 0.001
  num_epochs: 10
  beta1: 0.9
  beta2: 0.999
  epsilon: 1e-08
  weight_decay: 0.01
  optimizer: "adamw"
  momentum: 0.9
  lr_schedule: "constant"
  warmup_steps: 0
  min_lr_ratio: 0
}
aux_loss_weight: 0.2
statistics {
  points_per_decade: 4
  map_samples: 2
}
)");
}

TEST(LoadInductionConfig, TheDefaultRunWritesEveryDefault) {
  const absl::StatusOr<ConfigText> text = ReadConfigText(kDefaultFile);
  ASSERT_TRUE(text.ok()) << text.status();
  InductionConfig config;
  const auto places = LoadConfig(*text, {}, &config);
  ASSERT_TRUE(places.ok()) << places.status();
  const auto defaults = Load("");
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(ResolvedText(config), ResolvedText(*defaults));
  for (const char* path :
       {"seed", "task.vocab_size", "model.attention_type", "training.lr",
        "aux_loss_weight", "statistics.map_samples"}) {
    EXPECT_EQ(places->Of(path).rfind(std::string(kDefaultFile) + ":(", 0),
              std::string::npos)
        << path << " is left to the default";
  }
}

TEST(LoadInductionConfig, TheValuesOfThePapersSweepAreAllowed) {
  for (const std::string_view type : AttentionTypes()) {
    for (const char* positional : {"concat", "add", "no"}) {
      EXPECT_EQ(ErrorOf("", {"attention_type=" + std::string(type),
                             std::string("positional_type=") + positional,
                             "num_heads=8", "lr=1e-2", "aux_loss_weight=0.0",
                             "shift_query_token=False", "seed=4"}),
                "");
    }
  }
}

// As PyTorch's optimisers have it, unless it is set.
TEST(LoadInductionConfig, TheDefaultDecayIsTheOptimizers) {
  const auto decay = [](const std::string& text,
                        const std::vector<std::string>& settings) {
    const absl::StatusOr<InductionConfig> config = Load(text, settings);
    EXPECT_TRUE(config.ok()) << config.status();
    const auto again = Load(ResolvedText(*config));
    EXPECT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(ResolvedText(*again), ResolvedText(*config));
    return config->training().weight_decay();
  };
  EXPECT_EQ(decay("", {"optimizer=adamw"}), 0.01);
  for (const char* name : {"adam", "sgd", "momentum", "sign"}) {
    const std::string setting = std::string("optimizer=") + name;
    EXPECT_EQ(decay("", {setting}), 0) << name;
    EXPECT_EQ(decay("training { weight_decay: 0 }", {setting}), 0) << name;
    if (std::string(name) == "adam") continue;
    EXPECT_EQ(decay("", {setting, "weight_decay=0.01"}), 0.01) << name;
    EXPECT_EQ(decay("training { weight_decay: 0.2 }", {setting}), 0.2) << name;
  }
  // The default run, too, leaves the choice.
  const absl::StatusOr<ConfigText> text = ReadConfigText(kDefaultFile);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(decay(text->text, {"optimizer=adam"}), 0);
  EXPECT_EQ(decay(text->text, {}), 0.01);
}

TEST(LoadInductionConfig, TheEdgesAreAllowed) {
  EXPECT_EQ(ErrorOf("", {"seq_length=4", "vocab_size=2", "num_train=1",
                         "num_eval=1", "map_samples=1", "batch_size=1",
                         "num_epochs=0", "embed_dim=8", "num_heads=1",
                         "num_layers=1", "mlp_ratio=0.5"}),
            "");
  EXPECT_EQ(ErrorOf("", {"seq_length=513", "vocab_size=511", "batch_size=1",
                         "seed=4294967295", "beta1=0", "beta2=0",
                         "weight_decay=0", "map_samples=0"}),
            "");
  EXPECT_EQ(ErrorOf("", {"embed_dim=3", "num_heads=3", "mlp_ratio=1",
                         "positional_type=no"}),
            "");
  EXPECT_EQ(ErrorOf("", {"momentum=0", "min_lr_ratio=1", "lr_schedule=cosine",
                         "num_train=100", "batch_size=8", "num_epochs=2",
                         "warmup_steps=26"}),
            "");
  // What is not trained has no rate that could miss anything.
  EXPECT_EQ(ErrorOf("", {"warmup_steps=100", "num_epochs=0"}), "");
}

// One broken rule: a text or a setting, and all that is said about it.
struct Broken {
  const char* text;
  std::vector<std::string> settings;
  const char* error;
};

void ExpectErrors(const std::vector<Broken>& cases) {
  for (const Broken& c : cases) {
    EXPECT_EQ(ErrorOf(c.text, c.settings), c.error);
  }
}

TEST(LoadInductionConfigErrors, Top) {
  ExpectErrors({
      {"sed: 1", {}, "f:1:1: sed: no such field; did you mean seed?"},
      {"num_heads: 1",
       {},
       "f:1:1: num_heads: no such field; did you mean model.num_heads?"},
      {"seed: -1", {}, "f:1:1: seed = -1: must be from 0 to 4294967295"},
      {"",
       {"seed=4294967296"},
       "--set seed=4294967296: seed = 4294967296: must be from 0 to "
       "4294967295"},
      {"aux_loss_weight: -0.1",
       {},
       "f:1:1: aux_loss_weight = -0.1: must be at least 0"},
      {"aux_loss_weight: inf",
       {},
       "f:1:1: aux_loss_weight = inf: must be finite"},
      {"name: \"\"",
       {},
       "f:1:1: name = \"\": must be 1 to 100 letters, digits, \"_\", \"-\" and "
       "\".\", and not begin with \".\": it names a folder"},
      {"name: \"../x\"",
       {},
       "f:1:1: name = \"../x\": must be 1 to 100 letters, digits, \"_\", \"-\" "
       "and \".\", and not begin with \".\": it names a folder"},
      {"",
       {"name=a/b"},
       "--set name=a/b: name = \"a/b\": must be 1 to 100 letters, digits, "
       "\"_\", \"-\" and \".\", and not begin with \".\": it names a folder"},
  });
}

TEST(LoadInductionConfig, TheConfigsBeyondThePaperAreAllowed) {
  for (const char* name :
       {"induction_no_bos", "induction_t128", "induction_t32", "trigger"}) {
    const absl::StatusOr<ConfigText> text = ReadConfigText(
        std::string("experiments/induction/") + name + ".textproto");
    ASSERT_TRUE(text.ok()) << text.status();
    const auto config = LoadInductionConfig(*text, {}, AttentionTypes());
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->name(), name);
  }
  EXPECT_EQ(ErrorOf("", {"begin_token=false", "seq_length=3", "vocab_size=2",
                         "interventions=0_sink_value_mean,1_3_head_zero"}),
            "");
  EXPECT_EQ(ErrorOf("", {"interventions=bos_zero"}), "");
}

TEST(LoadInductionConfigErrors, TasksAndInterventions) {
  const auto expect = [](const std::vector<std::string>& settings,
                         const std::string& part) {
    EXPECT_NE(ErrorOf("", settings).find(part), std::string::npos)
        << ErrorOf("", settings);
  };
  expect({"task.kind=triger"}, "task.kind = \"triger\"");
  expect({"seq_length=129"},
         "task.vocab_size = 50: must be at least 127: with task.seq_length 129 "
         "a sequence has 126 distinct tokens");
  expect({"seq_length=129", "begin_token=false"}, "must be at least 128");
  expect({"begin_token=false", "seq_length=2"}, "must be from 3 to 513");
  expect(
      {"interventions=bos_zero", "begin_token=false"},
      "must be \"standard\" alone, or names of this model's from "
      "\"0_sink_value_zero\" to \"1_3_head_mean\", and \"bos_zero\" is none");
  expect({"interventions=1_4_head_zero"}, "\"1_4_head_zero\" is none");
  expect({"interventions=standard,bos_zero"}, "\"standard\" is none");
  expect({"interventions=bos_mean,bos_mean"},
         "must not name \"bos_mean\" twice");
}

TEST(LoadInductionConfigErrors, Task) {
  ExpectErrors({
      {"task {\n  num_train: 0\n}",
       {},
       "f:2:3: task.num_train = 0: must be from 1 to 100000000"},
      {"task { num_eval: 0 }",
       {"map_samples=0"},
       "f:1:8: task.num_eval = 0: must be from 1 to 100000000"},
      {"task { vocab_size: 1 }",
       {},
       "f:1:8: task.vocab_size = 1: must be from 2 to 1000000"},
      {"task { seq_length: 3 }",
       {},
       "f:1:8: task.seq_length = 3: must be from 4 to 513"},
      {"",
       {"seq_length=514"},
       "--set seq_length=514: task.seq_length = 514: must be from 4 to 513"},
      {"task { vocab_size: 10 }",
       {},
       "f:1:8: task.vocab_size = 10: must be at least 11: with "
       "task.seq_length 13 a sequence has 10 distinct tokens, none of them "
       "token 0"},
      {"",
       {"seq_length=53"},
       "f:(default): task.vocab_size = 50: must be at least 51: with "
       "task.seq_length 53 a sequence has 50 distinct tokens, none of them "
       "token 0"},
      {"",
       {"num_train=100000000", "seq_length=33"},
       "--set num_train=100000000: task.num_train = 100000000: must be less: "
       "the sequences would take 12.3 GiB, and 8 are allowed"},
  });
}

TEST(LoadInductionConfigErrors, Model) {
  ExpectErrors({
      {"model { embed_dim: 0 }",
       {},
       "f:1:9: model.embed_dim = 0: must be from 1 to 65536"},
      {"model { embed_dim: 65538 num_heads: 2 }",
       {},
       "f:1:9: model.embed_dim = 65538: must be from 1 to 65536"},
      {"model { num_layers: 0 }",
       {},
       "f:1:9: model.num_layers = 0: must be from 1 to 1000"},
      {"model { num_heads: 0 }",
       {},
       "f:1:9: model.num_heads = 0: must be from 1 to 65536"},
      {"model { num_heads: 3 }",
       {},
       "f:1:9: model.num_heads = 3: must divide model.embed_dim, 128"},
      {"model { embed_dim: 5 num_heads: 5 mlp_ratio: 1 }",
       {},
       "f:1:9: model.embed_dim = 5: must be even: positional_type \"concat\" "
       "gives one half to tokens, one to positions"},
      {"model { mlp_ratio: 0 }",
       {},
       "f:1:9: model.mlp_ratio = 0: must be above 0"},
      {"model { mlp_ratio: nan }",
       {},
       "f:1:9: model.mlp_ratio = nan: must be finite"},
      {"model { mlp_ratio: 0.1 }",
       {},
       "f:1:9: model.mlp_ratio = 0.1: must make mlp_ratio * embed_dim a whole "
       "number from 1 to 1048576, and it is 12.8"},
      {"model { mlp_ratio: 1e9 }",
       {},
       "f:1:9: model.mlp_ratio = 1000000000: must make mlp_ratio * embed_dim a "
       "whole number from 1 to 1048576, and it is 1.28e+11"},
      {"model { attention_type: \"sofmax\" }",
       {},
       "f:1:9: model.attention_type = \"sofmax\": must be one of softmax, "
       "uniform, sigmoid_norm, sigmoid_unnorm, linear, linear_unnorm, "
       "coupled_linear_norm, coupled_linear_unnorm, raw_dotproduct_norm, "
       "raw_dotproduct_unnorm, mlp_norm, mlp_unnorm, softmax_1, softmax_sink, "
       "exp_unnorm, sigmoid_bias, relu_norm, relu_unnorm; did you mean "
       "\"softmax\"?"},
      {"model { attention_temperature: 0 }",
       {},
       "f:1:9: model.attention_temperature = 0: must be above 0"},
      {"model { attention_temperature: inf }",
       {},
       "f:1:9: model.attention_temperature = inf: must be finite"},
      {"",
       {"model.attention_temperature=-0.5"},
       "--set model.attention_temperature=-0.5: model.attention_temperature = "
       "-0.5: must be above 0"},
      {"task { seq_length: 4 vocab_size: 2 } model { embed_dim: 4 num_heads: 1 "
       "}",
       {},
       "f:1:46: model.embed_dim = 4: must be greater: the token embedding has "
       "4 x 2 numbers and needs 16"},
      {"",
       {"positional_type=rotary"},
       "--set positional_type=rotary: model.positional_type = \"rotary\": must "
       "be one of concat, add, no"},
      {"",
       {"qk_norm=true", "attention_type=uniform"},
       "--set qk_norm=true: model.qk_norm = true: must be false: "
       "attention_type \"uniform\" looks at no queries and keys"},
      {"",
       {"model.precision=FP64"},
       "--set model.precision=FP64: model.precision = \"FP64\": must be one of "
       "FP32, BF16"},
      {"",
       {"embed_dim=32768"},
       "--set embed_dim=32768: model.embed_dim = 32768: must be less: training "
       "would take about 384.4 GiB for parameters, and 16 are allowed\n"
       "f:(default): training.batch_size = 256: must be less: training would "
       "take about 24.0 GiB for a batch, and 16 are allowed"},
  });
}

TEST(LoadInductionConfigErrors, Training) {
  ExpectErrors({
      {"training { batch_size: 0 }",
       {},
       "f:1:12: training.batch_size = 0: must be from 1 to 1048576"},
      {"training { batch_size: 1000000 }",
       {},
       "f:1:12: training.batch_size = 1000000: must be less: training would "
       "take about 383.7 GiB for a batch, and 16 are allowed"},
      {"training { lr: 0 }", {}, "f:1:12: training.lr = 0: must be above 0"},
      {"training { lr: -1e-3 }",
       {},
       "f:1:12: training.lr = -0.001: must be above 0"},
      {"", {"lr=inf"}, "--set lr=inf: training.lr = inf: must be finite"},
      {"", {"lr=nan"}, "--set lr=nan: training.lr = nan: must be finite"},
      {"", {"lr=fast"}, "--set lr=fast: training.lr = fast: must be a number"},
      {"training { num_epochs: -1 }",
       {},
       "f:1:12: training.num_epochs = -1: must be from 0 to 1000000"},
      {"training { beta1: 1 }",
       {},
       "f:1:12: training.beta1 = 1: must be at least 0 and below 1"},
      {"training { beta2: -0.1 }",
       {},
       "f:1:12: training.beta2 = -0.1: must be at least 0 and below 1"},
      {"training { epsilon: 0 }",
       {},
       "f:1:12: training.epsilon = 0: must be above 0"},
      {"training { weight_decay: -1 }",
       {},
       "f:1:12: training.weight_decay = -1: must be at least 0"},
  });
}

TEST(LoadInductionConfigErrors, Optimizer) {
  ExpectErrors({
      {"training { optimizer: \"adamW\" }",
       {},
       "f:1:12: training.optimizer = \"adamW\": must be one of adamw, adam, "
       "sgd, momentum, sign; did you mean \"adamw\"?"},
      {"training { optimiser: \"sgd\" }",
       {},
       "f:1:12: training.optimiser: no such field; did you mean "
       "training.optimizer?"},
      {"training { optimizer: \"adam\"\n weight_decay: 0.01 }",
       {},
       "f:2:2: training.weight_decay = 0.01: must be 0 with optimizer "
       "\"adam\", which has no decay: \"adamw\" is Adam with decay"},
      {"training { momentum: 1 }",
       {},
       "f:1:12: training.momentum = 1: must be at least 0 and below 1"},
      {"",
       {"momentum=-0.1"},
       "--set momentum=-0.1: training.momentum = -0.1: must be at least 0 and "
       "below 1"},
      {"training { lr_schedule: \"cosin\" }",
       {},
       "f:1:12: training.lr_schedule = \"cosin\": must be one of constant, "
       "cosine; did you mean \"cosine\"?"},
      {"training { min_lr_ratio: 1.5 }",
       {},
       "f:1:12: training.min_lr_ratio = 1.5: must be from 0 to 1"},
      {"training { warmup_steps: -1 }",
       {},
       "f:1:12: training.warmup_steps = -1: must be at least 0"},
      {"training { warmup_steps: 3911 }",
       {},
       "f:1:12: training.warmup_steps = 3911: must be at most 3910, the steps "
       "of the run, or the rate would never reach training.lr"},
  });
}

TEST(LoadInductionConfigErrors, Statistics) {
  ExpectErrors({
      {"statistics { points_per_decade: 0 }",
       {},
       "f:1:14: statistics.points_per_decade = 0: must be from 1 to 1000"},
      {"statistics { map_samples: -1 }",
       {},
       "f:1:14: statistics.map_samples = -1: must be from 0 to 100"},
      {"statistics { map_samples: 101 }",
       {},
       "f:1:14: statistics.map_samples = 101: must be from 0 to 100"},
      {"statistics { map_samples: 51 } task { num_eval: 50 }",
       {},
       "f:1:14: statistics.map_samples = 51: must be at most task.num_eval, "
       "50"},
  });
}

TEST(LoadInductionConfigErrors, AllAtOnce) {
  EXPECT_EQ(ErrorOf("model {\n  num_heads: 0\n}\ntraining { lr: 0 }",
                    {"vocab_size=0"}),
            "--set vocab_size=0: task.vocab_size = 0: must be from 2 to "
            "1000000\n"
            "f:2:3: model.num_heads = 0: must be from 1 to 65536\n"
            "f:4:12: training.lr = 0: must be above 0");
}

// Changes `text` in one place: bytes flipped, cut, doubled, or words of the
// schema put in.
std::string Mutated(std::string text, std::mt19937* random) {
  static const char* const kWords[] = {
      "model {",     "}",     "seed: ", "-",    "\"", "<",  "[",
      "]",           "1e999", "nan",    ":",    "0x", "# ", "task",
      "99999999999", "'",     "\\",     "lr: ", "\n"};
  const auto below = [random](size_t n) { return (*random)() % (n + 1); };
  const size_t changes = 1 + below(3);
  for (size_t i = 0; i < changes; ++i) {
    const size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(below(255));
        break;
      case 1:
        text.erase(at, below(20));
        break;
      case 2:
        text.insert(at, text.substr(below(text.size()), below(40)));
        break;
      case 3:
        text.insert(at, kWords[below(std::size(kWords) - 1)]);
        break;
      case 4:
        text.resize(at);
    }
  }
  return text;
}

// Not a crash, and an error always says something.
TEST(LoadInductionConfigFuzz, SurvivesMutatedConfigsAndSettings) {
  const std::string good = ReadConfigText(kDefaultFile)->text;
  std::mt19937 random(20240607);
  int loaded = 0, refused = 0;
  const auto start = std::chrono::steady_clock::now();
  while (loaded + refused < 30000 &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(40)) {
    std::vector<std::string> settings;
    if (random() % 2 == 0) settings = {Mutated("model.num_heads=4", &random)};
    const auto config = Load(Mutated(good, &random), settings);
    (config.ok() ? loaded : refused)++;
    ASSERT_EQ(config.ok(), config.status().message().empty());
  }
  EXPECT_GE(loaded + refused, 20000);
  // Both happen, or the mutations are too strong or too weak to test anything.
  EXPECT_GE(loaded, 1000);
  EXPECT_GE(refused, 1000);
}

TEST(LoadInductionConfigFuzz, SurvivesRandomBytes) {
  std::mt19937 random(20240608);
  for (int i = 0; i < 5000; ++i) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const auto config = Load(text);
    ASSERT_EQ(config.ok(), config.status().message().empty());
  }
}

TEST(LoadInductionConfigFuzz, SurvivesDeepAndLongTexts) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "model { ";
  EXPECT_EQ(ErrorOf(deep),
            "f:1:9: model.model: no such field; did you mean model?");
  EXPECT_EQ(ErrorOf(std::string(1 << 20, '[')).substr(0, 6), "f:1:2:");
  EXPECT_EQ(ErrorOf("seed: " + std::string(1 << 20, '1')).substr(0, 20),
            "f:1:1: seed = 111111");
  EXPECT_EQ(ErrorOf(std::string(1 << 20, 'a')),
            "f:1:1: " + std::string(60, 'a') +
                "...: no such field; there are name, seed, task, model, "
                "training, aux_loss_weight, statistics, interventions");
}

}  // namespace
}  // namespace polarize
