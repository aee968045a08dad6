// Which rows a step works on, and who reads which.
//
// Every layer of the model computes a list of rows. Index lists say which row
// each key slot (context, position) and each query reads, and which rows reach
// the loss. In the identity plan a row is a (sequence, position) of the batch,
// in that order; another plan may give equal rows once (batch_plan.h).
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
  // Queries are projected once for each input row that has one, or for all
  // (asked.identity, then asked_by is not looked at).
  RowIndex asked;                     // projected query -> input row, ascending
  RowIndex asked_by;                  // output row -> projected query
  std::vector<uint32_t> query_begin;  // per context, + 1: its output rows
  std::vector<uint32_t> visible;      // per output row: keys it sees

  size_t QueryRows() const {
    return asked.identity ? rows_in : asked.row.size();
  }
  const RowIndex& ProjectedQuery() const {
    return asked.identity ? query : asked_by;
  }
};

// Observation::order of a row whose keys stay in the context's order.
inline constexpr uint32_t kContextOrder = ~0u;
// A row of attention weights that an observer is shown in every layer.
struct Observation {
  uint32_t sequence, position;     // whose it is
  uint32_t count;                  // how many equal ones it stands for
  uint32_t row = 0;                // output row, of every layer but the last
  uint32_t last_row = 0;           // of the last
  uint32_t order = kContextOrder;  // or an entry of RowPlan::key_order
};

struct RowPlan {
  size_t contexts;                       // of every layer
  std::vector<int32_t> token, position;  // per row of the first layer
  std::vector<LayerPlan> layers;
  RowIndex output;              // output (logits row) -> row of the last layer
  RowIndex target_row;          // target -> logits row that is to predict it
  std::vector<int32_t> target;  // per target: the token or label
  std::vector<double> weight;   // per target: its share of the loss
  std::vector<Observation> observations;
  // The key slots of a sequence in its own order: one per position and entry.
  std::vector<uint32_t> key_order;
};

// The identity plan written out, which tests hold BatchPlan to (runs use
// BatchPlan): its lists for `sequences` sequences of `positions` tokens.
// The caller fills token, target and weight, all sized here. Every row is
// observed. Called again with no more sequences, it allocates nothing.
void MakeIdentityPlan(size_t layers, size_t sequences, size_t positions,
                      bool causal, RowPlan& plan);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_ROW_PLAN_H_
