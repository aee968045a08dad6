// Which rows a step works on, and who reads which.
//
// Every layer of the model computes a list of rows. Index lists say which row
// each key slot (context, position) and each query reads, and which rows reach
// the loss. In the identity plan a row is a (sequence, position) of the batch,
// in that order; another plan may give equal rows once.
#ifndef POLARIZE_EXPERIMENTS_MODEL_ROW_PLAN_H_
#define POLARIZE_EXPERIMENTS_MODEL_ROW_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polarize {

// For each of n targets, the members that read it: members [begin[i],
// begin[i+1]) of `member`, ascending. The gradient of a gather adds along them.
struct Segments {
  std::vector<uint32_t> begin, member;
  // From index[m] = target of member m, all below `targets`.
  void Invert(const std::vector<uint32_t>& index, size_t targets);
};

// An index list and, unless it is 0, 1, 2, ..., its inverse.
struct RowIndex {
  std::vector<uint32_t> row;
  bool identity = true;
  Segments readers;  // empty if identity
  // After `row` has been filled: finds out whether it is the identity over
  // `targets` rows and makes the inverse if not.
  void Finish(size_t targets);
};

struct LayerPlan {
  size_t rows_in, rows_out;
  RowIndex key;    // key slot (context, position) -> input row
  RowIndex query;  // output row -> input row: its query and residual
  std::vector<uint32_t> query_begin;  // per context, + 1: its output rows
  std::vector<uint32_t> visible;      // per output row: keys it sees
};

struct RowPlan {
  size_t contexts;                       // of every layer
  std::vector<int32_t> token, position;  // per row of the first layer
  std::vector<LayerPlan> layers;
  RowIndex output;              // output (logits row) -> row of the last layer
  std::vector<int32_t> target;  // per output
  std::vector<double> weight;   // per output: its share of the loss
};

// The identity plan's lists for `sequences` sequences of `positions` tokens.
// The caller fills token, target and weight, all sized here. Called again with
// no more sequences, it allocates nothing.
void MakeIdentityPlan(size_t layers, size_t sequences, size_t positions,
                      bool causal, RowPlan& plan);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_ROW_PLAN_H_
