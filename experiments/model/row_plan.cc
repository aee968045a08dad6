#include "experiments/model/row_plan.h"

#include <numeric>

namespace polarize {

void Segments::Invert(const std::vector<uint32_t>& index, size_t targets) {
  begin.assign(targets + 1, 0);
  for (uint32_t target : index) ++begin[target + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  member.resize(index.size());
  // begin[target] walks to its end and is moved back afterwards.
  for (size_t m = 0; m < index.size(); ++m) {
    member[begin[index[m]]++] = static_cast<uint32_t>(m);
  }
  for (size_t t = targets; t > 0; --t) begin[t] = begin[t - 1];
  begin[0] = 0;
}

void RowIndex::Finish(size_t targets) {
  identity = row.size() == targets;
  for (size_t i = 0; identity && i < row.size(); ++i) identity = row[i] == i;
  if (identity) {
    readers.begin.clear();
    readers.member.clear();
  } else {
    readers.Invert(row, targets);
  }
}

namespace {

void Iota(size_t n, RowIndex& index) {
  index.row.resize(n);
  std::iota(index.row.begin(), index.row.end(), 0u);
  index.identity = true;
}

}  // namespace

void MakeIdentityPlan(size_t layers, size_t sequences, size_t positions,
                      bool causal, RowPlan& plan) {
  const size_t rows = sequences * positions;
  plan.contexts = sequences;
  plan.token.resize(rows);
  plan.position.resize(rows);
  plan.target.resize(rows);
  plan.weight.resize(rows);
  for (size_t r = 0; r < rows; ++r) {
    plan.position[r] = static_cast<int32_t>(r % positions);
  }
  Iota(rows, plan.output);
  Iota(rows, plan.target_row);
  plan.observations.resize(rows);
  for (uint32_t r = 0; r < rows; ++r) {
    const auto t = static_cast<uint32_t>(positions);
    plan.observations[r] = {r / t, r % t, 1, r, r, kContextOrder};
  }
  plan.key_order.clear();
  plan.layers.resize(layers);
  for (LayerPlan& layer : plan.layers) {
    layer.rows_in = layer.rows_out = rows;
    Iota(rows, layer.key);
    Iota(rows, layer.query);
    layer.asked.identity = true;
    layer.query_begin.resize(sequences + 1);
    for (size_t c = 0; c <= sequences; ++c) {
      layer.query_begin[c] = static_cast<uint32_t>(c * positions);
    }
    layer.visible.resize(rows);
    for (size_t r = 0; r < rows; ++r) {
      layer.visible[r] =
          static_cast<uint32_t>(causal ? r % positions + 1 : positions);
    }
  }
}

}  // namespace polarize
