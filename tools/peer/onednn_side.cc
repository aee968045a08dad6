// oneDNN as one side of a comparison: matmul, softmax and logistic, forward and
// backward, on plain row-major arrays. Primitives are made once per case, as
// its users do. Compiled by tools/bench/compare_sides.py, not by Bazel.
#include <dnnl.hpp>
#include <unordered_map>

#include "tools/bench/command_loop.h"

namespace {

using polarize::CaseSpec;
using polarize::Runner;
using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;

struct Engine {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

Engine& TheEngine() {
  static Engine engine;
  return engine;
}

dnnl::memory::desc Plain(const Dims& dims, Tag tag = Tag::ab) {
  return {dims, dnnl::memory::data_type::f32, tag};
}

dnnl::memory Filled(const dnnl::memory::desc& desc) {
  dnnl::memory memory(desc, TheEngine().engine);
  const auto numbers = polarize::TestNumbers(desc.get_size() / sizeof(float));
  std::copy(numbers.begin(), numbers.end(),
            static_cast<float*>(memory.get_data_handle()));
  return memory;
}

Runner Execute(const dnnl::primitive& primitive,
               const std::unordered_map<int, dnnl::memory>& arguments) {
  return [=] {
    primitive.execute(TheEngine().stream, arguments);
    TheEngine().stream.wait();
  };
}

Runner OpenLinear(const CaseSpec& spec) {
  const auto rows = static_cast<dnnl_dim_t>(spec.Number("rows")),
             inner = static_cast<dnnl_dim_t>(spec.Number("inner")),
             outer = static_cast<dnnl_dim_t>(spec.Number("outer"));
  const std::string op = spec.Text("op");
  // Left times right; a transposed factor is the same array with tag ba.
  dnnl::memory::desc left = Plain({rows, inner}),
                     right = Plain({inner, outer}, Tag::ba),
                     out = Plain({rows, outer});
  if (op == "input_gradient") {
    left = Plain({rows, outer});
    right = Plain({outer, inner});
    out = Plain({rows, inner});
  } else if (op == "weight_gradient") {
    left = Plain({outer, rows}, Tag::ba);
    right = Plain({rows, inner});
    out = Plain({outer, inner});
  }
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::matmul::primitive_desc made(TheEngine().engine, left, right, out);
#else
  const dnnl::matmul::primitive_desc made({left, right, out},
                                          TheEngine().engine);
#endif
  return Execute(dnnl::matmul(made), {{DNNL_ARG_SRC, Filled(left)},
                                      {DNNL_ARG_WEIGHTS, Filled(right)},
                                      {DNNL_ARG_DST, Filled(out)}});
}

Dims RowDims(const CaseSpec& spec) {
  return {static_cast<dnnl_dim_t>(spec.Number("rows")),
          static_cast<dnnl_dim_t>(spec.Number("n"))};
}

Runner OpenSoftmax(const CaseSpec& spec) {
  const auto desc = Plain(RowDims(spec));
  const auto& engine = TheEngine().engine;
  const auto training = dnnl::prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::softmax_forward::primitive_desc forward(
      engine, training, dnnl::algorithm::softmax_accurate, desc, desc, 1);
  const dnnl::softmax_backward::primitive_desc backward(
      engine, dnnl::algorithm::softmax_accurate, desc, desc, desc, 1, forward);
#else
  const dnnl::softmax_forward::primitive_desc forward({training, desc, 1},
                                                      engine);
  const dnnl::softmax_backward::primitive_desc backward({desc, desc, 1}, engine,
                                                        forward);
#endif
  const dnnl::memory x = Filled(desc), y = Filled(desc);
  const Runner run = Execute(dnnl::softmax_forward(forward),
                             {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  if (spec.Text("op") == "forward") return run;
  run();
  return Execute(dnnl::softmax_backward(backward),
                 {{DNNL_ARG_DST, y},
                  {DNNL_ARG_DIFF_DST, Filled(desc)},
                  {DNNL_ARG_DIFF_SRC, x}});
}

Runner OpenSigmoid(const CaseSpec& spec) {
  const auto desc = Plain(RowDims(spec));
  const auto& engine = TheEngine().engine;
  const auto training = dnnl::prop_kind::forward_training;
  // From y, as PyTorch does.
  const auto logistic = dnnl::algorithm::eltwise_logistic_use_dst_for_bwd;
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::eltwise_forward::primitive_desc forward(engine, training,
                                                      logistic, desc, desc);
  const dnnl::eltwise_backward::primitive_desc backward(
      engine, logistic, desc, desc, desc, 0.0f, 0.0f, forward);
#else
  const dnnl::eltwise_forward::primitive_desc forward(
      {training, logistic, desc, 0.0f, 0.0f}, engine);
  const dnnl::eltwise_backward::primitive_desc backward(
      {logistic, desc, desc, 0.0f, 0.0f}, engine, forward);
#endif
  const dnnl::memory x = Filled(desc), y = Filled(desc);
  const Runner run = Execute(dnnl::eltwise_forward(forward),
                             {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  if (spec.Text("op") == "forward") return run;
  run();
  return Execute(dnnl::eltwise_backward(backward),
                 {{DNNL_ARG_DST, y},
                  {DNNL_ARG_DIFF_DST, Filled(desc)},
                  {DNNL_ARG_DIFF_SRC, x}});
}

Runner Open(const CaseSpec& spec, std::string* why) try {
  if (spec.kind == "linear") return OpenLinear(spec);
  if (spec.kind == "softmax") return OpenSoftmax(spec);
  if (spec.kind == "sigmoid") return OpenSigmoid(spec);
  return nullptr;
} catch (const dnnl::error& error) {
  *why = error.what();
  return nullptr;
}

std::string Isa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    default:
      return "AVX-512";
  }
}

}  // namespace

int main() {
  const dnnl_version_t* v = dnnl_version();
  const std::string version = std::to_string(v->major) + "." +
                              std::to_string(v->minor) + "." +
                              std::to_string(v->patch);
  return polarize::ObeyCommands("oneDNN", version, Isa(), Open);
}
